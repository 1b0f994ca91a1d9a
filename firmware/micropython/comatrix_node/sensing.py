"""The sensors of a node, and when each is due."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Number = int | float


class _Sensor:
    """Due a period after `last`, or after the last moment of its pace where it was read late."""

    def __init__(self, read: "Callable[[], Any]", word: "str | None", every_s: "Any", now: int) -> None:
        self.read = read
        self.word = word
        self.every_s = every_s
        self.last = now - self.every_ms()

    def every_ms(self) -> int:
        """The period as it is now: a setting may have changed."""
        every_s = self.every_s
        return max(1, int((every_s if isinstance(every_s, (int, float)) else every_s.value) * 1000))


class Sensors:
    """Those registered; times in ms of the node's clock."""

    def __init__(self) -> None:
        self.all: "list[_Sensor]" = []

    def add(self, read: "Callable[[], Any]", word: "str | None", every_s: "Any", now: int) -> None:
        """`read()` gives a number (of `word`), a {word: number}, or None for nothing now; due at once.

        `every_s`: a number, or a Setting, which it then follows.
        """
        self.all.append(_Sensor(read, word, every_s, now))

    def next_due(self) -> "int | None":
        """When the next is to be read, or None."""
        return min([sensor.last + sensor.every_ms() for sensor in self.all]) if self.all else None

    def read(self, now: int) -> "dict[str, Number | None]":
        """What those say that are due, together."""
        readings: "dict[str, Number | None]" = {}
        for sensor in self.all:
            late = now - sensor.last
            every_ms = sensor.every_ms()
            if late >= every_ms:
                sensor.last += late - late % every_ms
                value = _value(sensor)
                if isinstance(value, dict):
                    readings.update(value)
                else:
                    readings[sensor.word or ""] = value
        return readings


def _value(sensor: _Sensor) -> "Any":
    try:
        return sensor.read()
    except OSError as error:
        print("sensor:", error)  # an unplugged sensor must not silence the others
        return None
