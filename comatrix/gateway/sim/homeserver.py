"""An in-memory homeserver in place of HTTP: as much of one as a gateway with one room in good order needs.

The gateway's real Matrix client talks to it, in the bytes of the client-server API. One room, one bot, one person;
sending with deduplication by transaction id, state, /sync that is held until there is news, recent messages. It checks
no tokens and knows no federation.
"""

import asyncio
import json
import re
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import Any
from urllib.parse import unquote

from comatrix.gateway.config.secrets import Secrets
from comatrix.gateway.edges.matrix.answer import no_answer, read_answer_untrusted
from comatrix.gateway.edges.matrix.http import Query
from comatrix.gateway.model import HomeserverAnswer

BOT, PERSON = "@cx:sim", "@you:sim"
DEVICE, TOKEN = "SIM", "token-of-the-simulation"
ROOM, ALIAS = "!garden:sim", "#garden:sim"
LATENCY_S = 0.05
REMEMBERED = 2_000  # events that /sync and /messages still know
TRANSACTIONS = 20_000
ROOM_PATH = r"/_matrix/client/v[13]/rooms/[^/]+"
Answer = tuple[int, Any]

STATE: dict[tuple[str, str], tuple[str, dict[str, Any]]] = {
    ("m.room.create", ""): (PERSON, {"room_version": "11"}),
    ("m.room.power_levels", ""): (PERSON, {"users": {PERSON: 100, BOT: 50}}),
    ("m.room.member", PERSON): (PERSON, {"membership": "join"}),
    ("m.room.member", BOT): (BOT, {"membership": "join"}),
}
NOT_FOUND: Answer = 404, {"errcode": "M_NOT_FOUND", "error": "there is none"}


@dataclass(frozen=True, slots=True)
class Asked:
    """The variable part of a request."""

    query: Mapping[str, Any]
    data: bytes


class SimHomeserver:
    """`posted(event type, content bytes)` is told of each new event of the bot's. `down`: nothing connects."""

    base_url = "http://sim"
    account = Secrets(BOT, DEVICE, TOKEN)
    room, alias = ROOM, ALIAS

    def __init__(self, now_ms: Callable[[], int], posted: Callable[[str, bytes], None]) -> None:
        self._now_ms = now_ms
        self._posted = posted
        self.down = False
        self.requests = self.events = 0
        self._state = dict(STATE)
        self._transactions: OrderedDict[str, str] = OrderedDict()
        self._timeline: deque[tuple[int, bytes]] = deque(maxlen=REMEMBERED)
        self._news = asyncio.Event()
        self._routes: list[tuple[str, re.Pattern[str], Callable[..., Any]]] = [
            ("PUT", re.compile(ROOM_PATH + r"/send/([^/]+)/([^/]+)"), self._send),
            ("GET", re.compile(r"/_matrix/client/v3/sync"), self._sync),
            ("GET", re.compile(ROOM_PATH + r"/state/([^/]+)/?([^/]*)"), self._get_state),
            ("GET", re.compile(ROOM_PATH + r"/messages"), self._messages),
            ("GET", re.compile(ROOM_PATH + r"/relations/.*"), lambda asked: (200, {"chunk": []})),
            ("POST", re.compile(ROOM_PATH + r"/receipt/.*"), lambda asked: (200, {})),
            ("POST", re.compile(r"/_matrix/client/v3/join/.*"), lambda asked: (200, {"room_id": ROOM})),
            (
                "GET",
                re.compile(r"/_matrix/federation/v1/version"),
                lambda asked: (200, {"server": {"name": "Synapse"}}),
            ),
        ]

    def say(self, text: str) -> None:
        """The person types into the room."""
        self._add("m.room.message", PERSON, json.dumps({"msgtype": "m.text", "body": text}).encode())

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        data: bytes | None = None,
        content_type: str = "application/json",
        token: str = "",
        wait_s: float = 0.0,
    ) -> HomeserverAnswer:
        """One request of the client's, as HttpCaller carries it."""
        self.requests += 1
        await asyncio.sleep(LATENCY_S)
        if self.down:
            return no_answer(f"cannot connect to {self.base_url}: Connection refused")
        status, answer = await self._answer(method, path, Asked(dict(query or ()), data or b""))
        if self.down:
            return no_answer(f"connection to {self.base_url} lost")
        return read_answer_untrusted(status, {}, answer if isinstance(answer, bytes) else json.dumps(answer).encode())

    async def aclose(self) -> None:
        """Nothing to close."""

    async def _answer(self, method: str, path: str, asked: Asked) -> Answer:
        for taken, pattern, route in self._routes:
            found = pattern.fullmatch(path) if taken == method else None
            if found is not None:
                answer = route(asked, *map(unquote, found.groups()))
                answered: Answer = await answer if asyncio.iscoroutine(answer) else answer
                return answered
        return 404, {"errcode": "M_UNRECOGNIZED", "error": "Unrecognized request"}

    def _send(self, asked: Asked, event_type: str, txn_id: str) -> Answer:
        known = self._transactions.get(txn_id)
        if known is None:
            content = asked.data
            known = self._transactions[txn_id] = self._add(event_type, BOT, content)
            if len(self._transactions) > TRANSACTIONS:
                self._transactions.popitem(last=False)
            self._posted(event_type, content)
        return 200, {"event_id": known}

    def _add(self, event_type: str, sender: str, content: bytes) -> str:
        self.events += 1
        event_id = f"$event{self.events}"
        rest = {"type": event_type, "event_id": event_id, "sender": sender, "origin_server_ts": self._now_ms()}
        self._timeline.append((self.events, json.dumps(rest).encode()[:-1] + b', "content": ' + content + b"}"))
        self._news.set()
        return event_id

    async def _sync(self, asked: Asked) -> Answer:
        query = asked.query
        since = query.get("since")
        if since is None:
            state = [self._event(kind, key) for kind, key in self._state]
            join = {ROOM: {"state": {"events": state}, "timeline": {"events": [], "limited": False}}}
            return 200, {"next_batch": f"s{self.events}", "rooms": {"join": join}}
        position = int(since[1:])
        if position >= self.events:
            self._news.clear()
            try:
                async with asyncio.timeout(int(query["timeout"]) / 1000):
                    await self._news.wait()
            except TimeoutError:
                return 200, {"next_batch": since}
        newest = takewhile(lambda one: one[0] > position, reversed(self._timeline))
        events = [data for _, data in newest][::-1]
        room = json.dumps(ROOM).encode()
        head = b'{"next_batch": "s%d", "rooms": {"join": {%s: {"timeline": {"events": [' % (self.events, room)
        return 200, head + b", ".join(events) + b"]}}}}}"

    def _event(self, kind: str, key: str) -> dict[str, Any]:
        sender, content = self._state[kind, key]
        return {"type": kind, "state_key": key, "sender": sender, "content": content, "event_id": f"${kind}-{key}"}

    def _get_state(self, asked: Asked, kind: str, key: str) -> Answer:
        if (kind, key) not in self._state:
            return NOT_FOUND
        whole = asked.query.get("format") == "event"
        return 200, self._event(kind, key) if whole else self._state[kind, key][1]

    def _messages(self, asked: Asked) -> Answer:
        """The newest that are remembered, on one page."""
        limit = int(asked.query.get("limit", "100"))
        newest = [data for _, data in reversed(self._timeline)][:limit]
        return 200, b'{"chunk": [' + b", ".join(newest) + b"]}"
