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

    def renew(self) -> None:
        """Begin with another client at the next question, from the bootstrap servers.

        A client asks the one broker it knew as the controller. When that broker dies
        it goes on trying to reach it, some thousand times a second, until it looks at
        the cluster again, which is after five minutes.
        """
        self._client = None

    def close(self) -> None:
        """Let the connections go."""
        self._client = None
