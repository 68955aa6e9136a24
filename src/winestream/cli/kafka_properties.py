"""The Kafka client's own settings for commands that ask a broker: a file of them."""

from pathlib import Path

from winestream.errors import ConfigurationError


def kafka_properties(path: Path | None) -> dict[str, str]:
    """Read key=value lines; `#` begins a comment. Raises `ConfigurationError`."""
    if path is None:
        return {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ConfigurationError(
            f"--kafka-properties {path}: {error.strerror}."
        ) from error
    pairs = [line.partition("=") for line in map(str.strip, lines)]
    return {
        name.strip(): value.strip()
        for name, equals, value in pairs
        if equals and not name.startswith("#")
    }
