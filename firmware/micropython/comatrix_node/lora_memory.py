"""What a LoRa node knows after a reset, and what not.

The counter is stored before it is used (`store`), so no seq is ever given twice, and the gateway knows a record that
comes again by its seq. What is open (`Station.kept`) and the airtime ledger are kept

- in the memory of the board's clock, where there is one (ESP32): before each frame. Deep sleep, watchdog and software
  resets lose nothing; a loss of power is as on other boards:
- in flash when the node falls asleep, when a command was done, and before a frame if records stand in flash without
  their seq. A reset at another time loses the readings made since that are not confirmed; none arrives twice.

Flash is not written for every frame. The ledger is stored there before a frame that makes 5 % of the hour's airtime
since the last time; after a reset that much counts as just sent. What stands there is read by lora_recall.
"""

from binascii import crc32

from comatrix.codec import cbor

FORMAT = 1
AIRTIME = "airtime"  # the ledger's name in flash
SHARE = 20  # of the hour's airtime, between two times it is stored
RTC_AT = 128  # behind what store_rtc has there
_RTC_MOST = 1900  # of 2048 bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

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
        self.store = store
        self.rtc = rtc
        self.clock = clock
        self.enrolment = enrolment
        self._written = written
        self._in_flash = False
        self._bare = False  # something stands in flash without a seq
        self._unstored_us: "int | None" = None  # airtime since the ledger was stored in flash

    def found(self, kept: "list[Any]") -> None:
        """That stands in flash (lora_recall)."""
        self._in_flash = True
        self._bare = _is_bare(kept)

    def before_sending(self, station: "Station", cost_us: int) -> None:
        """A frame is made and not sent: what is not known after a reset from here on was never sent."""
        ledger = station.mac.ledger
        if self.rtc is not None:
            self._keep_rtc(self._packed(station, 0))
        if self._bare:
            self._stash(station, 0)
        if ledger.duty_ppm:
            us = cost_us + (self._unstored_us or 0)
            if self._unstored_us is None or us > ledger.budget_us // SHARE:
                data = self.clock.now().to_bytes(8, "big") + ledger.dump()
                us = 0 if self._written(lambda what: self.store.keep(what, AIRTIME), data) else us
            self._unstored_us = us

    def stash(self, station: "Station", pause_ms: int = 0) -> bool:
        """Keep what is open, before a deep sleep of `pause_ms` or a reset; whether it is safe."""
        if self.rtc is not None and self._keep_rtc(self._packed(station, pause_ms)) and pause_ms:
            return True
        return self._stash(station, pause_ms)

    def _stash(self, station: "Station", pause_ms: int) -> bool:
        if not self._written(self.store.keep, self._packed(station, pause_ms)):
            return False
        self._in_flash = True
        self._bare = _is_bare(station.kept(self.clock.now()))
        return True

    def delivered(self, station: "Station") -> None:
        """Flash forgets once nothing is open."""
        if self._in_flash:
            kept = station.kept(self.clock.now())
            if not kept[1] and not kept[2]:
                self.store.forget()
                self._in_flash = self._bare = False

    def _packed(self, station: "Station", pause_ms: int) -> bytes:
        now = self.clock.now()
        kept = station.kept(now)
        return cbor.encode([FORMAT, self.enrolment, pause_ms, now + pause_ms, station.mac.ledger.dump(), kept])

    def _keep_rtc(self, data: bytes) -> bool:
        """Whether it fits; if not, what was there before is void."""
        fits = len(data) <= _RTC_MOST - RTC_AT
        before = bytes(self.rtc.memory())[:RTC_AT]
        before += bytes(RTC_AT - len(before))
        self.rtc.memory(
            before + (len(data).to_bytes(2, "big") + crc32(data).to_bytes(4, "big") + data if fits else b"")
        )
        return fits


def _is_bare(kept: "list[Any]") -> bool:
    """Whether a reading or record has no seq."""
    return bool([row for row in kept[1] + kept[2] if row[3] < 0])
