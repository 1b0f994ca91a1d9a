"""Readings of a span from the log: the right ones, in order of time, and never too many."""

import asyncio
from pathlib import Path

from comatrix.codec import cbor
from comatrix.gateway.edges.store import nodes, rooms
from comatrix.gateway.edges.store import series as log
from comatrix.gateway.edges.store.store import Store
from comatrix.gateway.model import NewRecord

NOW_MS = 1_700_000_000_000
MINUTE = 60_000


class World:
    """A store with two nodes in one room."""

    def __init__(self, folder: Path) -> None:
        self.store = Store.open(folder / "comatrix.db", NOW_MS)
        self.room = self.store.write(lambda connection: rooms.add(connection, "!a:b"))
        self.nodes = [
            self.store.write(lambda connection, name=name: nodes.add(connection, name, self.room.id, now_ms=0))  # type: ignore[misc]
            for name in ("garden", "shed")
        ]
        self._seq = 0

    async def say(
        self, node: int, body: bytes, measured_ms: int, received_ms: int | None = None, kind: str = "readings"
    ) -> None:
        self._seq += 1
        told: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        new = NewRecord(
            node, 1, self._seq, self.room.id, kind, body, measured_ms, received_ms or measured_ms, None, b"12345678"
        )
        self.store.append(new, None, told.set_result)
        await told

    def readings(
        self, node: int = 1, word: int = 0, since: int = NOW_MS, until: int = NOW_MS + 10**9, **more: int
    ) -> list[tuple[int, int]]:
        return self.store.read(lambda connection: log.readings(connection, node, [word], since, until, **more))[word]


async def test_only_this_node_word_and_span_in_order_of_time(tmp_path: Path) -> None:
    world = World(tmp_path)
    at = [NOW_MS + n * MINUTE for n in range(6)]
    await world.say(1, cbor.encode({0: 1}), at[0])
    await world.say(1, cbor.encode({0: 2, 1: 50}), at[2])
    await world.say(2, cbor.encode({0: 99}), at[2])
    await world.say(1, cbor.encode({1: 51}), at[2])
    await world.say(1, cbor.encode(["hi"]), at[2], kind="text")
    await world.say(1, cbor.encode({0: 3}), at[1], at[3])  # came late
    await world.say(1, cbor.encode({0: 4}), at[4])
    assert world.readings(since=at[1], until=at[3]) == [(at[1], 3), (at[2], 2)]
    assert world.readings(word=1, since=at[1]) == [(at[2], 50), (at[2], 51)]
    assert world.readings(node=3) == []
    await world.store.aclose()


async def test_what_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    world = World(tmp_path)
    await world.say(1, b"\xff\x00", NOW_MS)
    await world.say(1, cbor.encode({0: 7}), NOW_MS)
    assert world.readings() == [(NOW_MS, 7)]
    await world.store.aclose()


async def test_more_than_most_is_thinned_evenly_with_the_newest_in_it(tmp_path: Path) -> None:
    world = World(tmp_path)
    said = [world.say(1 + n % 2, cbor.encode({0: n}), NOW_MS + n) for n in range(200)]
    await asyncio.gather(*said)
    found = [value for _, value in world.readings(node=2, most=25)]
    assert found == list(range(7, 200, 8))
    await world.store.aclose()


async def test_no_more_than_the_newest_rows_are_walked(tmp_path: Path) -> None:
    world = World(tmp_path)
    await asyncio.gather(*(world.say(1, cbor.encode({0: n}), NOW_MS + n) for n in range(50)))
    assert [value for _, value in world.readings(walked=10)] == list(range(40, 50))
    assert [value for _, value in world.readings(since=NOW_MS + 30)] == list(range(30, 50))
    await world.store.aclose()


async def test_the_words_of_the_newest_readings(tmp_path: Path) -> None:
    world = World(tmp_path)
    await world.say(1, cbor.encode({5: 400}), NOW_MS)
    await world.say(1, cbor.encode({0: 1, 1: 50}), NOW_MS)
    await world.say(2, cbor.encode({9: 1}), NOW_MS)
    assert world.store.read(lambda connection: log.words_sent(connection, 1)) == [0, 1, 5]
    await world.store.aclose()


async def test_a_long_look_has_a_connection_of_its_own(tmp_path: Path) -> None:
    world = World(tmp_path)
    await world.say(1, cbor.encode({0: 7}), NOW_MS)
    look = world.store.read_aside(lambda connection: log.readings(connection, 1, [0], NOW_MS, NOW_MS))
    await world.say(1, cbor.encode({0: 8}), NOW_MS + 1)
    assert await look == {0: [(NOW_MS, 7)]}
    await world.store.aclose()
