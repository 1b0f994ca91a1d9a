"""People who type commands all along, whatever becomes of gateway and homeserver, and read what is said of them."""

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

import httpx

from comatrix.gateway.edges.matrix import MatrixClient
from comatrix.gateway.edges.matrix.paths import client_path
from tests.chaos.homeservers import JournaledHomeserver
from tests.end_to_end.room_commands import Told, read

PEOPLE, PASSWORD = ("alice", "bob", "carol", "dave"), "a person's password"
TIMEOUT_S = 2.0
AGAIN_S = 0.2
FIRST_S = 0.5
PAUSE_S = (0.6, 1.4)
SHARE_TAKEN_BACK = 0.1
SHARE_HURRIED = 0.2  # may wait no longer than a second


@dataclass(frozen=True, slots=True)
class Typed:
    """A message. `number`: what its command is counted by; `taken_back`: it was redacted right after."""

    event_id: str
    number: int
    taken_back: bool


class Commander:
    """`nodes`: (name, room id) of those that obey. People take turns: the gateway stops listening to somebody of whom
    it hears more than twenty at once, as after an outage."""

    def __init__(self, homeserver: JournaledHomeserver, nodes: Sequence[tuple[str, str]], seed: object) -> None:
        self._homeserver = homeserver
        self._nodes = nodes
        self._random = random.Random(f"{seed}/commander")
        self._clients = [MatrixClient(homeserver.base_url, timeout_s=TIMEOUT_S) for _ in PEOPLE]
        self._txn = 0
        self.typed: list[Typed] = []

    async def open(self) -> None:
        """In all the rooms, where it was invited."""
        for name, client in zip(PEOPLE, self._clients, strict=True):
            answer = await client.login_password(name, PASSWORD, "PHONE", "a phone")
            assert answer.body is not None, answer
            client.authenticate(answer.body["access_token"], answer.body["user_id"], answer.body["device_id"])
            for room_id in {room_id for _, room_id in self._nodes}:
                assert (await client.join(room_id)).ok

    async def close(self) -> None:
        """Hang up."""
        for client in self._clients:
            await client.aclose()

    async def greet(self) -> None:
        """Back when the gateway answered a question: what is typed before it ever listened is none of its business."""
        asked: list[str] = []
        while not await self._answered(asked):
            asked.append(await self._say(self._clients[0], self._nodes[0][1], "!cx nodes"))
            await asyncio.sleep(FIRST_S)

    async def type(self) -> None:
        """For ever; ended by being cancelled between two messages."""
        while True:
            await asyncio.sleep(self._random.uniform(*PAUSE_S))
            await asyncio.shield(self.type_one())

    async def _answered(self, asked: Sequence[str]) -> bool:
        try:
            timeline = await self._homeserver.events()
        except httpx.HTTPError:
            return False
        return any(one.replies for one in read(timeline, asked).values())

    async def type_one(self) -> None:
        """A command that no other is like, to any node that obeys."""
        number, (name, room_id) = len(self.typed) + 1, self._random.choice(self._nodes)
        words = self._random.choice(
            ("call {} lamp {}", "call {} lamp {}", "set {} level {}", "say {} {}", "call {} sulk {}")
        )
        ttl = " ttl=1s" if self._random.random() < SHARE_HURRIED else ""
        text = f"!cx {words.format(name, number)}{ttl}"
        client = self._clients[number % len(self._clients)]
        event_id = await self._say(client, room_id, text)
        taken_back = self._random.random() < SHARE_TAKEN_BACK
        self.typed.append(Typed(event_id, number, taken_back))
        if taken_back:
            await self._put(client, {}, "rooms", room_id, "redact", event_id)

    async def told(self) -> dict[Typed, Told]:
        """What the rooms say of each. Taken back before it was heard: nothing."""
        timeline = await self._homeserver.events()
        found = read(timeline, [one.event_id for one in self.typed])
        return {one: found[one.event_id] for one in self.typed}

    async def until_over(self, within_s: float) -> dict[Typed, Told]:
        """What they say once nothing is open any more, or after that time."""
        end_s = time.monotonic() + within_s
        while True:
            told = await self.told()
            if all(is_over(one, said) for one, said in told.items()) or time.monotonic() > end_s:
                return told
            await asyncio.sleep(0.5)

    async def _say(self, client: MatrixClient, room_id: str, text: str) -> str:
        content = {"msgtype": "m.text", "body": text}
        return await self._put(client, content, "rooms", room_id, "send", "m.room.message")

    async def _put(self, client: MatrixClient, content: dict[str, str], *path: str) -> str:
        """As a client does: again under the same transaction id until the homeserver says that it has it."""
        self._txn += 1
        while True:
            answer = await client.call("PUT", client_path("v3", *path, f"t{self._txn}"), content)
            if answer.ok and answer.body is not None:
                return str(answer.body["event_id"])
            await asyncio.sleep(AGAIN_S)


def is_over(one: Typed, told: Told) -> bool:
    """Whether its reply shows a final state, or that it was never queued."""
    if not told.texts:
        return one.taken_back
    return not told.number or told.states[-1] != "open"


def states_of(told: Told) -> list[str]:
    """What its reply said, one after the other; "declined": that it was not queued."""
    return told.states if told.number else ["declined" for _ in told.replies]
