"""Which of two frames on one frequency destroys the other, by their spreading factors and strengths.

Every pair of overlapping frames is judged by itself: the powers of several interferers are not added up. Frames on
different frequencies never meet. Of another bandwidth on the same frequency nothing is measured; the spreading factors
decide as if the bandwidths were the same.
"""

from dataclasses import dataclass

# Least signal-to-interference ratio in dB: a row is the received frame's spreading factor 7 to 12, a column the
# interferer's. Croce, Gucciardo, Mangione, Santaromita, Tinnirello, "Impact of LoRa imperfect orthogonality", IEEE
# Communications Letters 22(4), 2018, measured. Their diagonal (1 dB) is not used: see `CollisionModel.same_sf_db_x10`.
CROCE_2018 = (
    (1, -8, -9, -9, -9, -9),
    (-11, 1, -11, -12, -13, -13),
    (-15, -13, 1, -13, -14, -15),
    (-19, -18, -17, 1, -17, -18),
    (-22, -22, -21, -20, 1, -20),
    (-25, -25, -25, -24, -23, 1),
)
_FIRST_SF = 7


@dataclass(frozen=True)
class CollisionModel:
    """What a receiver survives. It needs the last `lock_symbols` of the programmed preamble to lock on to a frame."""

    capture: bool = True
    """False: two frames of one spreading factor that overlap at all destroy each other, others never (pure ALOHA)."""
    same_sf_db_x10: int = -60
    """A frame is lost to one of its own spreading factor at this ratio or a worse one. -60: the frame that was locked
    first is lost only to one 6 dB stronger. 59: within 6 dB nobody survives, as in LoRaSim (Bor 2016)."""
    relocks: bool = False
    """Whether a radio leaves a frame that a later one destroys for that later one. A modem with one demodulator does
    not (Bor 2016 saw both lost); LoRaSim assumes it does."""
    lock_symbols: int = 5
    """Bor 2016: five symbols of the preamble are enough."""
    inter_sf_db: tuple[tuple[int, ...], ...] = CROCE_2018

    def destroyed(self, sf: int, other_sf: int, ratio_db_x10: int) -> bool:
        """Whether a frame is lost to one that overlaps what is needed of it; the ratio is signal to interferer."""
        if sf == other_sf:
            return not self.capture or ratio_db_x10 <= self.same_sf_db_x10
        return self.capture and ratio_db_x10 < 10 * self.inter_sf_limit_db(sf, other_sf)

    def inter_sf_limit_db(self, sf: int, other_sf: int) -> int:
        """The least ratio against another spreading factor. SF5 and SF6, which nobody measured, count as SF7."""
        row, column = max(sf - _FIRST_SF, 0), max(other_sf - _FIRST_SF, 0)
        return self.inter_sf_db[row][column if column != row else row + 1]


ALOHA = CollisionModel(capture=False)
