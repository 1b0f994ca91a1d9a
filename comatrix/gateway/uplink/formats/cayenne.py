"""Cayenne Low Power Payload, version 1: channel, type and data of each sensor. The types and resolutions are those of
myDevices' published table; a word can be declared for a channel where the type alone does not tell it."""

from collections.abc import Mapping
from fractions import Fraction
from math import isqrt
from typing import NamedTuple

from comatrix.codec import vocab
from comatrix.codec.record_types import Readings
from comatrix.errors import RecordError
from comatrix.gateway.uplink.formats.moments import Moment, scaled, told, word

G = Fraction(980665, 100000)  # m/s2


class Type(NamedTuple):
    """`sizes`: bytes of each number; `step`: of each; `words`: what they are unless declared otherwise."""

    sizes: tuple[int, ...]
    step: tuple[Fraction, ...]
    signed: bool
    words: tuple[str, ...]
    unit: str | None = None


TYPES: Mapping[int, Type] = {
    0: Type((1,), (Fraction(1),), False, ()),  # digital input
    1: Type((1,), (Fraction(1),), False, ()),  # digital output
    2: Type((2,), (Fraction(1, 100),), True, ()),  # analogue input
    3: Type((2,), (Fraction(1, 100),), True, ()),  # analogue output
    101: Type((2,), (Fraction(1),), False, ("illuminance",)),
    102: Type((1,), (Fraction(1),), False, ("motion",)),
    103: Type((2,), (Fraction(1, 10),), True, ("temperature",)),
    104: Type((1,), (Fraction(1, 2),), False, ("humidity",)),
    113: Type((2, 2, 2), (Fraction(1, 1000),) * 3, True, ("acceleration",)),
    115: Type((2,), (Fraction(1, 10),), False, ("pressure",)),
    136: Type(
        (3, 3, 3),
        (Fraction(1, 10_000), Fraction(1, 10_000), Fraction(1, 100)),
        True,
        ("latitude", "longitude", "altitude"),
    ),
}
ACCELEROMETER, MAGNITUDE_STEPS = 113, 10_000


def read_untrusted(payload: bytes, channels: Mapping[int, str]) -> tuple[Readings, ...]:
    """One frame. `channels`: words declared for channels. Raises RecordError."""
    moment, at = Moment(), 0
    while at < len(payload):
        if len(payload) - at < 2:
            raise RecordError("Cayenne: ends inside a field")
        channel, number = payload[at], payload[at + 1]
        kind = TYPES.get(number)
        if kind is None:
            raise RecordError(f"Cayenne: no word for type {number}")
        at += 2
        size = sum(kind.sizes)
        if len(payload) - at < size:
            raise RecordError("Cayenne: ends inside a field")
        values = _numbers(kind, payload[at : at + size])
        at += size
        if number == ACCELEROMETER:
            values = [_magnitude(values)]
        for row, value in zip(_words(kind, channel, channels, len(values)), values, strict=True):
            moment.put(row, scaled(row, value))
    return (moment.readings(),)


def _numbers(kind: Type, data: bytes) -> list[Fraction]:
    found, at = [], 0
    for size, step in zip(kind.sizes, kind.step, strict=True):
        found.append(int.from_bytes(data[at : at + size], "big", signed=kind.signed) * step)
        at += size
    return found


def _magnitude(values: list[Fraction]) -> Fraction:
    """Of three accelerations in g -> m/s2, to a 10,000th of a g."""
    square = sum((value * value for value in values), Fraction(0)) * MAGNITUDE_STEPS**2
    return Fraction(isqrt(int(square)), MAGNITUDE_STEPS) * G


def _words(kind: Type, channel: int, channels: Mapping[int, str], count: int) -> list[vocab.Row | int]:
    if channel in channels and count == 1:
        return [word(channels[channel])]
    if not kind.words:
        raise RecordError(told(f"Cayenne: declare a word for channel {channel}"))
    return [word(name) for name in kind.words]
