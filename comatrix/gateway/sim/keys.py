"""How the value of each key of a scenario is read: a function that returns it as it is kept, or says what is wrong."""

from collections.abc import Callable
from dataclasses import field
from typing import Any

from comatrix.codec.words import scaled
from comatrix.gateway.config.values import check_post, span_ms
from comatrix.gateway.provisioning import check_name

COUNTED = "count"  # in every reading: its running number, by which the books know it again
MOST_NODES = 10_000
Read = Callable[[Any], Any]


def key(read: Read, doc: str, default: Any = None, *, example: str, required: bool = False) -> Any:
    """A field. `read(value)` -> the value as it is kept; raises ValueError in words. `example`: as TOML writes it."""
    return field(default=default, metadata={"read": read, "doc": doc, "example": example, "required": required})


def text(value: Any) -> str:
    if not isinstance(value, str) or not value or not value.isprintable():
        raise ValueError("must be a text in quotes")
    return value


def yes_or_no(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def whole(low: int, high: int) -> Read:
    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return value

    return read


def share(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
        raise ValueError("must be a share from 0 to below 1, such as 0.3")
    return float(value)


def level(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValueError("must be a number from 0 to 1, such as 0.3")
    return float(value)


def length(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value <= 10_000:
        raise ValueError("must be a number from 1 to 10000")
    return float(value)


def metres(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= 1e6:
        raise ValueError("must be metres, such as 120")
    return float(value)


def span(value: Any) -> int:
    """Milliseconds."""
    if value == 0 and not isinstance(value, bool):
        return 0
    try:
        return span_ms(text(value))
    except ValueError:
        raise ValueError('must be a span such as "30s", "10min", "2h" or "1d"') from None


def interval(value: Any) -> int:
    if not 1000 <= (ms := span(value)) <= 604_800_000:
        raise ValueError('must be a span from "1s" to "7d"')
    return ms


def positive(value: Any) -> int:
    if not 0 < (ms := span(value)) <= 366 * 86_400_000:
        raise ValueError('must be a span from "1s" to "366d"')
    return ms


def choice(*choices: str) -> Read:
    def read(value: Any) -> str:
        if value not in choices:
            raise ValueError("must be one of " + ", ".join(f'"{one}"' for one in choices))
        return str(value)

    return read


def post(value: Any) -> str:
    check_post(text(value))
    return str(value)


def name(value: Any) -> str:
    try:
        check_name(text(value))
    except ValueError:
        raise
    except Exception as error:  # noqa: BLE001 - a UsageError, whose next step is another program's
        raise ValueError(f"is no name of a node: {error}") from None
    return str(value)


def sensors(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(one, str) for one in value):
        raise ValueError('must be a list of words such as ["temperature", "humidity"]')
    for word in value:
        try:
            scaled(word, 1)
        except ValueError:
            raise ValueError(f'"{word}" is no word for a reading (docs/reference/vocabulary.md)') from None
        if word == COUNTED:
            raise ValueError(f'"{COUNTED}" is in every reading already')
    return tuple(value)


def position(value: Any) -> tuple[float, float]:
    if not isinstance(value, list) or len(value) != 2:
        raise ValueError("must be two numbers in metres, such as [120, -40]")
    return metres(value[0]), metres(value[1])


def positions(value: Any) -> tuple[tuple[float, float], ...]:
    if not isinstance(value, list) or not value or len(value) > 16:
        raise ValueError("must be a list of 1 to 16 positions, such as [[0, 0], [800, -300]]")
    return tuple(position(one) for one in value)


def decibels(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 30:
        raise ValueError("must be decibels from 0 to 30, such as 6")
    return float(value)
