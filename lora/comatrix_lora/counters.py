"""What both sides remember so that one byte of a counter is enough: trials, open requests, and when to say it whole."""

TRIALS = 8  # values of a counter tried for its low byte, 256 apart
BEHIND = 32  # the replay window (comatrix.session.replay): what is older is not tried
REQUESTS = 16
RESERVE_STEP = 32  # at most: so 20 reboots in a row stay within the trials
QUIET = 64  # counters since one that is known to have arrived
EVERY = 16

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


def candidates(highest: int, low: int) -> "Iterator[int]":
    """The counters a low byte may stand for, lowest first: TRIALS values from the replay window's lower end on.

    `highest`: the highest accepted, -1 for none. Every counter from highest - 31 to highest + 2016 is found so.
    """
    first = max(0, highest - BEHIND + 1)
    value = first + (low - first & 0xFF)
    for _ in range(TRIALS):
        yield value
        value += 256


class Requests:
    """Counters of the last REQUESTS requests without an answer under their own nonce, oldest first; `heard`: the newest
    one answered in any way, -1 for none: what the other side starts later (a command) is bound to that."""

    def __init__(self) -> None:
        self.open: "list[int]" = []
        self.heard = -1

    def add(self, counter: int) -> None:
        """A request was sent; the oldest is forgotten beyond REQUESTS."""
        self.open.append(counter)
        if len(self.open) > REQUESTS:
            self.open.pop(0)

    def matching(self, header_counter: int, whole: bool) -> "list[int]":
        """Open requests a response names, newest first. `whole`: by the counter itself, else by its low byte."""
        return [one for one in reversed(self.open) if _same(one, header_counter, whole)]

    def matching_own(self, low: int) -> "list[int]":
        """Requests a response under its own counter may name by a low byte, newest first."""
        found = self.matching(low, False)
        if self.heard >= 0 and self.heard not in found and _same(self.heard, low, False):
            found.append(self.heard)
        return found

    def answered(self, counter: int, under_its_nonce: bool) -> None:
        """An authentic response to a request came. Under its nonce there is no second one."""
        if under_its_nonce:
            self.open.remove(counter)
        self.heard = max(self.heard, counter)


def _same(counter: int, named: int, whole: bool) -> bool:
    return counter == named if whole else counter & 0xFF == named


class LongForm:
    """When a sender says its counter whole: in the first frame after boot, and in every 16th from then on while no
    counter of the last 64 is known to have arrived."""

    def __init__(self) -> None:
        self.reached = -1  # the newest counter known to have arrived, -1 for none since boot
        self.since = -1  # frames since the last long one, -1 for none since boot

    def due(self, counter: int) -> bool:
        """Whether the frame under `counter` is to be long."""
        if self.since < 0:
            return True
        quiet = self.reached < 0 or counter - self.reached > QUIET
        return quiet and self.since >= EVERY - 1

    def sent(self, long: bool) -> None:
        """A frame under a counter of our own left."""
        self.since = 0 if long else self.since + 1

    def arrived(self, counter: int) -> None:
        """The other side is known to have taken our frame under `counter`."""
        self.reached = max(self.reached, counter)
