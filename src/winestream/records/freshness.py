"""How fresh slices are, against what the user asked for. Durations are in seconds."""

import attrs


@attrs.frozen
class Freshness:
    """One slice that landed.

    `waited` is from when the sink had read its first message until the warehouse
    answered that it is committed; time a message spent in Kafka before is not in it.
    `expected` is what its write had been estimated to take when it was sealed.
    """

    objective: float
    waited: float
    expected: float

    @property
    def missed(self) -> bool:
        """Whether its first message became queryable later than the objective."""
        return self.waited > self.objective


@attrs.frozen
class Pacing:
    """How a freshness objective fares.

    `linger` is how long a slice of the last one's size may fill, `expected` what its
    write is estimated to take. `landed` and `missed` count slices since the start.
    """

    objective: float
    linger: float
    expected: float
    landed: int
    missed: int

    @property
    def out_of_reach(self) -> bool:
        """Whether writing alone takes the objective: slices leave as soon as they can.

        Nothing is lost by it; the warehouse is busy all the time, and data are late.
        """
        return self.linger <= 0
