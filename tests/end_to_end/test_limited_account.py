"""The poster and a real Synapse: an ordinary, limited account; and a row in doubt, looked for in the real room."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC
from pathlib import Path
from typing import Any

import httpx
import pytest

from comatrix.codec import cbor
from comatrix.gateway.demo.synapse import LoopbackSynapse
from comatrix.gateway.edges.matrix import MatrixClient
from comatrix.gateway.edges.poster import Poster
from comatrix.gateway.edges.store import nodes, outbox, rooms
from comatrix.gateway.edges.store.delivery import Delivery
from comatrix.gateway.edges.store.store import Store
from comatrix.gateway.model import NewRecord, Node
from comatrix.gateway.uplink.typed import TELEMETRY_KEY
from tests.support.people import PASSWORD, Place

pytestmark = pytest.mark.slow

HOUR_MS = 3_600_000


class Clock:
    """The wall's, or a while later."""

    def __init__(self) -> None:
        self.ahead_ms = 0

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000 + self.ahead_ms

    async def wait(self, until_ms: int) -> None:
        await asyncio.sleep(max(0, until_ms - self.now_ms()) / 1000)


class Unheard(httpx.AsyncBaseTransport):
    """The network; while `deaf`, answers to sends get lost, or the sends themselves."""

    def __init__(self) -> None:
        self.deaf: str = ""
        self.sent = 0
        self._network = httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        sends = "/send/" in request.url.path
        self.sent += sends
        if sends and self.deaf == "before":
            raise httpx.ConnectError("lost", request=request)
        answer = await self._network.handle_async_request(request)
        if sends and self.deaf == "after":
            await answer.aread()
            raise httpx.ReadError("lost", request=request)
        return answer

    async def aclose(self) -> None:
        await self._network.aclose()


class Gateway:
    """A store with one room, and a poster into it."""

    def __init__(self, folder: Path, client: MatrixClient, room_id: str, clock: Clock) -> None:
        self.clock = clock
        self.client = client
        self.lines: list[str] = []
        self.store = Store.open(folder / "gateway.db", clock.now_ms())
        self.room = self.store.write(lambda connection: rooms.add(connection, room_id))

    def node(self, name: str) -> Node:
        found = self.store.read(lambda connection: nodes.by_name(connection, name))
        add = lambda connection: nodes.add(connection, name, self.room.id, now_ms=0, post="every")  # noqa: E731
        return found or self.store.write(add)

    @asynccontextmanager
    async def posting(self) -> AsyncIterator[Poster]:
        poster = Poster(
            Delivery(self.store, sender=self.client.user_id, device=self.client.device_id),
            self.client,
            now_ms=self.clock.now_ms,
            wait=self.clock.wait,
            tell=self.lines.append,
            random=lambda n: n // 2,
            timezone=UTC,
        )
        task = asyncio.create_task(poster.run())
        yield poster
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled(), task.exception()

    def all_posted(self) -> bool:
        counts = self.store.read(outbox.counts)
        return not (counts["waiting"] or counts.get("sealed"))

    def in_doubt(self) -> bool:
        return any(row.in_doubt for row in self.store.read(outbox.open_rows))

    async def say(self, node: Node, seq: int, value: int) -> None:
        now_ms = self.clock.now_ms()
        body = cbor.encode({0: value})
        new = NewRecord(node.number, 1, seq, self.room.id, "readings", body, now_ms, now_ms, seq, b"12345678")
        told: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.store.append(new, None, told.set_result)
        await told


async def contents(client: MatrixClient, room_id: str) -> list[dict[str, Any]]:
    """Of every event of a gateway in the room, oldest first."""
    found: list[dict[str, Any]] = []
    token = ""
    while True:
        answer = await client.messages(room_id, from_token=token, direction="f", limit=500)
        assert answer.body is not None, answer
        found += [event["content"] for event in answer.body["chunk"] if TELEMETRY_KEY in event.get("content", {})]
        if not (token := answer.body.get("end", "")):
            return found


def shown(events: list[dict[str, Any]]) -> list[tuple[int, int]]:
    return [(one["id"], one["seq"]) for content in events for one in content[TELEMETRY_KEY]["records"]]


async def until(condition: Callable[[], bool], timeout_s: float) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "it did not come to pass"
        await asyncio.sleep(0.1)


async def room_of(client: MatrixClient, name: str) -> str:
    made = await client.create_room(name)
    assert made.body is not None, made
    return str(made.body["room_id"])


async def test_twenty_nodes_on_a_default_account_lose_nothing_and_are_read_easily(tmp_path: Path) -> None:
    """A reading a node every 2 s instead of every minute: as hard as 600 nodes."""
    async with LoopbackSynapse(tmp_path / "synapse", rate_limited=True) as server:
        place = Place(server)
        client = await place.client()
        gateway = Gateway(tmp_path, client, await room_of(client, "garden"), Clock())
        each = [gateway.node(f"node {n}") for n in range(20)]
        behind: list[dict[str, Any]] = []  # what the room's lag was, whenever something waited
        async with gateway.posting() as poster:
            for seq in range(1, 16):
                for node in each:
                    await gateway.say(node, seq, 2000 + seq)
                    poster.poke()
                    await asyncio.sleep(0.1)
                behind += [lag for lag in poster.lags() if lag["waiting"]]
            await until(gateway.all_posted, 30)
        events = await contents(client, gateway.room.room_id)
        found = shown(events)
        for node in each:
            assert [seq for number, seq in found if number == node.number] == list(range(1, 16))
        assert max(lag["lag_ms"] for lag in behind) < 15_000
        assert behind[-1]["rate"].startswith("1 event every ") and behind[-1]["next_ms"] is not None
        assert len(events) <= 10 + 60 // 5
        fullest = max(events, key=lambda content: len(content[TELEMETRY_KEY]["records"]))
        assert len(fullest["body"].splitlines()) <= 40
        assert fullest["body"].count("°C") == len(fullest[TELEMETRY_KEY]["records"]) >= 30
        await gateway.store.aclose()
        await place.aclose()


@pytest.mark.parametrize("lost", ["before", "after"])
async def test_a_row_in_doubt_for_25_hours_is_looked_for_in_the_real_room(
    tmp_path: Path, synapse: LoopbackSynapse, lost: str
) -> None:
    """Under another device, so that Synapse's own memory of transactions is of no help."""
    place, clock, network = Place(synapse), Clock(), Unheard()
    place.transport = network
    client = await place.client()
    gateway = Gateway(tmp_path, client, await room_of(client, "garden"), clock)
    node = gateway.node("garden")
    async with gateway.posting() as poster:
        await gateway.say(node, 1, 2000)
        poster.poke()
        await until(gateway.all_posted, 10)
        network.deaf = lost
        await gateway.say(node, 2, 2001)
        poster.poke()
        await until(gateway.in_doubt, 10)
    network.deaf = ""
    clock.ahead_ms = 25 * HOUR_MS
    login = await client.login_password(client.user_id, PASSWORD, "ANOTHER", "after 25 hours")
    assert login.body is not None
    client.authenticate(login.body["access_token"], client.user_id, "ANOTHER")
    sent = network.sent
    async with gateway.posting() as poster:
        await gateway.say(node, 3, 2002)
        poster.poke()
        await until(gateway.all_posted, 10)
    assert [seq for _, seq in shown(await contents(client, gateway.room.room_id))] == [1, 2, 3]
    assert network.sent - sent == (2 if lost == "before" else 1)
    await gateway.store.aclose()
    await place.aclose()
