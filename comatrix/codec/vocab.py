"""The vocabulary of readings: small integer <-> word, SenML name and unit, scale, IPSO object.

Append-only: a published row never changes (a test holds it to tests/vectors/vocab_published.json). `words` holds the
words and their digits; here stands what only a gateway needs: number, SenML unit (RFC 8428 and RFC 8798, except deg and
NTU, which neither registers), unit as people write it, IPSO object, meaning.
"""

from comatrix.codec.words import TABLE, VERSION

__all__ = ["VERSION", "Row", "by_name", "by_number", "rows"]

_UNITS = """
0 Cel °C 3303 air or object temperature
1 %RH %RH 3304 relative humidity
2 V V 3316 supply voltage of the node
3 hPa hPa 3315 air pressure
4 lx lx 3301 light level
5 ppm ppm 3325 carbon dioxide
6 % % 3320 volumetric water content
7 mm mm 3330 distance or level
8 V V 3316 a measured voltage
9 A A 3317 a measured current
10 W W 3328 active power
11 kWh kWh 3331 energy meter
12 / - 3302 1 while something moves
13 / - 3200 1 while a door or window is open
14 %EL % 3320 charge left in the battery
15 mm mm 3300 rain since the last reading
16 m/s m/s 3346 mean wind speed
17 deg ° 3332 where the wind comes from, 0 is north
18 ug/m3 µg/m³ 3325 particles up to 2.5 µm
19 / - 3200 1 while water is there
20 count - 3300 a counter that only grows
21 / - 3342 1 while on
22 dBm dBm 3300 signal strength seen by the node
23 count - 3300 readings the node had to give up
24 ug/m3 µg/m³ 3325 particles up to 1 µm
25 ug/m3 µg/m³ 3325 particles up to 10 µm
26 count - 3325 volatile organic compounds, sensor's index
27 ppm ppm 3325 carbon monoxide
28 ppb ppb 3325 nitrogen dioxide
29 ppb ppb 3325 ozone
30 ppm ppm 3325 methane
31 Ohm Ω 3300 resistance of a gas sensor
32 count - 3301 ultraviolet index
33 W/m2 W/m² 3300 solar irradiance
34 dB dB 3324 loudness
35 Cel °C 3303 temperature of the soil
36 Cel °C 3303 temperature of water
37 Cel °C 3303 dew point
38 mm mm 3319 depth of water
39 l/s l/s 3346 rate of flow
40 l l 3300 volume that passed
41 pH pH 3326 acidity
42 S/m S/m 3327 electrical conductivity
43 NTU NTU 3300 cloudiness of water
44 kg kg 3322 weight or load
45 Hz Hz 3318 frequency
46 / - 3329 power factor
47 m/s m/s 3346 speed
48 m/s2 m/s² 3313 acceleration, the magnitude
49 deg ° 3332 angle or heading
50 lat ° 3336 latitude, WGS 84
51 lon ° 3336 longitude, WGS 84
52 m m 3321 height above the sea
53 count - 3302 people in the room
54 m/s m/s 3346 strongest gust since the last reading
55 % % 3320 wetness of a leaf
56 T T 3314 magnetic flux density
57 K K 3335 colour temperature of light
58 % % 3320 how far a blind or valve is open
59 / - 3200 1 while there is smoke
60 / - 3200 1 while it vibrates
61 count - 3347 presses since the last reading
62 s s 3300 time since the node started
63 B B 3300 memory the node has left
64 count - 3300 times the node woke since it was provisioned
"""


class Row:
    """One word. `digits`: the integer on the air is the value times 10 ** digits. `senml_name` is the word itself."""

    __slots__ = ("digits", "ipso", "meaning", "name", "number", "senml_unit", "unit")

    def __init__(self, word: str, units: str) -> None:
        self.name, digits = word.split(" ")
        self.digits = int(digits)
        number, self.senml_unit, unit, ipso, self.meaning = units.split(" ", 4)
        self.number = int(number)
        self.unit = "" if unit == "-" else unit
        self.ipso = int(ipso)

    @property
    def senml_name(self) -> str:
        """The SenML name (RFC 8428 section 4.2)."""
        return self.name


_ROWS = tuple(Row(word, units) for word, units in zip(TABLE.split("\n")[1:-1], _UNITS.split("\n")[1:-1], strict=True))
_BY_NAME = {row.name: row for row in _ROWS}


def by_number(number: int) -> Row | None:
    """A word's number -> its row, or None for one this table does not know."""
    return _ROWS[number] if 0 <= number < len(_ROWS) else None


def by_name(name: str) -> Row | None:
    """A word -> its row, or None."""
    return _BY_NAME.get(name)


def rows() -> tuple[Row, ...]:
    """The whole table in order of its numbers."""
    return _ROWS
