"""What a changed event class means for its view and for messages already in the log.

Judged for the new class reading old messages: a restart reads what is still unread, a
rewind reads all of it again. Where in doubt the answer is the stricter one.
"""

from collections.abc import Iterator, Mapping
from enum import IntEnum
from typing import Final

import attrs

from winestream.operations.schema.ddl import sql_type
from winestream.operations.schema.shapes import EventShape, FieldShape, Kind, Shape


class Verdict(IntEnum):
    """What is to be done; the larger number wins. Also the command's exit code."""

    COMPATIBLE = 0
    """Nothing: the view and the messages in the log stay as they are."""
    NEW_VIEW = 1
    """Every message can still be read, but the view's columns are not the class's."""
    BREAKING = 2
    """Messages already in the log would become dead letters."""


@attrs.frozen
class Change:
    """One difference: where, what it means and why. `path` is a JSON path."""

    path: str
    verdict: Verdict
    reason: str


_WIDER: Final[Mapping[Kind, frozenset[Kind]]] = {
    "integer": frozenset({"float", "decimal"}),
    "float": frozenset({"decimal"}),
    "uuid": frozenset({"text"}),
    "time": frozenset({"text"}),
    "date": frozenset({"text"}),
}
"""Kind → what else takes every JSON value of it. A decimal may be text or a number."""


def compare(old: EventShape, new: EventShape) -> tuple[Change, ...]:
    """Return every difference, the worst first. None: both are the same."""
    found = list(_event(old, new))
    return tuple(sorted(found, key=lambda change: (-change.verdict, change.path)))


def worst(changes: tuple[Change, ...]) -> Verdict:
    """Return what all of it comes to."""
    verdicts = [change.verdict for change in changes]
    return max(verdicts, default=Verdict.COMPATIBLE)


def _event(old: EventShape, new: EventShape) -> Iterator[Change]:
    if old.event_type != new.event_type:
        yield Change(
            "event_type",
            Verdict.BREAKING,
            f"{old.event_type} became {new.event_type}: messages in the log keep the "
            "old one, which no route names any more. Set EVENT_TYPE to the old one",
        )
    yield from _objects("", old.fields, new.fields, in_view=True)
    for name in new.own_checks:
        added = "" if name in old.own_checks else ", which it did not before"
        yield Change(
            name,
            Verdict.COMPATIBLE,
            f"{name} checks values itself{added}: whether old messages pass cannot be "
            "seen from here",
        )


def _objects(
    above: str,
    old: Mapping[str, FieldShape],
    new: Mapping[str, FieldShape],
    *,
    in_view: bool,
) -> Iterator[Change]:
    renamed = _rename(old, new)
    for name, field in new.items():
        path = f"{above}.{name}" if above else name
        before = old.get(name)
        if before is None:
            yield _added(path, field, renamed.get(name), in_view=in_view)
            continue
        if before.required and not field.required:
            yield Change(
                path, Verdict.COMPATIBLE, "has a default now: it may be left out"
            )
        elif field.required and not before.required:
            yield Change(
                path,
                Verdict.BREAKING,
                "is required now: messages in the log may lack it. Keep the default",
            )
        yield from _shapes(path, before.shape, field.shape, in_view=in_view)
    for name in old.keys() - new.keys():
        path = f"{above}.{name}" if above else name
        verdict = Verdict.NEW_VIEW if in_view else Verdict.COMPATIBLE
        left = (
            "leaves the view; old messages keep it in PAYLOAD" if in_view else "is gone"
        )
        yield Change(path, verdict, f"{left}, and the class ignores it there")


def _added(path: str, field: FieldShape, was: str | None, *, in_view: bool) -> Change:
    hint = (
        f" (was {was} renamed? A view can show both: keep the old field)" if was else ""
    )
    if field.required:
        return Change(
            path,
            Verdict.BREAKING,
            f"is new and required: messages in the log lack it. Add a default{hint}",
        )
    if in_view:
        return Change(
            path,
            Verdict.NEW_VIEW,
            f"is a new column, NULL for messages already in the log{hint}",
        )
    return Change(path, Verdict.COMPATIBLE, f"is new inside a VARIANT{hint}")


def _rename(
    old: Mapping[str, FieldShape], new: Mapping[str, FieldShape]
) -> dict[str, str]:
    """Return new name → old name where exactly one went and one came of its shape."""
    gone = [name for name in old if name not in new]
    came = [name for name in new if name not in old]
    if len(gone) == len(came) == 1 and old[gone[0]].shape == new[came[0]].shape:
        return {came[0]: gone[0]}
    return {}


def _shapes(path: str, old: Shape, new: Shape, *, in_view: bool) -> Iterator[Change]:
    if old.nullable and not new.nullable:
        yield Change(
            path, Verdict.BREAKING, "takes no null any more: messages may hold one"
        )
    elif new.nullable and not old.nullable:
        yield Change(path, Verdict.COMPATIBLE, "may be null now")
    if old.kind == new.kind:
        yield from _same_kind(path, old, new, in_view=in_view)
    elif not _takes(new, old):
        yield Change(
            path,
            Verdict.BREAKING,
            f"was {_said(old)} and is {_said(new)}: messages in the log do not fit. "
            "Add a new field beside it",
        )
        return
    else:
        yield Change(
            path,
            Verdict.COMPATIBLE,
            f"{_said(new)} takes every {old.kind} in the log",
        )
    if in_view and old.kind != "object" and sql_type(old) != sql_type(new):
        yield Change(
            path,
            Verdict.NEW_VIEW,
            f"its column becomes {sql_type(new)}, was {sql_type(old)}",
        )


def _same_kind(path: str, old: Shape, new: Shape, *, in_view: bool) -> Iterator[Change]:
    if old.kind == "object":
        yield from _objects(path, old.fields, new.fields, in_view=in_view)
    elif old.kind == "choice":
        yield from _choices(path, old, new)
    elif old.kind == "union":
        if not _takes(new, old):
            yield Change(path, Verdict.BREAKING, "takes less than before")
        elif old.items != new.items:
            yield Change(path, Verdict.COMPATIBLE, "takes more than before")
    elif len(old.items) != len(new.items):
        yield Change(
            path,
            Verdict.BREAKING,
            f"has {len(new.items)} values now and had {len(old.items)}",
        )
    else:
        for number, (before, after) in enumerate(
            zip(old.items, new.items, strict=True)
        ):
            step = f"[{number}]" if old.kind == "tuple" else "[]"
            yield from _shapes(path + step, before, after, in_view=False)


def _choices(path: str, old: Shape, new: Shape) -> Iterator[Change]:
    gone = [str(value) for value in old.choices if value not in new.choices]
    came = [str(value) for value in new.choices if value not in old.choices]
    if gone:
        yield Change(
            path,
            Verdict.BREAKING,
            f"no longer takes {', '.join(gone)}: messages in the log may hold it",
        )
    if came:
        yield Change(path, Verdict.COMPATIBLE, f"takes {', '.join(came)} as well")


def _takes(new: Shape, old: Shape) -> bool:
    """Whether every JSON value of the old shape, null aside, fits the new one."""
    if old.kind == "union":
        return all(_takes(new, arm) for arm in old.items)
    if new.kind == "union":
        return any(_takes(arm, old) for arm in new.items)
    if (old.kind, new.kind) == ("tuple", "array"):
        return all(_fits(new.items[0], item) for item in old.items)
    if old.kind != new.kind:
        return new.kind in (_wider_choice(old) or _WIDER.get(old.kind, frozenset()))
    return worst(tuple(_shapes("", old, new, in_view=False))) < Verdict.BREAKING


def _fits(new: Shape, old: Shape) -> bool:
    return (new.nullable or not old.nullable) and _takes(new, old)


def _wider_choice(old: Shape) -> frozenset[Kind]:
    """Return what takes all values of a choice; nothing for another kind."""
    kinds = {type(value) for value in old.choices}
    if kinds == {str}:
        return frozenset({"text"})
    return frozenset({"integer", "float", "decimal"} if kinds == {int} else ())


def _said(shape: Shape) -> str:
    return {"object": "an object", "integer": "an integer", "array": "an array"}.get(
        shape.kind, f"a {shape.kind}"
    )
