"""How a radio is set: the modulation, the channel, the power. Explicit header and CRC always."""

from dataclasses import dataclass

from comatrix_lora import airtime

# Frames with all of these alike are heard by one receiver: frequency, bandwidth, spreading factor, sync word.
Channel = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class RadioSettings:
    """Raises ValueError for what no SX126x or SX127x can do."""

    frequency_hz: int = 868_100_000
    sf: int = 7
    bandwidth_hz: int = 125_000
    coding_rate: int = 5
    """5 to 8 mean 4/5 to 4/8."""
    power_dbm: int = 14
    """Radiated, antenna gain included."""
    preamble: int = 8
    """Programmed symbols; the radio adds 4.25 (6.25 at SF5 and SF6)."""
    sync_word: int = 0x12
    """Frames of other sync words are not received, and interfere like any."""
    noise_figure_db: int = 6
    """6 comes within 1 dB of the SX1262's sensitivities at 125 kHz, 7 of the SX1276's."""

    def __post_init__(self) -> None:
        if not 7_000 <= self.bandwidth_hz <= 1_700_000:
            raise ValueError(f"no bandwidth of LoRa: {self.bandwidth_hz} Hz")
        self.airtime_us(0)
        if self.frequency_hz <= 0 or not 0 <= self.sync_word <= 255:
            raise ValueError("out of range")

    @property
    def channel(self) -> Channel:
        """What a receiver is tuned to."""
        return self.frequency_hz, self.bandwidth_hz, self.sf, self.sync_word

    def symbols_us(self, symbols: int) -> int:
        """How long so many symbols last, rounded down."""
        return symbols * (1_000_000 << self.sf) // self.bandwidth_hz

    def airtime_us(self, size: int) -> int:
        """Time on air of so many bytes. Raises ValueError for more than 255."""
        return airtime.airtime_us(size, self.sf, self.bandwidth_hz, self.coding_rate, self.preamble)
