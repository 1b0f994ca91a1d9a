"""What emulated modules share: time on the air, half duplex, the boot, and bad manners by choice."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from heapq import heappop, heappush

from comatrix.gateway.radio.settings import RadioSettings

# frame, how it is sent, when its transmission begins
OnAir = Callable[[bytes, RadioSettings, int], None]


@dataclass(frozen=True, slots=True)
class Manners:
    """How well a module behaves.

    `old`: the older model or firmware. `stops_at`: data ends at this (b"\\0" or b"\\r\\n"); empty: all bytes pass.
    `noise`: in how many of 1000 answers noise stands in front. `most_bytes`: of one read; 0: all that is there.
    """

    old: bool = False
    stops_at: bytes = b""
    noise: int = 0
    most_bytes: int = 0
    boot_ms: int = 120
    answer_ms: int = 2


class Modem(ABC):
    """The module without its command set. `random(n)` -> 0 <= int < n, needed where there is noise."""

    LONGEST = 700  # more without an end of line is dropped

    def __init__(
        self, on_air: OnAir, manners: Manners | None = None, random: Callable[[int], int] = lambda n: n - 1
    ) -> None:
        self.manners = Manners() if manners is None else manners
        self.settings = RadioSettings()
        self.sent = self.heard = self.missed = 0
        self._on_air = on_air
        self._random = random
        self._input = bytearray()
        self._output = bytearray()
        self._later: list[tuple[int, int, Callable[[int], None]]] = []
        self._number = 0
        self._air_until = 0
        self._up = True

    def receive(self, data: bytes, now: int) -> None:
        """Bytes from the computer; nothing is heard while it boots."""
        if self._up:
            self._input += data
            self._read(now)
            del self._input[: -self.LONGEST]

    def bytes_to_write(self, now: int) -> bytes:
        """What the computer reads next; ask again while something comes."""
        size = self.manners.most_bytes or len(self._output)
        data = bytes(self._output[:size])
        del self._output[:size]
        return data

    def next_deadline(self) -> int | None:
        """When `handle_timer` is due."""
        return self._later[0][0] if self._later else None

    def handle_timer(self, now: int) -> None:
        """Time went on."""
        while self._later and self._later[0][0] <= now:
            at, _, action = heappop(self._later)
            action(at)

    def deliver(self, frame: bytes, rssi_dbm: int, snr_db: int, now: int) -> None:
        """The end of a frame at the antenna: lost where the module sent meanwhile or does not listen."""
        began = now - self.settings.airtime_ms(min(len(frame), 255))
        if self._up and began >= self._air_until and self._listens():
            self.heard += 1
            self._hear(frame, rssi_dbm, snr_db, now)
        else:
            self.missed += 1

    def restart(self, now: int) -> None:
        """The reset button: whatever it was doing is forgotten, a transmission is cut off."""
        self._input.clear()
        self._output.clear()
        self._later.clear()
        self._air_until = now
        self._up = False
        self._at(now + self.manners.boot_ms, self._boot)

    def _boot(self, now: int) -> None:
        self._up = True
        self._banner(now)

    def _transmit(self, frame: bytes, now: int, done: Callable[[int], None]) -> None:
        self.sent += 1
        self._air_until = now + self.settings.airtime_ms(len(frame))
        self._at(self._air_until, done)
        self._on_air(frame, self.settings, now)

    def _transmits(self, now: int) -> bool:
        return now < self._air_until

    def _at(self, at: int, action: Callable[[int], None]) -> None:
        self._number += 1
        heappush(self._later, (at, self._number, action))

    def _say(self, data: bytes, now: int) -> None:
        self._at(now + self.manners.answer_ms, lambda _: self._write(data))

    def _write(self, data: bytes) -> None:
        if self.manners.noise and self._random(1000) < self.manners.noise:
            self._output += bytes(self._random(256) for _ in range(1 + self._random(12)))
        self._output += data

    def _lines(self) -> list[bytes]:
        """Complete lines, taken out of what came."""
        *lines, rest = bytes(self._input).replace(b"\r", b"\n").split(b"\n")
        self._input[:] = rest
        return [line for line in lines if line]

    @abstractmethod
    def _read(self, now: int) -> None:
        """Take what is complete out of the input, and answer."""

    @abstractmethod
    def _listens(self) -> bool:
        """Whether it is set to hear."""

    @abstractmethod
    def _hear(self, frame: bytes, rssi_dbm: int, snr_db: int, now: int) -> None:
        """Tell the computer of a frame."""

    @abstractmethod
    def _banner(self, now: int) -> None:
        """What it says when it has started."""
