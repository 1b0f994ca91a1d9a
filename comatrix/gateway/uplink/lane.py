"""One (room, sender): at most one event on its way, the next after an answer."""

from collections import deque
from collections.abc import Callable

from comatrix.gateway.model import Room, SealedRow
from comatrix.gateway.uplink.sealing import MAX_RECORDS

FIRST_BACK_OFF_MS = 1_000
MAX_BACK_OFF_MS = 60_000


class Lane:
    """What the poster remembers of a room. `rows`: sealed and not settled, in order; the first is the one to send."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self.rows: deque[SealedRow] = deque()
        self.busy = False
        self.checked = False  # the homeserver said that the room is not encrypted, and nothing was missed since
        self.stopped = False  # it is encrypted: for ever
        self.trouble = ""  # what the operator heard last
        self.unanswered = False
        self.not_before_ms = 0
        self.limit = MAX_RECORDS
        self._too_large = False  # the limit comes from sizes, which stay; a bad record passes
        self._failures = 0

    @property
    def name(self) -> str:
        """The room as a person knows it."""
        return self.room.alias or self.room.room_id

    @property
    def open(self) -> bool:
        """Whether an event may go there now."""
        return self.checked and not self.stopped

    def back_off(self, now_ms: int, random: Callable[[int], int]) -> None:
        """No answer: 1 s doubling to 60 s, a quarter more or less."""
        base_ms = min(FIRST_BACK_OFF_MS << min(self._failures, 16), MAX_BACK_OFF_MS)
        self._failures += 1
        self.unanswered = True
        self.not_before_ms = now_ms + base_ms * 3 // 4 + random(base_ms // 2)

    def answered(self) -> None:
        """The homeserver spoke."""
        self._failures = 0
        self.unanswered = False

    def delivered(self) -> None:
        """An event went through: where single bad records made events small, they grow again."""
        if not self._too_large:
            self.limit = min(self.limit * 2, MAX_RECORDS)

    def split(self, members: int, *, too_large: bool) -> None:
        """An event of so many records was refused: half as many next time."""
        self.limit = max(1, members // 2)
        self._too_large = self._too_large or too_large

    def found_culprit(self) -> None:
        """A single record was refused: it was not the number of them."""
        self.limit = MAX_RECORDS
        self._too_large = False
