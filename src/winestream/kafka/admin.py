"""One admin client, made when first needed and kept until the end."""

from collections.abc import Mapping

from confluent_kafka.admin import AdminClient

from winestream.kafka.settings import Setting


class Admin:
    """Keeps the client in a variable: collected, it fails the questions under way."""

    def __init__(self, settings: Mapping[str, Setting]) -> None:
        self._settings = dict(settings)
        self._client: AdminClient | None = None

    @property
    def client(self) -> AdminClient:
        """The client; connects in the background, so that this never blocks."""
        if self._client is None:
            self._client = AdminClient(self._settings)
        return self._client

    def close(self) -> None:
        """Let the connections go."""
        self._client = None
