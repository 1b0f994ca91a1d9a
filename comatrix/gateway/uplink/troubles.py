"""What the operator is told: one line a change of state, never one an attempt."""

from collections.abc import Callable, Iterable

from comatrix.gateway.model import SealedRow
from comatrix.gateway.uplink.lane import Lane, Place


class Troubles:
    """`tell` gets the lines. `now()` is what is wrong, for `comatrix status`."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._account = ""
        self._unreachable = ""
        self._limited = False

    def now(self, places: Iterable[Place]) -> list[str]:
        """What keeps records from their rooms, in words."""
        whole = [text for text in (self._account, self._unreachable) if text]
        for place in places:
            troubles = [place.trouble, *(lane.trouble for lane in place.lanes)]
            whole += dict.fromkeys(f"{place.name}: {trouble}" for trouble in troubles if trouble)
        return whole

    def encrypted(self, place: Place) -> None:
        """Nothing is ever sent there."""
        if not place.trouble:
            place.trouble = "is encrypted"
            self._tell(f"{place.name}: {place.trouble}; nothing is ever sent there. See: comatrix node move")

    def room(self, lane: Lane, trouble: str, then: str) -> None:
        """Something is wrong with one room: told once, however many users post there."""
        if lane.trouble != trouble:
            told = any(_alike(trouble, other.trouble) for other in lane.place.lanes if other is not lane)
            lane.trouble = trouble
            if not told:
                self._tell(f"{lane.name}: {trouble}; {then}")

    def room_over(self, lane: Lane) -> None:
        """An event went through."""
        if lane.trouble:
            lane.trouble = ""
            if not any(other.trouble for other in lane.place.lanes):
                self._tell(f"{lane.name}: sending again")

    def account(self, reason: str, next_step: str) -> None:
        """Nothing can be sent at all."""
        text = f"the account cannot send ({reason})"
        if self._account != text:
            self._account = text
            self._tell(f"{text}; trying again every minute. Next: {next_step}")

    def account_over(self) -> None:
        """The homeserver takes the account's requests."""
        if self._account:
            self._account = ""
            self._tell("the account can send again")

    def unreachable(self, reason: str) -> None:
        """A request had no answer."""
        if not self._unreachable:
            self._unreachable = f"the homeserver does not answer ({reason})"
            self._tell(f"{self._unreachable}; records wait, trying again")

    def reachable(self) -> None:
        """Every lane has an answer."""
        if self._unreachable:
            self._unreachable = ""
            self._tell("the homeserver answers again")

    def limited(self) -> None:
        """The first 429."""
        if not self._limited:
            self._limited = True
            self._tell("the homeserver limits how often this account may send; records gather into fewer events")

    def parked(self, place: Place, row: SealedRow, reason: str) -> None:
        """A row waits for a person."""
        count = len(row.records)
        what = f"{count} record{'s' * (count != 1)}" if count else "an event"
        self._tell(f"{place.name}: {what} parked: {reason}. See: comatrix queue --parked")

    def database(self, text: str, next_step: str) -> None:
        """The database takes no write."""
        self._tell(f"{text}; sending waits for it. See: {next_step}")


def _alike(one: str, other: str) -> bool:
    """The same but for whom it names."""
    return one.partition(":")[0] == other.partition(":")[0]
