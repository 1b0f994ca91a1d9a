"""A frame on the air, and what one radio made of it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from comatrix_lora.medium.settings import RadioSettings
from comatrix_lora.medium.statistics import Outcome

if TYPE_CHECKING:
    from comatrix_lora.medium.radio import Radio


class Frame:
    """On air in [start_us, end_us). A receiver needs all of it from `needed_us`, and locks on to it at `lock_us`."""

    __slots__ = ("data", "end_us", "holders", "lock_us", "needed_us", "overlapping", "sender", "settings", "start_us")

    def __init__(self, sender: "Radio", data: bytes, start_us: int, lock_symbols: int | None) -> None:
        """`lock_symbols` None: a receiver needs the frame from its first symbol on."""
        settings: RadioSettings = sender.settings
        self.sender = sender
        self.data = data
        self.settings = settings
        self.start_us = start_us
        self.end_us = start_us + settings.airtime_us(len(data))
        self.lock_us = start_us + settings.symbols_us(settings.preamble)
        spare = 0 if lock_symbols is None else max(settings.preamble - lock_symbols, 0)
        self.needed_us = start_us + settings.symbols_us(spare)
        self.overlapping: list[Frame] = []  # on the same frequency
        self.holders: list[Radio] = []


@dataclass(frozen=True, slots=True)
class Reception:
    """What observers of a medium are told: one frame at one radio, whether it arrived or not."""

    frame: Frame
    receiver: "Radio"
    outcome: Outcome
    rssi_dbm_x10: int
    snr_db_x10: int
    us: int
    """When it was decided."""
