"""What each region's law lets a radio do: sub-bands, duty cycle, dwell time, power; and the network's payload limits.

EU868: LoRaMac-node (2024-02), after ETSI EN 300 220-2 annex B. US915 and AS923 (group AS923-1): LoRaWAN Regional
Parameters RP002, as tests/vectors/lora_regions.json has them. IN865 and AU915: RegionIN865.h and RegionAU915.h of
LoRaMac-node. The edges of the bands that are not divided are those in their plans' names (US902-928, IN865-867,
AU915-928). A default and no legal advice: a country may allow less.
"""

from comatrix_lora.errors import LoraError

# Per region: bands of (lowest Hz, highest Hz, duty cycle in millionths or 0 for no limit), both ends included;
# dwell time in ms or 0; EIRP in dBm; data rates 0, 1, ... of (sf, bandwidth in kHz, most bytes of application payload,
# the same under the dwell time); frequency in Hz, bandwidth in Hz and sf of the channel taken if none is configured.
_REGIONS = (
    (
        "EU868",
        (
            (863000000, 864999999, 1000),
            (865000000, 868000000, 10000),
            (868000001, 868600000, 10000),
            (868700000, 869200000, 1000),
            (869400000, 869650000, 100000),
            (869700000, 870000000, 10000),
        ),
        0,
        16,
        (
            (12, 125, 51, 51),
            (11, 125, 51, 51),
            (10, 125, 51, 51),
            (9, 125, 115, 115),
            (8, 125, 242, 242),
            (7, 125, 242, 242),
            (7, 250, 242, 242),
        ),
        # The 10 % band: a gateway answers many nodes.
        (869525000, 125000, 9),
    ),
    (
        "US915",
        ((902000000, 928000000, 0),),
        400,
        30,
        ((10, 125, 11, 11), (9, 125, 53, 53), (8, 125, 125, 125), (7, 125, 242, 242), (8, 500, 242, 242)),
        # FCC 15.247 allows a radio that does not hop from 500 kHz on.
        (903000000, 500000, 8),
    ),
    (
        "AS923",
        ((915000000, 928000000, 10000),),
        400,
        16,
        (
            (12, 125, 51, 0),
            (11, 125, 51, 0),
            (10, 125, 115, 11),
            (9, 125, 115, 53),
            (8, 125, 242, 125),
            (7, 125, 242, 242),
            (7, 250, 242, 242),
        ),
        (923200000, 125000, 9),
    ),
    (
        "IN865",
        ((865000000, 867000000, 0),),
        0,
        30,
        (
            (12, 125, 51, 51),
            (11, 125, 51, 51),
            (10, 125, 51, 51),
            (9, 125, 115, 115),
            (8, 125, 242, 242),
            (7, 125, 242, 242),
        ),
        (865985000, 125000, 9),
    ),
    (
        "AU915",
        ((915000000, 928000000, 0),),
        400,
        30,
        (
            (12, 125, 51, 0),
            (11, 125, 51, 0),
            (10, 125, 51, 11),
            (9, 125, 115, 53),
            (8, 125, 242, 125),
            (7, 125, 242, 242),
            (8, 500, 242, 242),
        ),
        (915900000, 500000, 8),
    ),
)
NAMES = tuple(row[0] for row in _REGIONS)


class Band:
    """A sub-band with a budget of its own: both ends in Hz included; `duty_ppm` in millionths, 0 for no limit."""

    def __init__(self, index: int, low_hz: int, high_hz: int, duty_ppm: int) -> None:
        self.index = index
        self.low_hz = low_hz
        self.high_hz = high_hz
        self.duty_ppm = duty_ppm

    def holds(self, low_hz: int, high_hz: int) -> bool:
        """Whether all from `low_hz` to `high_hz` lies inside."""
        return self.low_hz <= low_hz and high_hz <= self.high_hz


class Region:
    """`dwell_ms` 0: no limit. `channel`: (frequency in Hz, bandwidth in Hz, sf) if nothing else is configured."""

    def __init__(self, row: "tuple") -> None:  # type: ignore[type-arg]
        self.name: "str" = row[0]
        self.bands: "tuple[Band, ...]" = tuple(Band(index, *band) for index, band in enumerate(row[1]))
        self.dwell_ms: "int" = row[2]
        self.max_eirp_dbm: "int" = row[3]
        self.data_rates: "tuple[tuple[int, int, int, int], ...]" = row[4]
        self.channel: "tuple[int, int, int]" = row[5]

    def max_payload(self, sf: int, bandwidth_hz: int, dwell: bool = True) -> "int | None":
        """LoRaWAN's limit of the application payload, with the dwell time kept or not; None for no data rate of it.

        Not a law: what one network's packets are held to. What fits the dwell time is `airtime.fits_us`.
        """
        for rate_sf, khz, most, most_in_dwell in self.data_rates:
            if rate_sf == sf and khz * 1000 == bandwidth_hz:
                return most_in_dwell if dwell else most
        return None


def region(name: str) -> Region:
    """The region called `name`. Raises LoraError naming those there are."""
    for row in _REGIONS:
        if row[0] == name:
            return Region(row)
    raise LoraError(f"there is no region {name}: " + ", ".join(NAMES))


def sub_band(place: Region, frequency_hz: int, bandwidth_hz: int = 0) -> Band:
    """The sub-band that holds the channel, all of its width. Raises LoraError where sending is forbidden."""
    half = (bandwidth_hz + 1) // 2
    for band in place.bands:
        if band.holds(frequency_hz - half, frequency_hz + half):
            return band
    for band in place.bands:
        if band.holds(frequency_hz, frequency_hz):
            raise LoraError(
                f"{place.name}: a channel of {bandwidth_hz} Hz at {frequency_hz} Hz leaves its sub-band,"
                f" {band.low_hz} to {band.high_hz} Hz"
            )
    raise LoraError(f"{place.name}: sending at {frequency_hz} Hz is not allowed")
