"""A node's own clock, which runs fast or slow by some parts per million of the medium's."""

_MILLION = 1_000_000
_MOST_PPM = 10_000


class Clock:
    """local = offset + medium * (1 + drift), rounded down to a microsecond. Raises ValueError beyond 10,000 ppm."""

    def __init__(self, drift_ppm: int = 0, offset_us: int = 0) -> None:
        if abs(drift_ppm) > _MOST_PPM:
            raise ValueError(f"a drift of {drift_ppm} ppm is no crystal's")
        self._rate = _MILLION + drift_ppm
        self._offset_us = offset_us

    def local_us(self, medium_us: int) -> int:
        """What the node's clock shows at that time of the medium."""
        return self._offset_us + medium_us * self._rate // _MILLION

    def medium_us(self, local_us: int) -> int:
        """The first microsecond of the medium at which the node's clock shows that or more."""
        return -((self._offset_us - local_us) * _MILLION // self._rate)
