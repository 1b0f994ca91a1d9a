"""What was on the air: frames by what became of them, levels at each radio, the fullest hour of each transmitter."""

from collections import deque
from dataclasses import dataclass, field

from comatrix_lora.medium.frame import Reception
from comatrix_lora.medium.statistics import Outcome

HOUR_US = 3_600_000_000


@dataclass(slots=True)
class Levels:
    """A node at a radio of the gateway; tenths of dB."""

    frames: int = 0
    rssi: int = 0  # sums
    snr: int = 0
    least_snr: int = 0

    def note(self, rssi: int, snr: int) -> None:
        """A frame was received."""
        self.least_snr = min(self.least_snr, snr) if self.frames else snr
        self.frames += 1
        self.rssi += rssi
        self.snr += snr


@dataclass(slots=True)
class Transmitter:
    """One radio's frames. `worst_hour_us`: most airtime in any hour (it ends with a frame)."""

    frames: int = 0
    airtime_us: int = 0
    worst_hour_us: int = 0
    unheard: int = 0  # a node's: no radio of the gateway received them
    _hour: deque[tuple[int, int]] = field(default_factory=deque)
    _inside_us: int = 0

    def note(self, start_us: int, end_us: int) -> None:
        """A frame was put on the air."""
        self.frames += 1
        self.airtime_us += end_us - start_us
        self._hour.append((start_us, end_us))
        self._inside_us += end_us - start_us
        first_us = end_us - HOUR_US
        while self._hour[0][1] <= first_us:
            start, end = self._hour.popleft()
            self._inside_us -= end - start
        cut = max(0, first_us - self._hour[0][0])
        self.worst_hour_us = max(self.worst_hour_us, self._inside_us - cut)


class AirBooks:
    """An observer of the medium; `gateway`: its radios' names. Names of nodes' radios are `node/NUMBER`."""

    def __init__(self, gateway: set[str]) -> None:
        self._gateway = gateway
        self.transmitters: dict[str, Transmitter] = {}
        self.levels: dict[tuple[str, str], Levels] = {}  # (node's radio, gateway's radio)
        self.outcomes: dict[str, dict[Outcome, int]] = {}  # by radio of the gateway: frames of nodes
        self._pending: dict[str, int] = {}  # node's radio -> start of a frame that nobody received yet

    def sent(self, radio: str, start_us: int, end_us: int) -> None:
        """A frame goes on the air."""
        one = self.transmitters.get(radio)
        if one is None:
            one = self.transmitters[radio] = Transmitter()
        one.note(start_us, end_us)
        if radio not in self._gateway:
            if radio in self._pending:
                one.unheard += 1
            self._pending[radio] = start_us

    def __call__(self, reception: Reception) -> None:
        """What became of a frame at a radio."""
        receiver, sender = reception.receiver.name, reception.frame.sender.name
        if receiver not in self._gateway or sender in self._gateway:
            return
        outcomes = self.outcomes.get(receiver)
        if outcomes is None:
            outcomes = self.outcomes[receiver] = dict.fromkeys(Outcome, 0)
        outcomes[reception.outcome] += 1
        if reception.outcome is Outcome.RECEIVED:
            self._pending.pop(sender, None)
            levels = self.levels.get((sender, receiver))
            if levels is None:
                levels = self.levels[sender, receiver] = Levels()
            levels.note(reception.rssi_dbm_x10, reception.snr_db_x10)

    def close(self) -> None:
        """The run is over: frames nobody received are lost."""
        for radio in self._pending:
            self.transmitters[radio].unheard += 1
        self._pending.clear()
