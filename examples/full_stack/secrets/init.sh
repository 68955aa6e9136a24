#!/bin/sh
# Makes the files that compose.yaml mounts as secrets; what is there stays as it is.
#
# Grafana gets a random password. The others are left empty: put a real one into the
# file to get mail, Slack messages or pages. Until then those notifications fail, which
# Alertmanager says in its log and metrics; nothing else suffers.
set -eu
cd "$(dirname "$0")"
chmod 700 . # other people of this machine; a container reads the files, mounted singly
umask 022

if [ ! -e grafana_admin_password ]; then
    head -c 24 /dev/urandom | base64 | tr -d '\n' > grafana_admin_password
fi
for name in smtp_password slack_webhook_url pagerduty_routing_key; do
    [ -e "$name" ] || : > "$name"
done
echo "secrets/ is ready; Grafana: admin / $(cat grafana_admin_password)"
