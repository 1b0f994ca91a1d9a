"""What a LoRa node knows after a reset, and what not.

The counter is stored before it is used (`store`), so no seq is ever given twice, and the gateway knows a record that
comes again by its seq. What is open (`Station.kept`) and the airtime ledger are kept

- in the memory of the board's clock, where there is one (ESP32): before each frame. Deep sleep, watchdog and software
  resets lose nothing; a loss of power is as on other boards:
- in flash when the node falls asleep, when a command was done, and before a frame if records stand in flash without
  their seq. A reset at another time loses the readings made since that are not confirmed; none arrives twice.

Flash is not written for every frame. The ledger is stored there before a frame that makes 5 % of the hour's airtime
since the last time; after a reset that much counts as just sent.
"""

from binascii import crc32

from comatrix.codec import cbor
from comatrix.errors import WireError

_FORMAT = 1
_AIRTIME = "airtime"  # the ledger's name in flash
_SHARE = 20  # of the hour's airtime, between two times it is stored
_FULL_MS = 600000  # where there is no airtime for so long, the hour is full
_RTC_AT = 128  # behind what store_rtc has there
_RTC_MOST = 1900  # of 2048 bytes
_MOST_ITEMS = 1200

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from comatrix_lora.ledger import Ledger
    from comatrix_lora.station import Station

    Written = Callable[[Callable[..., Any], Any], bool]


class LongClock:
    """Milliseconds that go on where they were kept before a reset or deep sleep."""

    def __init__(self, clock: "Any") -> None:
        self._clock = clock
        self._before = 0

    def now(self) -> int:
        """Milliseconds."""
        at: int = self._clock.now() + self._before
        return at

    def go_on(self, at: int) -> None:
        """It is `at` now, or later."""
        self._before += max(0, at - self.now())


class Memory:
    """`rtc`: `machine.RTC()` or None. `written(write, what)`: whether flash took it.

    Kept are [format, enrolment, ms slept or 0, clock, ledger, what the station keeps]."""

    def __init__(self, store: "Any", rtc: "Any", clock: LongClock, enrolment: int, written: "Written") -> None:
        self._store = store
        self._rtc = rtc
        self._clock = clock
        self._enrolment = enrolment
        self._written = written
        self._found: "list[Any] | None" = None
        self._in_flash = False
        self._bare = False  # something stands in flash without a seq
        self._unstored_us: "int | None" = None  # airtime since the ledger was stored in flash

    def load(self, ledger: "Ledger", first: bool, woke: bool) -> None:
        """The clock and the ledger go on. `first`: a node that never sent; `woke`: from deep sleep."""
        kept = _read(self._rtc_kept(), self._enrolment)
        exact = kept is not None
        in_flash = _read(self._store.kept(), self._enrolment)
        if in_flash is not None:
            self._in_flash = True
            self._bare = _is_bare(in_flash[5])
            if kept is None:
                kept = in_flash
                exact = woke and kept[2] > 0  # else something may have been sent since
        if kept is not None:
            if not (woke and kept[2]):
                kept[3] -= kept[2]  # it did not sleep to the end
                kept[2] = 0
            self._clock.go_on(kept[3])
        if kept is not None and exact:
            ledger.load_untrusted(kept[4], self._clock.now())
        elif not first:
            self._load_ledger(ledger)
        self._found = kept

    def _load_ledger(self, ledger: "Ledger") -> None:
        """As it was stored, and all that may have been sent since."""
        data = self._store.kept(_AIRTIME)
        if not ledger.duty_ppm:
            return
        if not data:
            ledger.fill(self._clock.now())
            return
        self._clock.go_on(int.from_bytes(data[:8], "big"))
        at = now = self._clock.now()
        if not ledger.load_untrusted(data[8:], now):
            return
        left_us = ledger.budget_us // _SHARE
        while left_us > 0 and at < now + _FULL_MS:
            part_us = min(left_us, ledger.longest_us() or left_us)
            at = ledger.earliest(at, part_us)
            ledger.spend(at, part_us)
            left_us -= part_us

    def take_up(self, station: "Station", state: "dict[str, Any]") -> bool:
        """Into a new station, before anything else; whether it only slept since."""
        kept, self._found = self._found, None
        if kept is None:
            return False
        slept = kept[2] > 0
        station.restore(kept[5], self._clock.now(), kept[2], slept)
        for row in kept[5][2]:
            if row[0] == "c":
                result: "Any" = cbor.decode_untrusted(row[1])
                state["command"] = max(state["command"], result[0])
        return slept

    def before_sending(self, station: "Station", cost_us: int) -> None:
        """A frame is made and not sent: what is not known after a reset from here on was never sent."""
        ledger = station.mac.ledger
        if self._rtc is not None:
            self._keep_rtc(self._packed(station, 0))
        if self._bare:
            self._stash(station, 0)
        if ledger.duty_ppm:
            us = cost_us + (self._unstored_us or 0)
            if self._unstored_us is None or us > ledger.budget_us // _SHARE:
                data = self._clock.now().to_bytes(8, "big") + ledger.dump()
                us = 0 if self._written(lambda what: self._store.keep(what, _AIRTIME), data) else us
            self._unstored_us = us

    def stash(self, station: "Station", pause_ms: int = 0) -> bool:
        """Keep what is open, before a deep sleep of `pause_ms` or a reset; whether it is safe."""
        if self._rtc is not None and self._keep_rtc(self._packed(station, pause_ms)) and pause_ms:
            return True
        return self._stash(station, pause_ms)

    def _stash(self, station: "Station", pause_ms: int) -> bool:
        if not self._written(self._store.keep, self._packed(station, pause_ms)):
            return False
        self._in_flash = True
        self._bare = _is_bare(station.kept(self._clock.now()))
        return True

    def delivered(self, station: "Station") -> None:
        """Flash forgets once nothing is open."""
        if self._in_flash:
            kept = station.kept(self._clock.now())
            if not kept[1] and not kept[2]:
                self._store.forget()
                self._in_flash = self._bare = False

    def _packed(self, station: "Station", pause_ms: int) -> bytes:
        now = self._clock.now()
        kept = station.kept(now)
        return cbor.encode([_FORMAT, self._enrolment, pause_ms, now + pause_ms, station.mac.ledger.dump(), kept])

    def _keep_rtc(self, data: bytes) -> bool:
        """Whether it fits; if not, what was there before is void."""
        fits = len(data) <= _RTC_MOST - _RTC_AT
        before = bytes(self._rtc.memory())[:_RTC_AT]
        before += bytes(_RTC_AT - len(before))
        self._rtc.memory(
            before + (len(data).to_bytes(2, "big") + crc32(data).to_bytes(4, "big") + data if fits else b"")
        )
        return fits

    def _rtc_kept(self) -> "bytes | None":
        if self._rtc is None:
            return None
        whole = bytes(self._rtc.memory())[_RTC_AT:]
        size = int.from_bytes(whole[:2], "big")
        data = whole[6 : 6 + size]
        return data if size and len(data) == size and crc32(data).to_bytes(4, "big") == whole[2:6] else None


def _read(data: "bytes | None", enrolment: int) -> "list[Any] | None":
    """What was packed for this enrolment, or None."""
    try:
        kept: "Any" = cbor.decode_untrusted(data, 8, _MOST_ITEMS) if data else None
    except WireError:
        return None
    if not isinstance(kept, list) or len(kept) != 6 or kept[:2] != [_FORMAT, enrolment]:
        return None
    return kept


def _is_bare(kept: "list[Any]") -> bool:
    """Whether a reading or record has no seq."""
    return bool([row for row in kept[1] + kept[2] if row[3] < 0])
