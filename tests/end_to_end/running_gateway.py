"""A whole gateway in this process, at a homeserver over the network, fed with readings past the radio."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from comatrix.codec import cbor
from comatrix.gateway.app import Gateway
from comatrix.gateway.cli.connection import Place as At
from comatrix.gateway.cli.connection import call
from comatrix.gateway.config.load import parse
from comatrix.gateway.config.paths import find_paths
from comatrix.gateway.config.secrets import write_secrets
from comatrix.gateway.edges.store import rooms
from comatrix.gateway.model import NewRecord, Room
from tests.support.people import Person, Place

CONFIGURATION = """\
[homeserver]
url = "{url}"
user = "{user}"

[udp]
bind = ["127.0.0.1:0"]
"""
WAIT_S = 20.0


class RunningGateway:
    """Its parts under `gateway`. `say` gives it the next readings of its only node. `more`: of its configuration."""

    def __init__(self, place: Place, folder: Path, more: str = "") -> None:
        self.place = place
        self._more = more
        self.gateway: Gateway
        self.person: Person
        self.room: Room
        self._node = 0
        self.paths = find_paths(str(folder), {}, folder)
        self._seq = 0

    @property
    def user_id(self) -> str:
        """The bot."""
        return self.gateway.matrix.user_id

    def bound_to(self) -> str:
        """The room its node is bound to now."""
        [room] = self.gateway.store.read(rooms.all_rooms)
        return room.room_id

    async def say(self, count: int = 1, value: int | None = None) -> None:
        """So many readings are stored, as if they had come by radio; of `value`, or each of its seq."""
        for _ in range(count):
            self._seq += 1
            now_ms = int(time.time() * 1000)
            body = cbor.encode({1: self._seq if value is None else value})
            record = NewRecord(self._node, 1, self._seq, self.room.id, "readings", body, now_ms, now_ms)
            told: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            self.gateway.store.append(record, None, told.set_result)
            await told
            self.gateway.poster.poke()
            self.gateway.commanding.alarming.stored(record)

    async def counted(self, *room_ids: str) -> Counter[int]:
        """seq -> how often it stands in these rooms, as the person sees them."""
        found: Counter[int] = Counter()
        for room_id in room_ids:
            found.update(seq for _, seq in await self.seqs(room_id))
        return found

    async def seqs(self, room_id: str) -> list[tuple[str, int]]:
        """(event id, seq) of every record in the room, in its order."""
        token, found = "", []
        while True:
            answer = await self.person.client.messages(room_id, from_token=token, direction="f", limit=500)
            assert answer.ok and answer.body is not None, answer
            for event in answer.body["chunk"]:
                records = event["content"].get("eu.comatrix.telemetry", {}).get("records", [])
                found += [(event["event_id"], record["seq"]) for record in records]
            token = answer.body.get("end", "")
            if not token or not answer.body["chunk"]:
                return found

    async def until_said(self, count: int, *room_ids: str) -> None:
        """Every reading so far stands in these rooms, and stands there once."""

        async def all_there() -> bool:
            return len(await self.counted(*room_ids)) >= count

        await until(all_there)
        assert await self.counted(*room_ids) == Counter(range(1, count + 1))

    @asynccontextmanager
    async def running(self, *, by_person: bool, **room: Any) -> AsyncIterator["RunningGateway"]:
        """The gateway runs, with a node bound to a room that the person or the bot made."""
        bot = await self.place.client("cx")
        self.person = await self.place.person()
        paths = self.paths
        write_secrets(paths.secrets, bot.account)
        text = CONFIGURATION.format(url=self.place.server.base_url, user=bot.user_id) + self._more
        settings = parse(text, "test", {})
        if by_person:
            room_id = await self.person.create_room(name="garden", invite=[bot.user_id], **room)
            assert (await bot.join(room_id)).ok
        else:
            answer = await bot.create_room("garden", invite=[self.person.user_id], **room)
            assert answer.body is not None, answer
            room_id = answer.body["room_id"]
            assert (await self.person.client.join(room_id)).ok
        async with AsyncExitStack() as stack:
            self.gateway = gateway = await Gateway.start(settings, paths, stack)
            given = {"name": "garden", "room": room_id, "post": "every"}
            added = await asyncio.to_thread(call, At(paths, {}), "node.add", given)
            self._node = added["node"]["number"]
            [self.room] = gateway.store.read(rooms.all_rooms)
            yield self
            for task in gateway.tasks:
                task.cancel()
            await asyncio.gather(*gateway.tasks, return_exceptions=True)


async def until(condition: Callable[[], Any]) -> None:
    """Fails after 20 s."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        if await condition():
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"waited {WAIT_S:g} s")
