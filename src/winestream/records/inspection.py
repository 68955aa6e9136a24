"""What a codec found in the messages of one run."""

from collections.abc import Mapping, Sequence

import attrs


@attrs.frozen
class Failure:
    """Why bytes are no event. `reason` is a short code, `path` a JSON path.

    Reasons: `null-value`, `invalid-utf8`, `malformed-json`, `not-an-object`,
    `missing-field`, `wrong-type`, `naive-time`, `invalid-value`, `too-deep`.
    """

    reason: str
    path: str = "$"


@attrs.frozen(eq=False)
class Inspection:
    """The heads of a run's valid messages, as columns, and the failures of the rest.

    The columns have one entry per *valid* message, in order. `tables` is one name when
    all valid messages go to one table, else one name per valid message. `failures` maps
    the index of a message in the run to its failure.
    """

    event_ids: Sequence[str] = attrs.field(repr=False)
    event_types: Sequence[str] = attrs.field(repr=False)
    occurred_at: Sequence[float]
    schema_versions: Sequence[int]
    tables: str | Sequence[str]
    failures: Mapping[int, Failure] = attrs.field(factory=dict)
