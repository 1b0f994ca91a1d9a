"""The running number of a reading over LoRa, where a frame has no room for a word of its own: it is in the values.

So nodes on LoRa do not measure: their temperature climbs a hundredth of a degree a reading.
"""

from collections.abc import Mapping
from decimal import Decimal

TEMPERATURE, HUMIDITY = 0, 1  # words; their integers are hundredths of a degree and tenths of a per cent
COLDEST = -4000
SPAN = 12_000


def climate_of(count: int) -> dict[int, int]:
    """The reading of that number, unlike every other up to 12 million."""
    return {TEMPERATURE: COLDEST + count % SPAN, HUMIDITY: count // SPAN}


def count_of(values: Mapping[str, str]) -> int | None:
    """The number again, from names and decimal strings of an event; None: not such a reading."""
    if "temperature" not in values or "humidity" not in values:
        return None
    return number_of(int(Decimal(values["temperature"]) * 100), int(Decimal(values["humidity"]) * 10))


def number_of(temperature: int, humidity: int) -> int:
    """The number again, from the words' integers."""
    return temperature - COLDEST + SPAN * humidity
