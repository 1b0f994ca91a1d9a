"""What the receiving side asks of the store."""

from collections.abc import Callable
from typing import Protocol

from comatrix.codec.records import Hello
from comatrix.gateway.errors import StoreError
from comatrix.gateway.model import Appended, Duplicate, NewRecord, WindowMove
from comatrix.gateway.uplink.associations import Rekeyed

Told = Appended | Duplicate | StoreError


class Storage(Protocol):
    """What is asked of the store."""

    def append(self, record: NewRecord | None, window: WindowMove | None, done: Callable[[Told], None]) -> None: ...

    async def reserve(self, context: int, reserved: int) -> None:
        """Sender counters below `reserved` may be used."""

    async def rekey(self, made: Rekeyed, window: WindowMove) -> int:
        """Store a context made by Appendix B.2 -> its row id."""

    async def settle(self, context: int) -> None:
        """A rotated node spoke under its new context: the older ones die."""

    async def hello(self, node: int, hello: Hello, window: WindowMove | None, now_ms: int) -> None:
        """Store what a hello said, and the window its request moved."""
