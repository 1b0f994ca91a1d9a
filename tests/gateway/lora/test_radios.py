"""The gateway's radios: what they spent is on disk before they send, and a radio that is away sends nothing later."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from comatrix_lora.ledger import ACK

from comatrix.gateway.clock import monotonic_ms
from comatrix.gateway.config.radio_settings import RadioSection
from comatrix.gateway.edges.radio.radios import Radios
from comatrix.gateway.errors import StoreError
from tests.gateway.radio.ports import Desk, until

NOW_MS = 1_800_000_000_000
FRAME = b"fifteen bytes ."


class Book:
    """What is on disk."""

    def __init__(self) -> None:
        self.spent: dict[str, bytes] = {}
        self.fails = False

    async def save(self, radio: str, spent: bytes) -> None:
        await asyncio.sleep(0)
        if self.fails:
            raise StoreError("no")
        self.spent[radio] = spent

    def load(self, radio: str) -> bytes | None:
        return self.spent.get(radio)


class Roof:
    """Radios at the desk's port a."""

    def __init__(self, desk: Desk, book: Book) -> None:
        self.said: list[str] = []
        self.heard: list[tuple[str, bytes, int, int]] = []
        self.tasks: set[asyncio.Task[None]] = set()
        section = RadioSection(port=str(desk.paths[0]), module="rak3172", sf=7)
        self.radios = Radios(
            {"roof": section},
            book,
            now=lambda: NOW_MS,
            random=lambda n: 0,
            tell=self.said.append,
            start=self._start,
        )

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def begin(self) -> None:
        await self.radios.begin(lambda *frame: self.heard.append(frame))

    @property
    def told(self) -> dict[str, Any]:
        return self.radios.told()["roof"]

    def send(self) -> None:
        mac = self.radios.stations["roof"].mac
        mac.send(mac.earliest(NOW_MS, len(FRAME), ACK), len(FRAME))
        self.radios.transmit("roof", FRAME)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    made = Desk(tmp_path, "rak")
    yield made
    made.modems.close()


@pytest.fixture
async def book() -> Book:
    return Book()


@pytest.fixture
async def opened(desk: Desk, book: Book) -> AsyncIterator[Callable[[], Roof]]:
    roofs: list[Roof] = []

    def make() -> Roof:
        roofs.append(Roof(desk, book))
        return roofs[-1]

    yield make
    for roof in roofs:
        await roof.radios.aclose()


async def test_what_a_radio_spends_is_on_disk_and_known_to_its_next_life(
    opened: Callable[[], Roof], book: Book, desk: Desk
) -> None:
    roof = opened()
    await roof.begin()
    await until(lambda: bool(roof.told["ready"]))
    roof.send()
    await until(lambda: desk.modules[0].sent == 1)
    spent_us = roof.told["airtime_us"]
    assert spent_us > 0 and "roof" in book.spent
    await roof.radios.aclose()
    assert opened().told["airtime_us"] == spent_us


async def test_what_cannot_be_written_down_is_not_sent(opened: Callable[[], Roof], book: Book, desk: Desk) -> None:
    roof = opened()
    await roof.begin()
    await until(lambda: bool(roof.told["ready"]))
    book.fails = True
    roof.send()
    await until(lambda: roof.told["unsent"] == 1)
    assert desk.modules[0].sent == 0


async def test_a_radio_that_is_away_is_told_of_once_and_sends_nothing_when_it_is_back(
    opened: Callable[[], Roof], desk: Desk
) -> None:
    desk.modems.unplug(desk.paths[0])
    roof = opened()
    await roof.begin()
    await until(lambda: bool(roof.said))
    assert roof.said[0].startswith("radio roof cannot be used: ") and "comatrix radio probe" in roof.said[0]
    roof.send()
    desk.modems.plug(desk.paths[0], desk.modules[0])
    await until(lambda: bool(roof.told["ready"]))
    assert len(roof.said) == 2 and roof.said[1] == "radio roof is back"
    assert roof.told["unsent"] == 1
    roof.send()
    await until(lambda: desk.modules[0].sent == 1)
    await asyncio.sleep(0.2)
    assert desk.modules[0].sent == 1


async def test_what_a_radio_hears_is_handed_on_with_its_levels(opened: Callable[[], Roof], desk: Desk) -> None:
    roof = opened()
    await roof.begin()
    await until(lambda: bool(roof.told["ready"]))
    desk.modules[0].deliver(FRAME, -91, 6, monotonic_ms())
    desk.modems.turn()
    await until(lambda: bool(roof.heard))
    assert roof.heard == [("roof", FRAME, -91, 6)]
    assert roof.told["heard"] == 1
