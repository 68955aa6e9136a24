"""A simulated world for the whole sink: one seed is one history, faults and all.

The sink in it is the real one, core and reader, between simulated edges: logs and a
consumer group, a warehouse with transactions and locks, and a clock of its own. Run
`python -m winestream.testing.world --help`, or in a test:

    World(seed=7).run()  # raises Violation where a promise does not hold
"""

from winestream.testing.world.faults import Fault
from winestream.testing.world.history import History, Promise, Violation
from winestream.testing.world.world import Told, World

__all__ = ["Fault", "History", "Promise", "Told", "Violation", "World"]
