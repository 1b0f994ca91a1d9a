"""When a node is silent, and when it is back.

| state  | what happens                                                    | leads to |
|--------|-----------------------------------------------------------------|----------|
| heard  | 3 of its intervals pass after its last contact, without another | silent   |
| silent | it is heard                                                     | heard    |

What was missed while nobody listened is not the node's fault. So a node has one interval to be heard from the moment it
is watched: at the start, once unblocked, and after the clock jumped (the machine slept, or its clock was set).
"""

from collections.abc import Mapping
from typing import NamedTuple

MISSED = 3  # intervals
SHORTEST_MS = 60_000  # a node that speaks every few seconds may reboot, or lose its Wi-Fi for a moment
JUMP_MS = 120_000  # between two looks: longer is no pause of ours


class Watched(NamedTuple):
    """A node that says how often it wakes. `last_ms`: its last contact."""

    interval_ms: int
    last_ms: int


class Change(NamedTuple):
    """Nodes that became silent, and that were heard again -> their last contact."""

    silent: dict[int, int]
    back: dict[int, int]


class Presence:
    """What is silent is kept by the caller; here stands only since when each node is watched."""

    def __init__(self) -> None:
        self._since_ms: dict[int, int] = {}
        self._looked_ms: int | None = None

    def look(self, now_ms: int, watched: Mapping[int, Watched], silent: Mapping[int, int]) -> Change:
        """`silent`: node -> its last contact when it became so. A second call says the same until that is changed."""
        if self._looked_ms is None or not 0 <= now_ms - self._looked_ms <= JUMP_MS:
            self._since_ms.clear()
        self._looked_ms = now_ms
        self._since_ms = {node: self._since_ms.get(node, now_ms) for node in watched}
        fell = [node for node in watched if node not in silent and self._is_silent(node, watched[node], now_ms)]
        back = [node for node in silent if node in watched and watched[node].last_ms > silent[node]]
        return Change(*({node: watched[node].last_ms for node in nodes} for nodes in (fell, back)))

    def due_ms(self, watched: Mapping[int, Watched], silent: Mapping[int, int]) -> int | None:
        """Until when none of them is silent, whatever is heard; None: there is none."""
        return min((_patient_until_ms(one) for node, one in watched.items() if node not in silent), default=None)

    def _is_silent(self, node: int, known: Watched, now_ms: int) -> bool:
        if now_ms <= _patient_until_ms(known):
            return False
        # A quarter more than the interval: a node that spoke just before the start is due just after it.
        grace_ms = max(known.interval_ms * 5 // 4, SHORTEST_MS)
        return now_ms - self._since_ms[node] > grace_ms


def _patient_until_ms(known: Watched) -> int:
    return known.last_ms + max(MISSED * known.interval_ms, SHORTEST_MS)
