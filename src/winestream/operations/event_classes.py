"""Finds an event class by its name, `package.module:Class`."""

import importlib

from winestream.codec.fields import check_event_class
from winestream.errors import ConfigurationError
from winestream.events import Event
from winestream.operations.settings.convert import nearest


def event_class(name: str) -> type[Event]:
    """Import the module and return the class.

    Raises `ConfigurationError` where there is none, or it is no frozen event; what the
    module itself raises at import goes through.
    """
    module_name, colon, class_name = name.partition(":")
    if not (module_name and colon and class_name):
        raise ConfigurationError(
            f"{name!r} names no class: write package.module:Class, e.g. "
            "my_service.events:CorkReturned"
        )
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise  # the module is there, but one that it imports is not
        raise ConfigurationError(
            f"{name}: there is no module {error.name!r}: is it installed, and is its "
            "folder the current one or on PYTHONPATH?"
        ) from None
    found = getattr(module, class_name, None)
    if found is None:
        classes = [
            key
            for key, value in vars(module).items()
            if isinstance(value, type) and issubclass(value, Event)
        ]
        meant = nearest(class_name, classes)
        hint = f": did you mean {meant}?" if meant else ""
        raise ConfigurationError(f"{module_name} has no {class_name}{hint}")
    check_event_class(found)
    return found  # type: ignore[no-any-return] # just checked
