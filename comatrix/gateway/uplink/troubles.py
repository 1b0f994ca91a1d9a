"""What the operator is told: one line a change of state, never one an attempt."""

from collections.abc import Callable, Iterable

from comatrix.gateway.model import SealedRow
from comatrix.gateway.uplink.lane import Lane


class Troubles:
    """`tell` gets the lines. `now()` is what is wrong, for `comatrix status`."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._account = ""
        self._unreachable = ""
        self._limited = False

    def now(self, lanes: Iterable[Lane]) -> list[str]:
        """What keeps records from their rooms, in words."""
        whole = [text for text in (self._account, self._unreachable) if text]
        return whole + [f"{lane.name}: {lane.trouble}" for lane in lanes if lane.trouble]

    def room(self, lane: Lane, trouble: str, then: str) -> None:
        """Something is wrong with one room."""
        if lane.trouble != trouble:
            lane.trouble = trouble
            self._tell(f"{lane.name}: {trouble}; {then}")

    def room_over(self, lane: Lane) -> None:
        """An event went through."""
        if lane.trouble:
            lane.trouble = ""
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

    def parked(self, lane: Lane, row: SealedRow, reason: str) -> None:
        """A row waits for a person."""
        count = len(row.records)
        self._tell(f"{lane.name}: {count} record{'s' * (count != 1)} parked: {reason}. See: comatrix queue --parked")

    def database(self, text: str, next_step: str) -> None:
        """The database takes no write."""
        self._tell(f"{text}; sending waits for it. See: {next_step}")
