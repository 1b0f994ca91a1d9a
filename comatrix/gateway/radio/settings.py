"""What two radios must agree on to hear each other."""

from dataclasses import dataclass

from comatrix_lora.airtime import airtime_us


@dataclass(frozen=True, slots=True)
class RadioSettings:
    """Frequency and modulation. `coding_rate` 5-8 means 4/5 to 4/8. Raises ValueError where LoRa has no such value."""

    frequency_hz: int = 868_100_000
    sf: int = 7
    bandwidth_hz: int = 125_000
    coding_rate: int = 5
    preamble: int = 12
    power_dbm: int = 14

    def __post_init__(self) -> None:
        if not (137_000_000 <= self.frequency_hz <= 1_020_000_000 and 2 <= self.preamble <= 65535):
            raise ValueError("frequency or preamble out of range")
        if not -9 <= self.power_dbm <= 22:
            raise ValueError("power out of range")
        airtime_us(0, self.sf, self.bandwidth_hz, self.coding_rate)

    def airtime_ms(self, size: int) -> int:
        """Milliseconds on air of `size` bytes, rounded up."""
        microseconds = airtime_us(size, self.sf, self.bandwidth_hz, self.coding_rate, self.preamble)
        return -(-microseconds // 1000)

    def heard_by(self, other: "RadioSettings") -> bool:
        """Whether a radio with `other` can hear what is sent with these: preamble and power may differ."""
        return (self.frequency_hz, self.sf, self.bandwidth_hz) == (other.frequency_hz, other.sf, other.bandwidth_hz)
