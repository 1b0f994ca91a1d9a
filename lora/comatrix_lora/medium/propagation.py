"""How strong a frame arrives, and whether that is enough. Levels are integers, tenths of a dB: exact to compare.

Log-distance path loss with log-normal shadowing; thermal noise; the demodulator's least SNR.
"""

import math
from dataclasses import dataclass
from typing import Protocol

from comatrix_lora.medium.randomness import Stream

Position = tuple[float, ...]
"""Metres, in two or three dimensions; the same number for all radios of a medium."""

# SX1261/2 datasheet, table 6-1 (SF5 to SF12); the SX1276's table 13 says the same of SF6 to SF12.
SNR_LIMIT_DB_X10 = {5: -25, 6: -50, 7: -75, 8: -100, 9: -125, 10: -150, 11: -175, 12: -200}
_THERMAL_DBM_PER_HZ = -174.0


class Propagation(Protocol):
    """What is lost between two places, in tenths of a dB, the same both ways and at any time."""

    def loss_db_x10(self, seed: int, here: Position, there: Position) -> int: ...


@dataclass(frozen=True)
class LogDistance:
    """`reference_db` at `reference_m`, 10 * `exponent` dB more for each decade, and one draw of shadowing for each pair
    of places.

    The defaults were measured on roads around Oulu at 868 MHz: Petäjäjärvi, Mikhaylov, Roivainen, Hänninen, Pettissalo,
    "On the coverage of LPWANs", ITST 2015.
    """

    reference_db: float = 128.95
    reference_m: float = 1000.0
    exponent: float = 2.32
    shadowing_db: float = 7.8
    nearest_m: float = 1.0

    def loss_db_x10(self, seed: int, here: Position, there: Position) -> int:
        distance = max(math.dist(here, there), self.nearest_m)
        loss = self.reference_db + 10.0 * self.exponent * math.log10(distance / self.reference_m)
        if self.shadowing_db:
            loss += self.shadowing_db * Stream(seed, "shadowing", *sorted((here, there))).normal()
        return round(10.0 * loss)


# Bor, Roedig, Voigt, Alonso, "Do LoRa low-power wide-area networks scale?", MSWiM 2016: in a built-up area.
BUILT_UP = LogDistance(127.41, 40.0, 2.08, 3.57)


@dataclass(frozen=True)
class FlatLoss:
    """The same loss between any two places: no radio is out of range of another."""

    loss_db: float = 100.0

    def loss_db_x10(self, seed: int, here: Position, there: Position) -> int:
        return round(10.0 * self.loss_db)


def noise_dbm_x10(bandwidth_hz: int, noise_figure_db: int) -> int:
    """Thermal noise at room temperature in that bandwidth, as the receiver sees it."""
    return round(10.0 * (_THERMAL_DBM_PER_HZ + 10.0 * math.log10(bandwidth_hz) + noise_figure_db))


def sensitivity_dbm_x10(sf: int, bandwidth_hz: int, noise_figure_db: int) -> int:
    """The weakest frame that is received where nothing else is on air."""
    return noise_dbm_x10(bandwidth_hz, noise_figure_db) + SNR_LIMIT_DB_X10[sf]
