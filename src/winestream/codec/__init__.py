"""From bytes to events and back: what a message is, and which table it goes to.

Importing this loads neither msgspec nor cattrs: the first `Routes` loads msgspec, the
first object that must be built loads cattrs.
"""

from winestream.codec.routes import Routes

__all__ = ["Routes"]
