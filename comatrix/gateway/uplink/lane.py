"""One (room, sending user): at most one event on its way, the next after an answer."""

from collections.abc import Callable

from comatrix.gateway.model import Room, SealedRow, Voice
from comatrix.gateway.uplink.readback import relation
from comatrix.gateway.uplink.sealing import MAX_RECORDS

FIRST_BACK_OFF_MS = 1_000
MAX_BACK_OFF_MS = 60_000

LaneKey = tuple[int, str]  # room row id, user id


class Place:
    """A room, as the lanes into it share what is known of it."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self.lanes: list[Lane] = []
        self.checked = False  # the homeserver said that it is not encrypted, and nothing was missed since
        self.stopped = room.encrypted  # for ever
        self.trouble = ""  # what the operator heard of the room as such

    @property
    def name(self) -> str:
        """The room as a person knows it."""
        return self.room.alias or self.room.room_id

    @property
    def closed(self) -> bool:
        """Nothing may be sent: it is encrypted, or about to be replaced by another room."""
        return self.stopped or self.room.successor is not None

    def replaced(self, room: Room) -> None:
        """Another room took its place: nothing is known of that one."""
        self.room = room
        self.checked = False
        self.stopped = room.encrypted
        self.trouble = ""
        for lane in self.lanes:
            lane.ready = False
            lane.not_before_ms = 0


class Lane:
    """What the poster remembers of a lane. `rows`: sealed and not settled."""

    def __init__(self, place: Place, voice: Voice) -> None:
        self.place = place
        self.voice = voice
        self.rows: list[SealedRow] = []
        self.busy = False
        self.token = False  # its step may send
        self.ready = False  # its voice is prepared
        self.mute = False  # its voice cannot speak here: what waits goes to another lane
        self.revived = False  # its voice was prepared anew for the row that is refused
        self.trouble = ""  # what the operator heard last
        self.unanswered = False
        self.not_before_ms = 0
        self.doubted_ms = 0  # when the last attempt without an answer ended
        self.lost: set[int] = set()  # rows in doubt through a lost connection, or from before a restart
        self.unscoped: set[int] = set()  # rows whose transaction id nobody remembers: their device is gone
        self.last_event: str | None = None  # the newest known of this sender in this room
        self.limit = MAX_RECORDS
        self._too_large = False  # the limit comes from sizes, which stay; a bad record passes
        self._failures = 0
        place.lanes.append(self)

    @property
    def key(self) -> LaneKey:
        """Its name among lanes."""
        return self.place.room.id, self.voice.user_id

    @property
    def name(self) -> str:
        """The room as a person knows it."""
        return self.place.name

    def first(self) -> SealedRow | None:
        """The row to send: one in doubt stays first; else by priority, where records keep their order."""
        doubted = min((row for row in self.rows if row.in_doubt), key=lambda row: row.id, default=None)
        _, head = min(self._heads(), key=lambda head: (head[0], head[1].id), default=(0, None))
        return doubted or head

    def may_seal(self) -> bool:
        """Whether records may be sealed now: nothing with records is under way, nothing in doubt."""
        return not self.mute and not any(row.records or row.in_doubt for row in self.rows)

    def holds(self, node: int) -> bool:
        """Whether a row under way shows records of this node."""
        return any(node in row.nodes for row in self.rows)

    def stranded(self, row: SealedRow) -> bool:
        """Its room was replaced, or its sender cannot speak there any more."""
        return self.mute or row.room_id != self.place.room.room_id

    def took(self, row: SealedRow) -> bool:
        """A row to send -> whether it was not known: who seals and who looks at the open rows may both bring it."""
        new = all(row.id != known.id for known in self.rows)
        if new:
            self.rows.append(row)
        return new

    def kept(self, row: SealedRow) -> None:
        """The row as it is now."""
        self.rows = [row if row.id == known.id else known for known in self.rows]

    def left(self, row: SealedRow) -> None:
        """The row is settled."""
        self.rows = [known for known in self.rows if known.id != row.id]
        self.lost.discard(row.id)
        self.unscoped.discard(row.id)

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

    def delivered(self, event_id: str) -> None:
        """An event went through: where single bad records made events small, they grow again."""
        self.last_event = event_id
        self.revived = False
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

    def urgency(self) -> int | None:
        """The best priority among its rows; None: no row."""
        return min((row.priority for row in self.rows), default=None)

    def _heads(self) -> list[tuple[int, SealedRow]]:
        """(priority, row) of every row that nothing older has to precede; it goes as urgently as what it holds up."""
        chains: dict[object, list[SealedRow]] = {}
        for row in self.rows:
            chains.setdefault(_chain(row), []).append(row)
        return [(min(row.priority for row in chain), min(chain, key=lambda row: row.id)) for chain in chains.values()]


def _chain(row: SealedRow) -> object:
    """Rows of one chain keep their order: all with records, and all about one event."""
    return "records" if row.records else relation(row.content)[0] or row.id
