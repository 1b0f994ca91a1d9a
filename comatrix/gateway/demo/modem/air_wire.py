"""The simulated medium between emulated modems: airtime, collisions and loss, in the time of whoever drives it."""

from collections.abc import Callable
from typing import Protocol

from comatrix_lora.medium.loss import LossSettings
from comatrix_lora.medium.medium import Medium
from comatrix_lora.medium.propagation import FlatLoss
from comatrix_lora.medium.radio import Radio, RadioBusyError
from comatrix_lora.medium.settings import RadioSettings as AirSettings

from comatrix.gateway.demo.modem.machine import Modem, OnAir

MOST_SNR_DB = 12  # no module tells of more


class Wire(Protocol):
    """What carries frames between modems."""

    def next_deadline(self) -> int | None:
        """When a frame arrives, or something else happens."""

    def handle_timer(self, now: int) -> None:
        """Let what is due happen."""


def air_settings(modem: Modem) -> AirSettings:
    """How the modem was told to send and listen, for a radio of the medium."""
    s = modem.settings
    return AirSettings(s.frequency_hz, s.sf, s.bandwidth_hz, s.coding_rate, s.power_dbm, s.preamble)


def snr_told(tenths_db: int) -> int:
    """dB as modules tell it."""
    return min(tenths_db // 10, MOST_SNR_DB)


class AirWire:
    """Joins modems by radios of one medium, all in reach of each other. `lost` counts frames the medium took."""

    def __init__(self, seed: int, loss: LossSettings) -> None:
        self.medium = Medium(seed, FlatLoss(), loss=loss)
        self.carried = self.lost = 0
        self.airtime_us = 0
        self._joined: list[tuple[Modem, Radio]] = []
        self.medium.observe(lambda reception: self._count(reception.outcome == "received"))

    def join(self, make: Callable[[OnAir], Modem]) -> Modem:
        """A modem on this medium: `make` gets its `on_air`."""
        place = len(self._joined)
        radio = self.medium.radio(f"radio{place}", (float(place), 0.0))
        modem = make(lambda frame, settings, now: self._carry(radio, frame, now))
        radio.on_receive = lambda data, rssi, snr, start, end: modem.deliver(
            data, rssi // 10, snr_told(snr), end // 1000
        )
        radio.listen()
        self._joined.append((modem, radio))
        return modem

    def _carry(self, radio: Radio, frame: bytes, now: int) -> None:
        self.handle_timer(now)
        try:
            start, end = self.medium.now_us, radio.transmit(frame)
        except RadioBusyError:  # the module says so to who asks; a frame of its own making is lost
            return
        self.carried += 1
        self.airtime_us += end - start

    def _tune(self) -> None:
        """Radios are set as their modems were told meanwhile."""
        for modem, radio in self._joined:
            wanted = air_settings(modem)
            if radio.settings != wanted and radio.state != "transmitting":
                radio.configure(wanted)

    def _count(self, received: bool) -> None:
        self.lost += not received

    def next_deadline(self) -> int | None:
        """When something happens on the air, in whole milliseconds, rounded up."""
        due = self.medium.next_event_us()
        return None if due is None else -(-due // 1000)

    def handle_timer(self, now: int) -> None:
        """The medium's time is `now`."""
        if now * 1000 > self.medium.now_us:
            self.medium.run_until(now * 1000)
        self._tune()
