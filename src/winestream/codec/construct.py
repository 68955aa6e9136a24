"""Makes an instance, and says which field its class's own code refused."""

from collections.abc import Mapping
from typing import Any

import attrs

from winestream.codec.scalars import Fault


def construct(cls: type, given: Mapping[str, Any]) -> Any:  # noqa: ANN401 — an instance
    """Return `cls` made of field values. Raises `Fault` for whatever its code raises.

    When a validator or converter refused, it is called once more to learn which.
    """
    fields = attrs.fields_dict(cls)
    arguments: dict[str, Any] = {
        str(fields[name].alias): value for name, value in given.items()
    }
    try:
        return cls(**arguments)
    except Exception as error:  # noqa: BLE001 — the class may raise anything
        path = _refused(cls, given)
        raise Fault("invalid-value", path, type(error).__name__) from None


def _refused(cls: type, given: Mapping[str, Any]) -> str:
    """Return the path of the field refused, "" when it is not one field's doing."""
    instance: Any = object.__new__(cls)
    place = ""
    try:
        for field in attrs.fields(cls):
            place = f".{field.name}"
            value = (
                given[field.name] if field.name in given else _default(field, instance)
            )
            if field.converter is not None:
                value = field.converter(value)
            object.__setattr__(instance, field.name, value)
        for field in attrs.fields(cls):
            place = f".{field.name}"
            if field.validator is not None:
                field.validator(instance, field, getattr(instance, field.name))
    except Exception:  # noqa: BLE001 — whatever it was, it came from there
        return place
    return ""


def _default(field: "attrs.Attribute[Any]", instance: object) -> Any:  # noqa: ANN401 — any value
    factory = getattr(field.default, "factory", None)
    if factory is None:
        return field.default
    takes_self = getattr(field.default, "takes_self", False)
    return factory(instance) if takes_self else factory()
