"""The sensors of a node, and when each is due."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Number = int | float


class _Sensor:
    def __init__(self, read: "Callable[[], Any]", word: "str | None", every_ms: int, due: int) -> None:
        self.read = read
        self.word = word
        self.every_ms = every_ms
        self.due = due


class Sensors:
    """Those registered; times in ms of the node's clock."""

    def __init__(self) -> None:
        self.all: "list[_Sensor]" = []

    def add(self, read: "Callable[[], Any]", word: "str | None", every_ms: int, now: int) -> None:
        """`read()` gives a number (of `word`), a {word: number}, or None for nothing now; due at once."""
        self.all.append(_Sensor(read, word, every_ms, now))

    def next_due(self) -> "int | None":
        """When the next is to be read, or None."""
        return min([sensor.due for sensor in self.all]) if self.all else None

    def read(self, now: int) -> "dict[str, Number | None]":
        """What those say that are due, together."""
        readings: "dict[str, Number | None]" = {}
        for sensor in self.all:
            if sensor.due <= now:
                sensor.due += sensor.every_ms * ((now - sensor.due) // sensor.every_ms + 1)
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
