"""A configuration key and what is told about it."""

from collections.abc import Callable, Sequence
from dataclasses import field
from typing import Any

Check = Callable[[Any], None]
CheckTogether = Callable[[Sequence[str]], None]


def setting(
    default: Any,
    doc: str,
    check: Check | None = None,
    *,
    together: CheckTogether | None = None,
    required: bool = False,
    low: int | None = None,
    high: int | None = None,
    choices: tuple[str, ...] = (),
    example: str | tuple[str, ...] = "",
) -> Any:
    """A field and what is told about it. `check` sees a text (each text of a list) and raises ValueError in words;
    `together` sees a list in which each is right.

    An empty text is always allowed where the default is empty, unless the key is required.
    """
    told = {"doc": doc, "check": check, "required": required, "low": low, "high": high, "choices": choices}
    return field(default=default, metadata=told | {"together": together, "example": example})
