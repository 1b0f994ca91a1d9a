"""Link advice: one byte in an ACK, the spreading factor and power with which the gateway would still hear well.

High nibble: the spreading factor, 0 for the provisioned one; low nibble: steps of 2 dB below the provisioned power. It
is absolute, so hearing it twice or missing one does no harm. 0: as provisioned.
"""

from comatrix_lora.errors import LoraError

STEP_DB = 2
MARGIN_DB = 10  # kept for fading
PATIENCE = 4  # asks in a row without an answer, and the node goes back to what was provisioned
_DISTRUST_MS = 6 * 3600000  # so long an advice that failed is not followed again
_FIRST_SF = 5
_LAST_SF = 12
_MOST_STEPS = 15
_SAMPLES = 8
# Least SNR in tenths of a dB by spreading factor from 5 on (SX1261/2 datasheet, table 6-1).
_LIMITS_DB_X10 = (-25, -50, -75, -100, -125, -150, -175, -200)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def encode(sf: int, less_db: int) -> int:
    """The byte. Raises LoraError: no such setting."""
    steps = less_db // STEP_DB
    if (sf and not _FIRST_SF <= sf <= _LAST_SF) or not 0 <= steps <= _MOST_STEPS:
        raise LoraError("no such link advice")
    return sf << 4 | steps


def advise(snrs_db: "Sequence[int]", sf: int, less_db: int, heard: "Sequence[int]") -> "int | None":
    """What to advise a node heard with these SNRs at `sf`, or None while too few came.

    `heard`: the spreading factors the gateway's radios receive. Of what the worst of the last 8 leaves above limit and
    margin, first the spreading factor takes its share, then the power."""
    if len(snrs_db) < _SAMPLES:
        return None
    worst = min(snrs_db[-_SAMPLES:]) + less_db
    for better in sorted(heard):
        spare = worst - MARGIN_DB - (_LIMITS_DB_X10[better - _FIRST_SF] + 9) // 10
        if better <= sf and (spare >= 0 or better == sf):
            return encode(better, min(max(spare, 0) // STEP_DB, _MOST_STEPS) * STEP_DB)
    return None


class Settings:
    """What a node sends with: `sf` and `less_db` below the provisioned power. No advice to a slower `sf` than
    provisioned is followed, as its frames hold less; after PATIENCE asks without an answer it goes back to what
    was provisioned."""

    def __init__(self, sf: int) -> None:
        self.provisioned_sf = sf
        self.sf = sf
        self.less_db = 0
        self.unanswered = 0
        self._advice = 0
        self._distrusted = 0
        self._until = 0

    def kept(self) -> "list[int]":
        """What deep sleep must not lose."""
        return [self._advice, self.unanswered]

    def restore(self, kept: "list[int]", now: int) -> None:
        """What `kept` gave."""
        self.advised(kept[0], now)
        self.unanswered = kept[1]

    def advised(self, advice: int, now: int) -> None:
        """An authenticated answer to the newest request carried this byte."""
        sf = advice >> 4 or self.provisioned_sf
        if not _FIRST_SF <= sf <= self.provisioned_sf or (advice and advice == self._distrusted and now < self._until):
            return
        self._advice, self.sf, self.less_db = advice, sf, (advice & _MOST_STEPS) * STEP_DB

    def answered(self) -> None:
        """An authenticated answer came."""
        self.unanswered = 0

    def silent(self, now: int) -> None:
        """An ask brought nothing."""
        self.unanswered += 1
        if self.unanswered >= PATIENCE and self._advice:
            self._distrusted, self._until = self._advice, now + _DISTRUST_MS
            self._advice, self.sf, self.less_db = 0, self.provisioned_sf, 0
