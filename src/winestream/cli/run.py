"""`winestream run`: a consumer from settings alone."""

import sys

from winestream.cli.settings import SettingsOptions
from winestream.errors import (
    AbandonedError,
    ConfigurationError,
    FatalSourceError,
    RetryableWriteError,
    SourceError,
    WinestreamError,
)

WRONG_SETTINGS = 1
NEEDS_A_PERSON = 2
START_AGAIN = 3

_DEFAULTS = SettingsOptions()


def run(options: SettingsOptions = _DEFAULTS) -> None:
    """Consume until SIGTERM or Ctrl-C, then write what is held and leave.

    The exit codes are in `--help`, whose text is beside the command's name.
    """
    # Not at the top: loads the clients, and --help must not.
    from winestream.operations.consumer import Consumer  # noqa: PLC0415

    consumer = Consumer(options.resolve().require())
    try:
        consumer.run()
    except ConfigurationError:
        raise
    except WinestreamError as error:
        sys.stderr.write(f"winestream: {type(error).__name__}: {error}\n")
        sys.exit(exit_code(error))


def exit_code(error: WinestreamError) -> int:
    """Return the exit code for what ended the consumer."""
    if isinstance(error, ConfigurationError):
        return WRONG_SETTINGS
    again = (AbandonedError, RetryableWriteError, SourceError)
    if isinstance(error, again) and not isinstance(error, FatalSourceError):
        return START_AGAIN
    return NEEDS_A_PERSON
