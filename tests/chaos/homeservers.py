"""The homeservers of a run, killed and stopped at will: the in-memory one with its journal, and a real Synapse."""

import json
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

import httpx

from comatrix.gateway.config.secrets import Secrets
from comatrix.gateway.demo.synapse import LoopbackSynapse
from comatrix.gateway.edges.matrix import MatrixClient
from tests.chaos.ledger import Rooms
from tests.support.homeserver_client import HomeserverProcess

BOT, PASSWORD = "cx", "chaos-password"
MESSAGE = "m.room.message"


class Homeserver(Protocol):
    """What a run needs of one."""

    @property
    def base_url(self) -> str: ...
    @property
    def port(self) -> int: ...
    async def start(self) -> None: ...
    async def kill(self) -> None: ...
    def freeze(self) -> None: ...
    def thaw(self) -> None: ...
    async def register(self, user: str, password: str, admin: bool = False) -> str: ...
    async def news(self, rooms: Rooms) -> None:
        """Take what was posted since the last call."""


class JournaledHomeserver(HomeserverProcess):
    """The in-memory one. Its rooms are read from its journal, which costs it nothing."""

    def __init__(self, journal: Path) -> None:
        super().__init__(journal)
        self._file = journal
        self._read = 0

    async def news(self, rooms: Rooms) -> None:
        """From the journal's whole lines."""
        if not self._file.exists():
            return
        with self._file.open("rb") as file:
            file.seek(self._read)
            whole, newline, _ = file.read().rpartition(b"\n")
        self._read += len(whole) + len(newline)
        for line in whole.splitlines():
            kind, *fact = json.loads(line)
            if kind == "event" and fact[4] == MESSAGE:
                rooms.take(fact[3], fact[5])


class SynapseHomeserver(LoopbackSynapse):
    """The real one. Its rooms are read as their member reads them."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._from: dict[str, str] = {}
        self.token = ""
        self.room_ids: list[str] = []

    def freeze(self) -> None:
        """SIGSTOP."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        self._signal(signal.SIGCONT)

    async def news(self, rooms: Rooms) -> None:
        """By paging /messages, oldest first."""
        headers = {"Authorization": f"Bearer {self.token}"}
        async with httpx.AsyncClient(trust_env=False, timeout=30, headers=headers) as http:
            for room_id in self.room_ids:
                await self._page(http, room_id, rooms)

    async def _page(self, http: httpx.AsyncClient, room_id: str, rooms: Rooms) -> None:
        url = f"{self.base_url}/_matrix/client/v3/rooms/{quote(room_id, safe='')}/messages"
        while True:
            query = {"dir": "f", "limit": "500"}
            if room_id in self._from:
                query["from"] = self._from[room_id]
            answer = await http.get(url, params=query)
            answer.raise_for_status()
            page = answer.json()
            for event in page["chunk"]:
                if event["type"] == MESSAGE:
                    rooms.take(event["sender"], event["content"])
            if "end" not in page:
                return
            self._from[room_id] = page["end"]

    def _signal(self, number: signal.Signals) -> None:
        if self.pid is not None:
            os.kill(self.pid, number)


async def settle_in(homeserver: Homeserver, rooms: int, invite: Sequence[str] = ()) -> tuple[Secrets, list[str]]:
    """An account for the gateway, logged in, and rooms of its own, which are also those of whom it invites."""
    await homeserver.register(BOT, PASSWORD)
    async with MatrixClient(homeserver.base_url) as client:
        answer = await client.login_password(BOT, PASSWORD, "CHAOS", "chaos")
        assert answer.body is not None, answer
        known = Secrets(answer.body["user_id"], answer.body["device_id"], answer.body["access_token"])
        client.authenticate(known.access_token, known.user_id, known.device_id)
        made = [await client.create_room(f"room {number}", invite=invite) for number in range(rooms)]
    if isinstance(homeserver, SynapseHomeserver):
        homeserver.token = known.access_token
    room_ids = [str(_body(one.body)["room_id"]) for one in made]
    if isinstance(homeserver, SynapseHomeserver):
        homeserver.room_ids = room_ids
    return known, room_ids


def _body(body: dict[str, Any] | None) -> dict[str, Any]:
    assert body is not None
    return body
