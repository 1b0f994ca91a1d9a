"""`comatrix sim --real`: the same run by the real clock, with real nodes, which end when it does."""

import time

from comatrix.gateway.clock import wall_ms
from comatrix.gateway.errors import UsageError
from comatrix.gateway.sim.scenario import LoraPlan, Scenario
from comatrix.gateway.sim.virtual_time import SimLoop

MOST_NODES = 8  # each is a process
LEAST_SF = 7  # of the emulated module
LEAST_POWER_DBM = 5


class RealLoop(SimLoop):
    """`time()` is real seconds since the loop was made."""

    def __init__(self) -> None:
        self._start_s = time.monotonic()
        self.wall_start_ms = wall_ms()
        super().__init__()

    def time(self) -> float:
        """Real seconds."""
        return time.monotonic() - self._start_s


def check(scenario: Scenario, where: str) -> None:
    """Raises UsageError for a scenario that cannot be played in real time."""
    virtual = f"comatrix sim {where}"
    if len(scenario.nodes) > MOST_NODES:
        raise UsageError(
            f"--real starts a process for each node, at most {MOST_NODES}; {where} has {len(scenario.nodes)}.", virtual
        )
    if any(one.program is not None for one in scenario.nodes):
        raise UsageError("--real is not for nodes with a program of their own.", virtual)
    for name, link in scenario.links.items():
        if isinstance(link, LoraPlan) and (link.sf < LEAST_SF or link.power_dbm < LEAST_POWER_DBM):
            raise UsageError(
                f"[link.{name}]: the module of a real node takes sf {LEAST_SF} to 12 and power_dbm from "
                f"{LEAST_POWER_DBM}.",
                virtual,
            )
