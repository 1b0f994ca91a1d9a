"""A Mail of a test's own: items by node, and in `calls` what was asked of it and told, in order."""

from collections.abc import Callable

from comatrix.codec.records import Command
from comatrix.gateway.errors import StoreError


class WrittenMail:
    """`items`: node -> what stands for it. `broken`: the disk refuses. `meanwhile` runs while `air` waits for it."""

    def __init__(self, items: dict[int, Command] | None = None) -> None:
        self.items = items or {}
        self.calls: list[object] = []
        self.bodies: dict[int, bytes] = {}
        self.hashes: dict[int, bytes] = {}
        self.broken = False
        self.meanwhile: Callable[[], None] = lambda: None

    def waits(self, node: int) -> bool:
        """Whether an item stands."""
        return node in self.items

    async def air(self, node: int) -> Command | None:
        """The item, which stays."""
        self._note("air", node)
        self.meanwhile()
        return self.items.get(node)

    async def rekeyed(self, node: int) -> None:
        """Noted."""
        self._note("rekeyed", node)

    async def result_stored(self) -> None:
        """Noted."""
        self._note("result")

    async def text_stored(self) -> None:
        """Noted."""
        self._note("text")

    async def describe(self, node: int, body: bytes) -> None:
        """Kept."""
        self._note("describe", node)
        self.bodies[node] = body

    def known_hash(self, node: int) -> bytes | None:
        """What the test put there."""
        return self.hashes.get(node)

    async def executed(self, node: int, id: int) -> None:
        """Noted."""
        self._note("executed", node, id)

    def _note(self, *call: object) -> None:
        self.calls.append(call)
        if self.broken:
            raise StoreError("full")
