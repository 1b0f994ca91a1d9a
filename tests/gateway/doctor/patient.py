"""A gateway to be examined, and what can be done to it."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from comatrix.gateway.admin.doctor import CHECKS, Report, Surroundings, examine
from comatrix.gateway.admin.doctor.examination import Check
from comatrix.gateway.app import Gateway
from comatrix.gateway.config.load import load
from comatrix.gateway.config.paths import Paths, find_paths
from comatrix.gateway.config.registration import ServiceTokens, write_tokens
from comatrix.gateway.config.secrets import Secrets, write_secrets
from comatrix.gateway.edges.matrix import MatrixClient
from comatrix.gateway.edges.matrix.probe import look
from comatrix.gateway.edges.matrix.service import ServiceApi
from comatrix.gateway.edges.store import contexts, nodes, outbox, records, rooms, status
from comatrix.gateway.edges.store.store import Store
from comatrix.gateway.model import NewRecord, SealedRow, Voice
from comatrix.gateway.uplink.voices import DEVICE
from tests.gateway.cli.conftest import Loopback
from tests.support.people import PASSWORD, Person

SECRET = bytes(range(16))
GIB = 1 << 30


class Patient:
    """`given` are the surroundings the doctor gets; everything in them is real but the free space and the clock."""

    def __init__(self, home: Path, loopback: Loopback) -> None:
        home.mkdir(mode=0o700)
        self.loopback = loopback
        self._accounts: dict[str, Secrets] = {}
        self.paths: Paths = find_paths(str(home), {}, home)
        self.owner, self.bot = asyncio.run(self._log_in())
        self.account = self._accounts[self.bot.user_id]
        self.room_id = self.as_owner(
            lambda me: me.create_room(
                name="garden",
                room_alias_name="garden",
                preset="private_chat",
                invite=[self.bot.user_id],
                creation_content={"m.federate": False},
                initial_state=[{"type": "m.room.history_visibility", "content": {"history_visibility": "shared"}}],
            )
        )
        asyncio.run(self._join())
        self.keep()
        self.configure()
        self.in_store(self._provision)
        self._process: _Process | None = None
        self.given = Surroundings(
            paths=self.paths,
            environ={},
            wall_ms=now_ms,
            random=lambda n: 7,
            local_address=lambda: "127.0.0.1",
            free_bytes=lambda folder: 10 * GIB,
            look=look,
            localtime=Path("/usr/share/zoneinfo/UTC"),
        )

    async def _log_in(self) -> tuple[MatrixClient, MatrixClient]:
        clients = []
        for user, device in (("me", "PHONE"), ("cx", "GATEWAY")):
            self.loopback.do(lambda server, user=user: server.register(user, PASSWORD))  # type: ignore[misc]
            async with MatrixClient(self.loopback.url) as client:
                answer = await client.login_password(user, PASSWORD, device, device)
                assert answer.body is not None
                kept = Secrets(answer.body["user_id"], device, answer.body["access_token"])
                client.authenticate(kept.access_token, kept.user_id, device)
                self._accounts[kept.user_id] = kept
                clients.append(client)
        return clients[0], clients[1]

    async def _join(self) -> None:
        async with self.bot:
            assert (await self.bot.join(self.room_id)).ok

    def _provision(self, store: Store) -> None:
        def add(connection: Any) -> None:
            room = rooms.add(connection, self.room_id, "#garden:localhost")
            node = nodes.add(connection, "garden", room.id, now_ms=now_ms(), post="15min")
            contexts.add(connection, node.number, "u", SECRET)
            status.update(
                connection, status.NodeStatus(node.number, last_seen_ms=now_ms(), wake_interval_s=900, firmware="1.0")
            )

        store.write(add)

    # What is kept

    def keep(self, **changed: Any) -> None:
        """Write the secrets."""
        write_secrets(self.paths.secrets, replace(self.account, **changed))

    def configure(self, url: str = "", more: str = "", bind: str = "[::]:0") -> None:
        """Write the configuration."""
        text = f'[homeserver]\nurl = "{url or self.loopback.url}"\nuser = "{self.bot.user_id}"\n'
        self.paths.config.write_text(f'{text}[udp]\nbind = ["{bind}"]\n{more}')

    def in_store(self, job: Callable[[Store], Any]) -> Any:
        """Do something to the database while no gateway runs."""
        with Store.open(self.paths.database, now_ms()) as store:
            return job(store)

    def write(self, job: Callable[[Any], Any]) -> Any:
        """The same, on the writing connection."""
        return self.in_store(lambda store: store.write(job))

    def receive(self, at_ms: int | None = None, *, count: int = 1, body: bytes = b"\xa1\x00\x01") -> None:
        """Readings came, and were acknowledged."""
        at_ms = now_ms() if at_ms is None else at_ms

        async def append() -> None:
            with Store.open(self.paths.database, now_ms()) as store:
                await received(store, at_ms, count, body)
                await store.aclose()

        asyncio.run(append())

    def seal(self, connection: Any, at_ms: int | None = None) -> None:
        """All that waits is an event on its way since then."""
        members = records.tail(connection, 10)
        row = SealedRow(
            id=outbox.next_id(connection),
            room=1,
            room_id=self.room_id,
            event_type="m.room.message",
            txn_id="0.1.msg",
            content=b"{}",
            sealed_ms=now_ms() if at_ms is None else at_ms,
            records=tuple(record.id for record in members),
            in_doubt=False,
            attempts=0,
            state="sealed",
            sender=self.account.user_id,
            device=self.account.device_id,
        )
        outbox.seal(connection, row, members)

    # The world

    @staticmethod
    def send(port: int, datagram: bytes) -> None:
        """A datagram comes to the gateway from this machine."""
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sender:
            sender.sendto(datagram, ("::1", port))

    def as_owner(self, job: Callable[[Person], Awaitable[Any]]) -> Any:
        """Something the room's owner does in a Matrix client of their own."""

        async def run() -> Any:
            async with self.owner as client:
                return await job(Person(client, None))

        return asyncio.run(run())

    def put_state(self, kind: str, **content: Any) -> None:
        """The room's owner changes the room."""
        self.as_owner(lambda me: me.put_state(self.room_id, f"m.room.{kind}", content))

    def make_room(self, version: str, levels: dict[str, Any]) -> None:
        """Bind the node to a room that the gateway's own account made."""

        async def make() -> str:
            async with self.bot as client:
                body = {"preset": "private_chat", "room_version": version, "power_level_content_override": levels}
                return await Person(client, None).create_room(**body, creation_content={"m.federate": False})

        room_id = asyncio.run(make())
        self.write(lambda connection: nodes.set_room(connection, 1, rooms.add(connection, room_id).id))

    def server(self, job: Callable[[Any], None]) -> None:
        """Something happens to the homeserver."""

        async def run(server: Any) -> None:
            job(server)

        self.loopback.do(run)

    def serve(self, *, url: str | None = "http://127.0.0.1:9", intake: str = "push", more: str = "") -> None:
        """Become an application service, known to the homeserver, with an intake at `url`."""
        tokens = ServiceTokens("comatrix-cx", self.bot.user_id, "as_token_1", "hs_token_1")
        write_tokens(self.paths.service_tokens, tokens)
        address = f'url = "{url}"\n' if url else ""
        self.configure(more=f'[appservice]\nenabled = true\nintake = "{intake}"\n{address}{more}')
        registration = {
            "id": tokens.id,
            "url": url,
            "as_token": tokens.as_token,
            "hs_token": tokens.hs_token,
            "sender_localpart": "cx",
            "namespaces": {"users": [{"exclusive": True, "regex": "@cx_.*"}]},
            "io.element.msc4190": True,
        }
        self.server(lambda server: server.connect_service(registration))

    def first_start_of_the_service(self) -> None:
        """What the gateway does for its own users when it first runs."""

        async def run() -> None:
            async with MatrixClient(self.loopback.url, "as_token_1", self.bot.user_id, service=True) as client:
                api = ServiceApi(client)
                assert (await api.register("cx_service")).ok
                made = await api.make_device(Voice("@cx_service:localhost", DEVICE), "gateway")
            assert made.ok, made

        asyncio.run(run())

    # The running gateway

    def start(self) -> "_Process":
        """Run a gateway on this folder until the test ends."""
        self._process = _Process(self.paths)
        return self._process

    def close(self) -> None:
        if self._process is not None:
            self._process.stop()
            self._process = None
            self.server(lambda server: server.faults.clear())
            self.as_owner(lambda me: me.say(self.room_id, "bye"))  # the homeserver need not hold its sync any longer

    # The doctor

    def examine(self, checks: tuple[Check, ...] = CHECKS, **surroundings: Any) -> Report:
        """What the doctor says now."""
        return asyncio.run(examine(replace(self.given, **surroundings), checks))


class _Process:
    """A gateway in a thread of its own, with its sockets and its database."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._started = threading.Event()
        self.loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self.gateway: Gateway
        self._thread = threading.Thread(target=lambda: self.loop.run_until_complete(self._run()), daemon=True)
        self._thread.start()
        assert self._started.wait(10), "the gateway did not start"

    async def _run(self) -> None:
        async with AsyncExitStack() as stack:
            self.gateway = await Gateway.start(load(self._paths.config, {}), self._paths, stack)
            self._started.set()
            await self._stop.wait()
            for task in self.gateway.tasks:
                task.cancel()
            await asyncio.gather(*self.gateway.tasks, return_exceptions=True)

    @property
    def port(self) -> int:
        """Where it listens."""
        return self.gateway.udp.addresses[0][1]

    def do(self, job: Callable[[Gateway], Any]) -> Any:
        """Something in the gateway's own thread."""

        async def run() -> Any:
            return job(self.gateway)

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(5)

    def receive(self) -> None:
        """A reading came, and was acknowledged."""

        async def run() -> None:
            await received(self.gateway.store, now_ms())
            self.gateway.poster.poke()

        asyncio.run_coroutine_threadsafe(run(), self.loop).result(5)

    def until(self, wanted: Callable[[Mapping[str, Any]], bool]) -> None:
        """Wait until the gateway says so of itself."""
        until_s = time.monotonic() + 5
        while not wanted(self.do(lambda gateway: gateway.live())):
            assert time.monotonic() < until_s
            time.sleep(0.02)

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        self.loop.close()


async def received(store: Store, at_ms: int, count: int = 1, body: bytes = b"\xa1\x00\x01") -> None:
    """Stores readings of node 1."""
    first = store.read(records.newest_id) + 1
    done: asyncio.Future[object] = asyncio.get_running_loop().create_future()
    for seq in range(first, first + count):
        record = NewRecord(1, 1, seq, 1, "readings", body, at_ms, at_ms, seq, b"12345678")
        store.append(record, None, done.set_result if seq == first + count - 1 else _nothing)
    assert not isinstance(await done, Exception)


def _nothing(told: object) -> None:
    pass


def now_ms() -> int:
    """Unix time."""
    return time.time_ns() // 1_000_000


def told(report: Report) -> dict[str, tuple[str, str]]:
    """code -> (text, next) of all that is not ok."""
    return {one.code: (one.text, one.next) for one in report.findings if one.level != "ok"}


def shown(report: Report) -> str:
    """For an assertion's message."""
    return json.dumps([[one.level, one.code, one.text, one.next] for one in report.findings], indent=1)
