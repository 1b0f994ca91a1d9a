"""The words of readings and their numbers: the part of the vocabulary a node needs. Append-only, see `vocab`.

One string, searched when asked, costs a node no RAM beyond itself. A line: word, digits; its number is its place.
The integer on the air is the value times 10 ** digits. Numbers 0..23 cost one byte, so the commonest stand there.
"""

VERSION = 1

TABLE = """
temperature 2
humidity 1
battery 2
pressure 1
illuminance 0
co2 0
soil-moisture 1
distance 0
voltage 3
current 3
power 1
energy 3
motion 0
contact 0
battery-level 0
rain 1
wind-speed 1
wind-direction 0
pm2.5 1
water-leak 0
count 0
switch 0
rssi 0
dropped 0
pm1 1
pm10 1
voc-index 0
co 1
no2 0
o3 0
ch4 0
gas-resistance 0
uv-index 1
irradiance 0
sound-level 1
soil-temperature 2
water-temperature 2
dew-point 2
water-level 0
flow 3
volume 1
ph 2
conductivity 4
turbidity 1
weight 3
frequency 2
power-factor 2
speed 2
acceleration 2
angle 1
latitude 6
longitude 6
altitude 1
occupancy 0
wind-gust 1
leaf-wetness 0
magnetic-field 8
colour-temperature 0
position 0
smoke 0
vibration 0
button 0
uptime 0
free-memory 0
sleep-count 0
"""


def lookup(word: str) -> "tuple[int, int] | None":
    """A word -> (number, digits), or None."""
    at = TABLE.find("\n" + word + " ")
    if at < 0:
        return None
    start = at + len(word) + 2
    return TABLE[:at].count("\n"), int(TABLE[start : TABLE.find("\n", start)])


def scaled(word: str, value: "int | float") -> "tuple[int, int]":
    """("temperature", 21.37) -> (0, 2137). Raises ValueError or OverflowError for what cannot be said."""
    found = lookup(word)
    if found is None:
        raise ValueError("unknown word " + word)
    number, digits = found
    return number, round(value * 10**digits)
