"""What a radio counts, and why a frame did not arrive."""

from dataclasses import dataclass, field
from enum import StrEnum


class Outcome(StrEnum):
    """What became of a frame at a radio that was awake on its channel as its preamble ended."""

    RECEIVED = "received"
    BELOW_SENSITIVITY = "below sensitivity"
    COLLISION = "collision"
    HALF_DUPLEX = "half duplex"
    NOT_LISTENING = "not listening"
    BURST = "burst"
    INDEPENDENT = "independent loss"


@dataclass
class Statistics:
    """Of one radio: frames it sent and their airtime, and frames of others by what became of them here."""

    sent: int = 0
    airtime_us: int = 0
    heard: dict[Outcome, int] = field(default_factory=lambda: dict.fromkeys(Outcome, 0))

    @property
    def received(self) -> int:
        return self.heard[Outcome.RECEIVED]

    @property
    def lost(self) -> dict[Outcome, int]:
        """Reason -> frames, reasons that never came up left out."""
        return {outcome: count for outcome, count in self.heard.items() if count and outcome is not Outcome.RECEIVED}
