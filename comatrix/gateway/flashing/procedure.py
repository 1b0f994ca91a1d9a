"""What a board is made to do, step by step: generators that yield Code and are sent what it printed.

Whoever runs one throws BoardError into it where the code ended with a traceback.
"""

from collections.abc import Generator
from dataclasses import dataclass
from typing import TypeVar

from comatrix.gateway.errors import GatewayError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Code:
    """MicroPython of version 1.9's syntax, and how long it may run."""

    text: str
    within_ms: int = 10_000


Procedure = Generator[Code, bytes, T]


class BoardError(GatewayError):
    """The board did not do what it was told. `traceback` is its own, where there is one."""

    def __init__(self, text: str, next_step: str = "", *, traceback: str = "") -> None:
        super().__init__(text, next_step)
        self.traceback = traceback
