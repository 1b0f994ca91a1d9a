"""A half-duplex transceiver with one demodulator: asleep, listening on its channel, or transmitting."""

from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING

from comatrix_lora.medium.clock import Clock
from comatrix_lora.medium.frame import Frame
from comatrix_lora.medium.propagation import Position
from comatrix_lora.medium.scheduler import Event
from comatrix_lora.medium.settings import RadioSettings
from comatrix_lora.medium.statistics import Outcome, Statistics

if TYPE_CHECKING:
    from comatrix_lora.medium.air import Air

OnReceive = Callable[[bytes, int, int, int, int], object]
"""(data, RSSI in tenths of a dBm, SNR in tenths of a dB, start and end of the frame in us of the medium)"""


class State(StrEnum):
    SLEEPING = "sleeping"
    LISTENING = "listening"
    TRANSMITTING = "transmitting"


class RadioBusyError(Exception):
    """The radio is transmitting; it has no queue."""


class Radio:
    """Made by `Medium.radio`, asleep. `on_receive` and `on_done` are called at the end of a frame; set them at will.

    `ready_since_us`, `deaf_for`, `held` and `held_rssi_dbm_x10` are the receiver's state, kept by it and `Air`.
    """

    def __init__(self, air: "Air", name: str, position: Position, settings: RadioSettings, clock: Clock) -> None:
        self.name = name
        self.settings = settings
        self.clock = clock
        self.statistics = Statistics()
        self.on_receive: OnReceive | None = None
        self.on_done: Callable[[], object] | None = None
        self.ready_since_us = 0
        self.deaf_for = Outcome.NOT_LISTENING
        self.held: Frame | None = None
        self.held_rssi_dbm_x10 = 0
        self._air = air
        self._position = position
        self._transmitting = False
        self._listens = False  # or will, after what it transmits

    @property
    def state(self) -> State:
        """What it does now."""
        if self._transmitting:
            return State.TRANSMITTING
        return State.LISTENING if self._listens else State.SLEEPING

    @property
    def position(self) -> Position:
        return self._position

    def move(self, position: Position) -> None:
        """Be elsewhere from now on. A frame being received keeps its strength, interference has the new one."""
        self._position = position
        self._air.forget_losses(self)

    def listen(self) -> None:
        """Receive from now on, or after what is being transmitted."""
        if not self._listens:
            self._listens = True
            self._air.wake(self)

    def sleep(self) -> None:
        """Hear nothing from now on, or after what is being transmitted. A frame being received is lost."""
        if self._listens:
            self._listens = False
            self._air.fall_asleep(self)

    def configure(self, settings: RadioSettings) -> None:
        """Other settings from now on; on another channel a frame being received is lost. Raises RadioBusyError."""
        if self._transmitting:
            raise RadioBusyError(f"{self.name} is transmitting")
        retuned = self._listens and settings.channel != self.settings.channel
        if retuned:
            self._air.fall_asleep(self)
        self.settings = settings
        if retuned:
            self._air.wake(self)

    def transmit(self, data: bytes | bytearray) -> int:
        """Send now; returns when it will be over, in us of the medium. A frame being received is lost.

        Raises RadioBusyError while transmitting, ValueError for more than 255 bytes.
        """
        if self._transmitting:
            raise RadioBusyError(f"{self.name} is transmitting")
        frame = self._air.start(self, data)
        self._transmitting = True
        self.statistics.sent += 1
        self.statistics.airtime_us += frame.end_us - frame.start_us
        return frame.end_us

    def finish_transmitting(self) -> None:
        """`Air` says that the frame has ended."""
        self._transmitting = False

    def local_us(self) -> int:
        """What its own clock shows."""
        return self.clock.local_us(self._air.scheduler.now_us)

    def at_local(self, local_us: int, callback: Callable[[], object]) -> Event:
        """Call back when its own clock shows that. Raises ValueError if it is past."""
        return self._air.scheduler.at(self.clock.medium_us(local_us), callback)
