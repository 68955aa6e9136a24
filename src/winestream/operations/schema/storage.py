"""A shape as JSON, to be kept in a repository and compared with later."""

import json
from typing import Any, Final

from winestream.errors import ConfigurationError
from winestream.operations.schema.shapes import EventShape, FieldShape, Shape

_FORMAT: Final = 1


def to_json(event: EventShape) -> str:
    """Return the shape as JSON, in a stable order, with a line break at its end."""
    whole = {
        "format": _FORMAT,
        "class": event.name,
        "event_type": event.event_type,
        "own_checks": list(event.own_checks),
        "fields": _fields_out(event.fields),
    }
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def from_json(text: str, where: str) -> EventShape:
    """Read what `to_json` wrote. Raises `ConfigurationError`, naming `where`."""
    try:
        whole = json.loads(text)
        if whole["format"] != _FORMAT:
            raise ConfigurationError(
                f"{where} has format {whole['format']}: a newer winestream wrote it"
            )
        return EventShape(
            name=whole["class"],
            event_type=whole["event_type"],
            fields=_fields_in(whole["fields"]),
            own_checks=tuple(whole["own_checks"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError(
            f"{where} is no schema of `winestream schema export` "
            f"({type(error).__name__}: {error})"
        ) from None


def _fields_out(fields: Any) -> dict[str, Any]:  # noqa: ANN401 — a mapping of FieldShape
    return {
        name: _shape_out(field.shape) | {"required": field.required}
        for name, field in fields.items()
    }


def _shape_out(shape: Shape) -> dict[str, Any]:
    out: dict[str, Any] = {"kind": shape.kind}
    if shape.nullable:
        out["nullable"] = True
    if shape.choices:
        out["choices"] = list(shape.choices)
    if shape.items:
        out["items"] = [_shape_out(item) for item in shape.items]
    if shape.kind == "object":
        out["fields"] = _fields_out(shape.fields)
    return out


def _fields_in(fields: dict[str, Any]) -> dict[str, FieldShape]:
    return {
        name: FieldShape(_shape_in(field), bool(field["required"]))
        for name, field in fields.items()
    }


def _shape_in(found: dict[str, Any]) -> Shape:
    return Shape(
        kind=found["kind"],
        nullable=found.get("nullable", False),
        choices=tuple(found.get("choices", ())),
        items=tuple(_shape_in(item) for item in found.get("items", ())),
        fields=_fields_in(found.get("fields", {})),
    )
