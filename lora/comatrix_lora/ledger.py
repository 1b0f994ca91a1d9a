"""The duty cycle kept exactly: in no hour, wherever it begins, is there more airtime than the sub-band allows.

A transmission counts in a window with the part of it that lies inside. No two of one radio overlap, so the fullest
window is one that ends with a transmission: it is enough to look back from the end of each new one.

To stay small, transmissions that begin within a minute of a first are kept as one, as if all had been sent back to back
just before the last ended. That is later than they were, so they leave the hour later: never too little is counted,
and a transmission counts for at most a minute too long.

Times are Unix milliseconds of one clock that never goes back; where it is set, `move_clock` says by how much.
Say what is spent, and write `dump()` to flash, before the radio sends: a crash between then only wastes airtime.
"""

import struct
from array import array
from binascii import crc32

from comatrix_lora.errors import LoraError
from comatrix_lora.regions import Region, sub_band

# What goes first, and how much of the budget its class may fill (per cent): the rest waits for those above it.
ACK, ALARM, COMMAND, READING, REPLY, BULK = 0, 1, 2, 3, 4, 5
SHARES = (100, 95, 90, 85, 75, 60)

WINDOW_US = 3600 * 1000000
MERGED_US = 60 * 1000000
# As dumped:
MOST_ENTRIES = 64
FORMAT = 1
HEAD = ">BBIQI"  # format, entries, duty cycle, end of the newest, how long before that its first transmission began
ENTRY = ">II"  # how long before the newest ended, and airtime: microseconds, both


class Ledger:
    """One transmitter's airtime in one sub-band; `duty_ppm` in millionths, 0 for no limit; `dwell_ms` 0: likewise."""

    def __init__(self, duty_ppm: int, dwell_ms: int = 0) -> None:
        self.duty_ppm = duty_ppm
        self.budget_us = duty_ppm * (WINDOW_US // 1000000)
        self._dwell_us = dwell_ms * 1000
        self._forget()

    def _forget(self) -> None:
        self._ends_us = array("q")
        self._airtimes_us = array("q")
        self._opened_us = 0  # when the newest entry's first transmission began
        self._busy_until_us = 0

    def limit_us(self, priority: int = ACK) -> int:
        """Microseconds of an hour that the class may fill."""
        return self.budget_us * SHARES[priority] // 100

    def longest_us(self, priority: int = ACK) -> "int | None":
        """What one transmission of the class may last at most; None for no limit."""
        limits = ([self.limit_us(priority)] if self.duty_ppm else []) + ([self._dwell_us] if self._dwell_us else [])
        return min(limits) if limits else None

    def earliest(self, now_ms: int, airtime_us: int, priority: int = ACK) -> int:
        """When it may begin, in ms, `now_ms` or later. Raises LoraError if never: too long for dwell time or share."""
        self._check(airtime_us, priority)
        begin_us = max(now_ms * 1000, self._busy_until_us)
        if self.duty_ppm:
            begin_us = max(begin_us, self._window_has_room_us(self.limit_us(priority) - airtime_us) - airtime_us)
        return (begin_us + 999) // 1000

    def _check(self, airtime_us: int, priority: int) -> None:
        if airtime_us <= 0:
            raise LoraError("a transmission lasts longer than nothing")
        if self._dwell_us and airtime_us > self._dwell_us:
            raise LoraError(f"{airtime_us} us on air: one transmission may last {self._dwell_us} us here")
        if self.duty_ppm and airtime_us > self.limit_us(priority):
            raise LoraError(f"{airtime_us} us on air: this class may send {self.limit_us(priority)} us an hour here")

    def _window_has_room_us(self, room_us: int) -> int:
        """The end of the first hour that holds no more than `room_us` of what was sent."""
        for i in range(len(self._ends_us) - 1, -1, -1):
            if self._airtimes_us[i] > room_us:
                return self._ends_us[i] - room_us + WINDOW_US
            room_us -= self._airtimes_us[i]
        return 0

    def spend(self, start_ms: int, airtime_us: int) -> None:
        """Counts a transmission about to begin. Raises LoraError, counting nothing, where it would break the law."""
        if start_ms < self.earliest(start_ms, airtime_us):
            raise LoraError("too early: the airtime of the hour is spent, or the radio still sends")
        start_us = start_ms * 1000
        self._busy_until_us = start_us + airtime_us
        if self.duty_ppm:
            self._drop_until(self._busy_until_us - WINDOW_US)
            self._enter(start_us, airtime_us)

    def _drop_until(self, time_us: int) -> None:
        gone = 0
        while gone < len(self._ends_us) and self._ends_us[gone] <= time_us:
            gone += 1
        if gone:
            self._ends_us, self._airtimes_us = self._ends_us[gone:], self._airtimes_us[gone:]

    def _enter(self, start_us: int, airtime_us: int) -> None:
        if self._ends_us and start_us < self._opened_us + MERGED_US:
            self._ends_us[-1] = start_us + airtime_us
            self._airtimes_us[-1] += airtime_us
            return
        if len(self._ends_us) == MOST_ENTRIES:
            # No more begin in an hour than it has minutes; a dump may hold more. The oldest counts as long as the next.
            self._airtimes_us[1] += self._airtimes_us[0]
            self._ends_us, self._airtimes_us = self._ends_us[1:], self._airtimes_us[1:]
        self._ends_us.append(start_us + airtime_us)
        self._airtimes_us.append(airtime_us)
        self._opened_us = start_us

    def used_us(self, now_ms: int) -> int:
        """Airtime in the hour before `now_ms`, and all of what is on air; may be counted too high, never too low."""
        first_us = now_ms * 1000 - WINDOW_US
        return sum([max(0, min(self._airtimes_us[i], end - first_us)) for i, end in enumerate(self._ends_us)])

    def left_us(self, now_ms: int, priority: int = ACK) -> "int | None":
        """Airtime the class may still spend at `now_ms`; None where no duty cycle limits it."""
        return max(0, self.limit_us(priority) - self.used_us(now_ms)) if self.duty_ppm else None

    def move_clock(self, by_ms: int) -> None:
        """The clock was set: what was t is now t + `by_ms`."""
        self._shift(by_ms * 1000)

    def _shift(self, by_us: int) -> None:
        self._ends_us = array("q", [end + by_us for end in self._ends_us])
        self._opened_us += by_us
        self._busy_until_us += by_us

    def dump(self) -> bytes:
        """All of it, at most 534 bytes, for `load_untrusted` after a restart."""
        newest_us = self._ends_us[-1] if self._ends_us else 0
        opened = newest_us - self._opened_us if self._ends_us else 0
        parts = [struct.pack(HEAD, FORMAT, len(self._ends_us), self.duty_ppm, newest_us, opened)]
        for i, end in enumerate(self._ends_us):
            parts.append(struct.pack(ENTRY, newest_us - end, self._airtimes_us[i]))
        return _sealed(b"".join(parts))

    def load_untrusted(self, data: bytes, now_ms: int) -> bool:
        """Takes what `dump` gave before a restart at the latest `now_ms`; False if it is none, and raises nothing.

        Then a full hour's airtime counts as sent from now on, for the law's sake. A first start has nothing to load.
        Where the clock stands before what was sent, that counts as just sent. A clock set forward cannot be noticed.
        """
        from comatrix_lora.ledger_dump import read_untrusted  # here, as it is needed once (docs/decisions/0004)

        self._forget()
        try:
            self._ends_us, self._airtimes_us, self._opened_us = read_untrusted(data, self.duty_ppm)
        except ValueError:
            self.fill(now_ms)
            return False
        if self._ends_us:
            self._busy_until_us = self._ends_us[-1]
        if self._ends_us and now_ms * 1000 < self._ends_us[-1]:
            self._shift(now_ms * 1000 + self._airtimes_us[-1] - self._ends_us[-1])
        return True

    def fill(self, now_ms: int) -> None:
        """Counts all an hour allows as sent from now on: for one whose past is lost."""
        if self.duty_ppm:
            self._forget()
            self._busy_until_us = now_ms * 1000 + self.budget_us
            self._enter(now_ms * 1000, self.budget_us)


class Ledgers:
    """One transmitter's ledgers in a region, one for each sub-band it sends in."""

    def __init__(self, place: Region) -> None:
        self._place = place
        self._ledgers: "dict[int, Ledger]" = {}

    def ledger(self, frequency_hz: int, bandwidth_hz: int = 0) -> Ledger:
        """The ledger of the channel's sub-band. Raises LoraError where sending is forbidden."""
        return self._of(sub_band(self._place, frequency_hz, bandwidth_hz).index)

    def _of(self, index: int) -> Ledger:
        if index not in self._ledgers:
            self._ledgers[index] = Ledger(self._place.bands[index].duty_ppm, self._place.dwell_ms)
        return self._ledgers[index]

    def move_clock(self, by_ms: int) -> None:
        """As `Ledger.move_clock`, for all."""
        for ledger in self._ledgers.values():
            ledger.move_clock(by_ms)

    def dump(self) -> bytes:
        """All of it: the region's name, and each sub-band's number and ledger."""
        name = self._place.name.encode()
        parts = [bytes([FORMAT, len(name)]), name]
        for index in sorted(self._ledgers):
            dumped = self._ledgers[index].dump()
            parts += [struct.pack(">BH", index, len(dumped)), dumped]
        return _sealed(b"".join(parts))

    def load_untrusted(self, data: bytes, now_ms: int) -> bool:
        """As `Ledger.load_untrusted`; what is not of this region counts in every sub-band."""
        from comatrix_lora.ledger_dump import unsealed

        self._ledgers = {}
        try:
            return self._read(unsealed(data), now_ms)
        except ValueError:
            for index in range(len(self._place.bands)):
                self._of(index).fill(now_ms)
            return False

    def _read(self, data: bytes, now_ms: int) -> bool:
        name = self._place.name.encode()
        at = 2 + len(name)
        if data[:at] != bytes([FORMAT, len(name)]) + name:
            raise ValueError("not of this region")
        while at < len(data):
            if len(data) < at + 3:
                raise ValueError("too short")
            index, size = struct.unpack(">BH", data[at : at + 3])
            at += 3 + size
            if index >= len(self._place.bands) or index in self._ledgers or at > len(data):
                raise ValueError("not of this region")
            if not self._of(index).load_untrusted(data[at - size : at], now_ms):
                raise ValueError("not a ledger")
        return True


def _sealed(data: bytes) -> bytes:
    return data + struct.pack(">I", crc32(data))
