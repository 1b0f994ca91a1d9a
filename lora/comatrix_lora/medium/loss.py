"""Frames lost for no reason the other models know, a link and direction at a time: in bursts, and independently."""

from dataclasses import dataclass

from comatrix_lora.medium.randomness import Stream
from comatrix_lora.medium.statistics import Outcome


@dataclass(frozen=True)
class LossSettings:
    """A frame arrives when neither process takes it. Raises ValueError for what no such process can be.

    `bursts` is a Gilbert-Elliott process (Gilbert 1960, Elliott 1963) that loses every frame in its bad state and none
    in its good one: the share of frames lost in the long run, and the mean length of a run of losses in frames.
    """

    independent: float = 0.0
    bursts: float = 0.0
    burst_frames: float = 4.0

    def __post_init__(self) -> None:
        if not (0.0 <= self.independent <= 1.0 and 0.0 <= self.bursts < 1.0 and self.burst_frames >= 1.0):
            raise ValueError("loss is a share from 0 to 1, and a burst lasts a frame or more")
        if self.to_bad > 1.0:
            raise ValueError(
                f"with {self.bursts:.0%} lost, bursts last {self.bursts / (1 - self.bursts):.2f} frames or more"
            )

    @property
    def to_good(self) -> float:
        """Chance that a bad state ends after a frame."""
        return 1.0 / self.burst_frames

    @property
    def to_bad(self) -> float:
        """Chance that a good state ends after a frame."""
        return self.to_good * self.bursts / (1.0 - self.bursts)


class LossProcess:
    """The state of one link in one direction. It starts as it is in the long run."""

    def __init__(self, settings: LossSettings, stream: Stream) -> None:
        self._settings = settings
        self._stream = stream
        self._bad = stream.chance() < settings.bursts

    def next_outcome(self) -> Outcome:
        """What becomes of the next frame: RECEIVED, BURST or INDEPENDENT."""
        settings, bad = self._settings, self._bad
        if settings.bursts:
            leaves = self._stream.chance() < (settings.to_good if bad else settings.to_bad)
            self._bad = bad != leaves
        alone = settings.independent > 0.0 and self._stream.chance() < settings.independent
        return Outcome.BURST if bad else Outcome.INDEPENDENT if alone else Outcome.RECEIVED
