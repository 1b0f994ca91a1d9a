"""How many commands a person may type in a room: a flood is answered once, and costs nothing on the radio."""

from collections import OrderedDict
from enum import Enum

BURST = 20
AGAIN = 10  # who was told to wait is heard again once so many of a burst are there
A_MINUTE = 30
MOST_PEOPLE = 1_000


class Allowed(Enum):
    """Whether a command is heard; LAST: it is not, and that is said once."""

    YES = "yes"
    LAST = "last"
    NO = "no"


class Pace:
    """A token bucket a (room, person). Pure; `now_ms` as given."""

    def __init__(self) -> None:
        self._full_ms: OrderedDict[tuple[str, str], int] = OrderedDict()  # when the bucket is full again
        self._told: set[tuple[str, str]] = set()

    def copy(self) -> "Pace":
        """What is done to it is not done to this one."""
        other = Pace()
        other._full_ms, other._told = self._full_ms.copy(), self._told.copy()
        return other

    def take(self, room_id: str, person: str, now_ms: int) -> Allowed:
        """One command."""
        key, token_ms = (room_id, person), 60_000 // A_MINUTE
        full_ms = min(max(self._full_ms.get(key, 0), now_ms), now_ms + BURST * token_ms)  # a clock may be set back
        told = key in self._told
        if full_ms - now_ms > (BURST - (AGAIN if told else 1)) * token_ms:
            self._full_ms[key] = full_ms
            self._told.add(key)
            return Allowed.NO if told else Allowed.LAST
        self._told.discard(key)
        self._full_ms[key] = full_ms + token_ms
        self._full_ms.move_to_end(key)
        while len(self._full_ms) > MOST_PEOPLE:
            self._told.discard(self._full_ms.popitem(last=False)[0])
        return Allowed.YES
