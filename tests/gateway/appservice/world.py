"""One gateway's Matrix side on either homeserver: as a plain bot, or as an application service with either intake."""

import asyncio
import secrets
import socket
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml  # type: ignore[import-untyped]

from comatrix.gateway.clock import monotonic_ms
from comatrix.gateway.config.load import parse
from comatrix.gateway.config.registration import ServiceTokens, new_tokens, registration_yaml
from comatrix.gateway.config.settings import Settings
from comatrix.gateway.demo.free_port import free_port
from comatrix.gateway.demo.synapse import LoopbackSynapse
from comatrix.gateway.downlink.hearing import News, Redacted, Said
from comatrix.gateway.edges.matrix import MatrixClient
from comatrix.gateway.edges.room_watch import RoomWatch
from comatrix.gateway.edges.store import heard, nodes, rooms
from comatrix.gateway.edges.store.store import Store
from comatrix.gateway.model import HomeserverAnswer, Node, Room, Voice
from comatrix.gateway.speaking import Speaking, service_client, speaking_as_bot, speaking_as_service
from tests.support.homeserver import Homeserver
from tests.support.people import Person, Place

ENOUGH_S = 15.0
TOML = """\
[homeserver]
url = "{url}"
user = "{user}"
[appservice]
enabled = true
prefix = "{prefix}"
intake = "{intake}"
bind = "127.0.0.1:{port}"
ghosts_max_nodes = 3
"""


@dataclass(frozen=True, slots=True)
class Registered:
    """A service that a homeserver knows."""

    settings: Settings
    tokens: ServiceTokens


def make_registration(url: str, intake: str) -> Registered:
    """With a prefix and a port of its own."""
    prefix = f"cx{secrets.token_hex(4)}_"
    user = f"@{prefix}bot:localhost"
    text = TOML.format(url=url, user=user, prefix=prefix, intake=intake, port=free_port(socket.SOCK_STREAM))
    return Registered(parse(text, "test", {}), new_tokens(user))


def connect_memory(server: Homeserver, registered: Registered) -> None:
    """As an administrator that puts the registration file into the configuration."""
    server.connect_service(yaml.safe_load(registration_yaml(registered.settings, registered.tokens)))


class Pool:
    """Registrations that a Synapse knew when it started: it reads them only then."""

    def __init__(self, server: LoopbackSynapse, folder: Path, each: int) -> None:
        self._free: dict[str, list[Registered]] = {"push": [], "sync": []}
        self.server = server
        for intake in self._free:
            for number in range(each):
                made = make_registration("http://127.0.0.1:8008", intake)  # the real port comes with `take`
                path = folder / f"{intake}{number}.yaml"
                path.write_text(registration_yaml(made.settings, made.tokens))
                server.app_services.append(path)
                self._free[intake].append(made)

    def take(self, intake: str) -> Registered:
        """One that no test used yet, with the address the server has now."""
        taken = self._free[intake].pop()
        service = taken.settings.appservice
        text = TOML.format(
            url=self.server.base_url,
            user=taken.tokens.user_id,
            prefix=service.prefix,
            intake=intake,
            port=service.bind.rpartition(":")[2],
        )
        return Registered(parse(text, "test", {}), taken.tokens)


class Heard:
    """A listener that writes down what it is told."""

    def __init__(self) -> None:
        self.news: list[tuple[str, ...]] = []
        self.follows = False
        self.configured: set[str] = set()
        self.texts: list[str] = []  # of events that are new
        self.redacted: list[str] = []
        self.store: Store | None = None
        self.whose = ""
        self.since: str | None = None

    def is_configured(self, room_id: str) -> bool:
        return room_id in self.configured

    def following(self, follows: bool) -> None:
        self.follows = follows

    async def encrypted(self, room_id: str) -> None:
        self.news.append(("encrypted", room_id))

    async def joined(self, room_id: str) -> None:
        self.news.append(("joined", room_id))

    async def left(self, room_id: str, membership: str, reason: str) -> None:
        self.news.append(("left", room_id, membership))

    async def upgraded(self, room_id: str, replacement: str, via: str) -> None:
        self.news.append(("upgraded", room_id, replacement))

    async def power_changed(self, room_id: str) -> None:
        self.news.append(("power", room_id))

    async def somebody_left(self, room_id: str) -> None:
        pass

    async def heard(self, news: Sequence[News], since: str) -> None:
        assert self.store is not None

        def job(connection: sqlite3.Connection) -> list[str]:
            heard.set_since(connection, self.whose, since)
            said = [one for one in news if isinstance(one, Said)]
            return [one.text for one in said if heard.is_new(connection, one.event_id, 0)]

        self.texts += await self.store.run(job)
        self.since = since
        self.redacted += [one.redacts for one in news if isinstance(one, Redacted)]

    async def settled(self) -> None:
        pass


class World:
    """`mode`: "bot", "push" or "sync". `start` and `stop` as often as a test likes."""

    def __init__(self, mode: str, place: Place, folder: Path, registered: Registered | None) -> None:
        self.mode = mode
        self.place = place
        self.registered = registered
        self.path = folder / "gateway.db"
        self.lines: list[str] = []
        self.heard = Heard()
        self.covered = True
        self._stack = AsyncExitStack()
        self._tasks: list[asyncio.Task[None]] = []
        self._account: MatrixClient | None = None
        self._txn = 0

    async def start(self) -> None:
        """As the gateway starts."""
        self.store = Store.open(self.path, 0)
        self.heard.follows = False
        if self.registered is None:
            self._account = self._account or await self.place.client()
            self.client = self._account
            self.speaking: Speaking = speaking_as_bot(self.client)
        else:
            client = service_client(self.registered.settings, self.registered.tokens, transport=self.place.transport)
            self._stack.push_async_callback(client.aclose)
            self.client = client
            self.speaking = await speaking_as_service(
                self.registered.settings,
                self.registered.tokens,
                client,
                self.store,
                self._stack,
                tell=self.lines.append,
                covered=self._cover,
                sleep=lambda _seconds: asyncio.sleep(0.05),
            )
        self.bot, self.voices = self.speaking.bot, self.speaking.voices
        self.heard.store, self.heard.whose = self.store, self.speaking.intake.whose
        watch = RoomWatch(
            self.client,
            self.heard,
            now=monotonic_ms,
            sleep=lambda seconds: asyncio.sleep(min(seconds, 0.05)),
            timeout_ms=2_000,
            intake=self.speaking.intake,
            since=self.store.read(lambda connection: heard.since(connection, self.heard.whose)),
            own=self.speaking.ours,
        )
        for work in (watch.run(), *self.speaking.work):
            self._tasks.append(asyncio.create_task(work))

    def _cover(self, covered: bool) -> None:
        self.covered = covered

    async def stop_watching(self) -> None:
        """A test reads the intake itself."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    async def stop(self) -> None:
        """As it ends."""
        await self.stop_watching()
        await self._stack.aclose()
        await self.store.aclose()

    async def following(self) -> None:
        """Until news are heard."""
        await until(lambda: self.heard.follows and self.covered)

    async def owner(self) -> Person:
        """A person with a room; the bot is in it, nothing is bound to it."""
        return await self.place.person()

    async def room(self, owner: Person, **options: Any) -> Room:
        """A private room of the owner's with the bot in it, bound in the database."""
        content = {"users": {self.bot.user_id: 50}, **options.pop("levels", {})}
        version = options.pop("version", "11")
        levels = {**content, "users": {owner.user_id: 100, **content["users"]}}
        room_id = await owner.create_room(
            preset="private_chat",
            room_version=version,
            power_level_content_override=levels,
            invite=[self.bot.user_id],
            **options,
        )
        await self.bot_ready()
        assert (await self.client.join(room_id)).ok
        return self.bind(room_id)

    async def bot_ready(self) -> None:
        """A service's bot exists once it was prepared."""
        answer = await self.voices.prepare(self.bot, Room(0, "!nowhere"))
        assert answer.ok, answer

    def bind(self, room_id: str) -> Room:
        """The room in the gateway's database."""
        self.heard.configured.add(room_id)
        room = self.store.write(lambda connection: rooms.add(connection, room_id))
        self.speaking.reload()
        return room

    def node(self, name: str, room: Room) -> Node:
        """Provisioned."""
        node = self.store.write(lambda connection: nodes.add(connection, name, room.id, now_ms=0, post="every"))
        self.speaking.reload()
        return node

    async def say(self, node: Node, room: Room, text: str, txn: str = "") -> HomeserverAnswer:
        """What the poster does with a voice: prepare, send; once more after its device or membership was forgotten."""
        voice = self.voices.voice(room, node.number)
        self._txn += 1
        txn = txn or f"{self.store.instance}.{self._txn}.msg"
        prepared = await self.voices.prepare(voice, room)
        if not prepared.ok and voice != self.bot:
            self.voices.fall_back(voice, room, f"{prepared.errcode}: {prepared.error}")
            return await self.say(node, room, text, txn)
        answer = await self.send(voice, room, text, txn)
        if answer.errcode in ("M_UNKNOWN_DEVICE", "M_FORBIDDEN"):
            self.voices.forget(voice, None if answer.errcode == "M_UNKNOWN_DEVICE" else room)
            prepared = await self.voices.prepare(voice, room)
            if not prepared.ok:
                return prepared
            answer = await self.send(voice, room, text, txn)
        return answer

    async def send(self, voice: Voice, room: Room, text: str, txn: str) -> HomeserverAnswer:
        """One PUT."""
        content = b'{"msgtype":"m.notice","body":"%s"}' % text.encode()
        return await self.client.send_event(room.room_id, "m.room.message", txn, content, voice=voice)


async def messages(person: Person, room: Room) -> list[tuple[str, str]]:
    """(sender, body) of the room's messages, oldest first."""
    answer = await person.client.messages(room.room_id, event_filter={"types": ["m.room.message"]})
    assert answer.ok and answer.body is not None, answer
    return [(event["sender"], event["content"]["body"]) for event in reversed(answer.body["chunk"])]


async def shown_name(person: Person, room: Room, user_id: str) -> tuple[str, str]:
    """(membership, display name) as the room shows them."""
    answer = await person.client.state_event(room.room_id, "m.room.member", user_id)
    body = answer.body or {}
    return str(body.get("membership")), str(body.get("displayname"))


async def until(condition: Callable[[], bool]) -> None:
    """Fails after 15 s."""
    for _ in range(int(ENOUGH_S / 0.02)):
        if condition():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("did not happen in time")


async def delete_device(world: World, voice: Voice) -> None:
    """As an administrator does."""
    server = world.place.server
    if isinstance(server, Homeserver):
        server.forget_device(voice.user_id, voice.device_id)
        return
    assert world.registered is not None
    headers = {"Authorization": f"Bearer {world.registered.tokens.as_token}"}
    url = f"{server.base_url}/_matrix/client/v3/devices/{voice.device_id}"
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.request("DELETE", url, json={}, params={"user_id": voice.user_id}, headers=headers)
    assert answer.status_code == 200, answer.text
