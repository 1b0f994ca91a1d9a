"""When one radio may send and must listen: its own airtime, the hour's ledger, receive windows, pauses after silence.

Times are ms of one clock that does not go back, as the ledger's are; what the law forbids now only waits.
"""

from comatrix_lora.airtime import airtime_us, fits_us
from comatrix_lora.errors import LoraError
from comatrix_lora.ledger import ACK
from comatrix_lora.link_advice import Settings

ANSWER_MS = 1000  # a gateway begins its answer by then, after the end of what it answers
TURNAROUND_MS = 40  # and not before: the node's radio changes to receiving, other radios report the same frame
LONGEST_ANSWER = 40  # bytes; a radio that hears the preamble of a longer one goes on receiving
_LEAST_FRAME = 20  # bytes with a long header and 1 of content
_QUICK = 2
_PATIENT = 16
_LONGEST_PAUSE_MS = 900000

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from comatrix_lora.ledger import Ledger

    Random = Callable[[int], int]  # 0 <= random(n) < n


class Channel:
    """How the radio is provisioned. `limit`: bytes of the longest frame; with an explicit header and a CRC. `added`:
    bytes the module puts in front of each frame; `base64`: it carries text, so frames go as such."""

    def __init__(
        self,
        sf: int,
        bandwidth_hz: int = 125000,
        coding_rate: int = 5,
        preamble: int = 8,
        limit: int = 255,
        added: int = 0,
        base64: bool = False,
    ) -> None:
        self.sf = sf
        self.bandwidth_hz = bandwidth_hz
        self.coding_rate = coding_rate
        self.preamble = preamble
        self.limit = limit
        self.added = added
        self.base64 = base64

    def on_air(self, size: int) -> int:
        """Bytes on the air of a frame of `size` bytes."""
        return self.added + ((size + 2) // 3 * 4 if self.base64 else size)

    def airtime_us(self, size: int, sf: int) -> int:
        """Of a frame of `size` bytes at `sf`."""
        return airtime_us(self.on_air(size), sf, self.bandwidth_hz, self.coding_rate, self.preamble)

    def fits(self, longest_us: "int | None") -> int:
        """Bytes of the longest frame within that airtime, at the provisioned spreading factor."""
        if longest_us is None:
            return self.limit
        fitting = fits_us(longest_us, self.sf, self.bandwidth_hz, self.coding_rate, self.preamble) or 0
        left = max(0, fitting - self.added)
        return min(self.limit, left // 4 * 3 if self.base64 else left)


def pause_ms(attempt: int, unit_ms: int, random: "Random") -> int:
    """How long to wait after the silence that followed attempt 0, 1, ...: half of a span to three halves.

    The span is one unit twice, then two; after 16 attempts it doubles each time, to a quarter of an hour."""
    factor = 1 if attempt < _QUICK else 2 if attempt < _PATIENT else 2 << min(attempt - _PATIENT + 1, 20)
    span = min(unit_ms * factor, _LONGEST_PAUSE_MS)
    return span // 2 + random(span)


class Mac:
    """Sends no more than the ledger allows, one frame at a time. `awake`: its radio always listens; a node's that is
    not, only in its receive windows. Raises LoraError where the law leaves no room for any frame."""

    def __init__(
        self, channel: Channel, ledger: "Ledger", random: "Random", awake: bool = False, answer_ms: int = ANSWER_MS
    ) -> None:
        self.channel = channel
        self.ledger = ledger
        self.random = random
        self.awake = awake
        self.answer_ms = answer_ms
        self.settings = Settings(channel.sf)
        self.busy_until = 0  # the end of what it sends
        self.listen_until = 0  # the end of the receive window
        self._reach_ms = 0
        if self.limit() < _LEAST_FRAME:
            raise LoraError("no frame fits the dwell time, duty cycle or limit of this channel")

    def cost(self, size: int) -> int:
        """Microseconds of a frame as settings are now."""
        return self.channel.airtime_us(size, self.settings.sf)

    def ms(self, size: int) -> int:
        """The same in ms, rounded up."""
        return (self.cost(size) + 999) // 1000

    def limit(self, priority: int = ACK) -> int:
        """Bytes of the longest frame of the class, however empty the hour is."""
        return self.channel.fits(self.ledger.longest_us(priority))

    def earliest(self, now: int, size: int, priority: int) -> int:
        """When a frame of the class may begin."""
        return self.ledger.earliest(max(now, self.busy_until), self.cost(size), priority)

    def room(self, now: int, priority: int) -> int:
        """Bytes of the longest frame of the class that may begin now; 0 for none."""
        low, high = 0, self.limit(priority)
        if self.earliest(now, high, priority) <= now:
            return high
        while high - low > 1:
            middle = (low + high) // 2
            if self.earliest(now, middle, priority) <= now:
                low = middle
            else:
                high = middle
        return low

    def send(self, now: int, size: int, listens: bool = False) -> None:
        """A frame begins now. `listens`: a receive window follows. Raises LoraError: the ledger forbids it."""
        self.ledger.spend(now, self.cost(size))
        self.busy_until = now + self.ms(size)
        self._reach_ms = self.answer_ms + self.ms(LONGEST_ANSWER) if listens else 0
        self.listen_until = self.busy_until + self._reach_ms

    def transmitted(self, now: int) -> None:
        """The frame has just ended: for a radio that began late."""
        self.busy_until = now
        self.listen_until = now + self._reach_ms

    def heard(self, now: int) -> None:
        """The answer that was waited for came: the window is over."""
        self.settings.answered()
        self.listen_until = min(self.listen_until, now)

    def pause(self, attempt: int, size: int) -> int:
        """How long to wait after an ask of `size` bytes that brought nothing."""
        return pause_ms(attempt, self.ms(size) + self.ms(LONGEST_ANSWER) + TURNAROUND_MS, self.random)
