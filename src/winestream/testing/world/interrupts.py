"""What ends a turn from outside: a signal, and the end of the process."""


class Interrupted(BaseException):
    """Ctrl-C inside a poll, which the application's loop survives."""


class Vanished(BaseException):
    """The process is gone; unwinds what is left of its stack."""
