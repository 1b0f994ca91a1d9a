"""A real homeserver under a simulated gateway: each request is made in real time, while virtual time stands still."""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any, TypeVar

from comatrix.gateway.config.secrets import Secrets
from comatrix.gateway.edges.matrix import MatrixClient
from comatrix.gateway.edges.matrix.answer import no_answer
from comatrix.gateway.edges.matrix.http import Caller, HttpCaller, Query
from comatrix.gateway.errors import GatewayError, UsageError
from comatrix.gateway.model import HomeserverAnswer

LATENCY_S = 0.05  # virtual, as in memory: what a request really takes depends on the machine
TIMEOUT_S = 30.0
MAX_RESPONSE_BYTES = 8 * 1024 * 1024
LIMIT_TRIES, LIMIT_MOST_S = 60, 60.0  # a homeserver that limits is waited for in real time
PAGE = 500
T = TypeVar("T")


class RealHomeserver:
    """One account's, with a new room for the run. Blocks whoever calls, so that no virtual clock overtakes a request.

    `posted(event type, content bytes)` is told of each event that was sent. `down`: nothing connects. `in_room` are the
    events that stand there, read back from it. `typist`: who types the scenario's commands, another account; None:
    nobody, as the gateway does not obey itself. `unsaid`: what was not typed, and why."""

    def __init__(self, base_url: str, account: Secrets, typist: Secrets | None = None) -> None:
        """Raises UsageError where the URL is none, or the typist is the account itself."""
        if typist is not None and typist.user_id == account.user_id:
            raise UsageError(
                f"{account.user_id} is the gateway's own account, which does not obey itself.",
                "comatrix sim SCENARIO ... --typist ANOTHER_USER",
            )
        self._http: Caller = HttpCaller(
            base_url, transport=None, trust_env=False, timeout_s=TIMEOUT_S, max_response_bytes=MAX_RESPONSE_BYTES
        )
        self.account = account
        self._typist = typist
        self.base_url = self._http.base_url
        self.room = ""
        self.alias: str | None = None
        self.down = False
        self.requests = 0
        self.unsaid: list[str] = []
        self._typed = 0
        self._posted: Callable[[str, bytes], None] = lambda event_type, content: None
        self._now_ms: Callable[[], int] = lambda: 0
        self._sent_ms: dict[str, int] = {}  # by event id
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="homeserver", daemon=True)
        self._thread.start()

    def begin(self, now_ms: Callable[[], int], posted: Callable[[str, bytes], None]) -> None:
        """A run begins. `now_ms`: virtual."""
        self._now_ms, self._posted = now_ms, posted

    def create_room(self, name: str, invite: Sequence[str] = ()) -> None:
        """The room of the run. Raises UsageError: nobody is there, the token is not the account's, no room is made."""
        self.account = self._known(self.account)
        if self._typist is not None:
            self._typist = self._known(self._typist)
            invite = [*invite, *({self._typist.user_id} - set(invite))]
        made = self._wait(self._client(self.account).create_room(name, invite=invite))
        if not made.ok or made.body is None:
            raise UsageError(f"{self.base_url} made no room: {made.error or made.status}.", "comatrix sim SCENARIO")
        self.room = made.body["room_id"]
        if self._typist is not None:
            joined = self._patiently(partial(self._client(self._typist).join, self.room))
            if not joined.ok:
                raise UsageError(
                    f"{self._typist.user_id} cannot join {self.room}: {joined.error or joined.status}.",
                    "comatrix sim SCENARIO",
                )

    def say(self, text: str) -> None:
        """The typist types into the room; nothing of it is in virtual time."""
        if self._typist is None:
            self.unsaid.append(f"{text}: nobody is in the room to do it")
            return
        content = json.dumps({"msgtype": "m.text", "body": text}).encode()
        self._typed += 1
        send = self._client(self._typist).send_event
        answer = self._patiently(partial(send, self.room, "m.room.message", f"typed{self._typed}", content))
        if not answer.ok:
            self.unsaid.append(f"{text}: {answer.error or answer.status}")

    def _known(self, account: Secrets) -> Secrets:
        """The account as the homeserver names it. Raises UsageError: nobody is there, or the token is not its own."""
        who = self._wait(self._client(account).whoami())
        if who.status is None or (not who.ok and who.errcode is None):
            raise UsageError(
                f"No Matrix homeserver answers at {self.base_url}: {who.error or who.status}.",
                f"curl {self.base_url}/_matrix/client/versions",
            )
        found = (who.body or {}).get("user_id")
        if not who.ok or found != account.user_id:
            told = f"it is that of {found}" if who.ok else who.error
            raise UsageError(
                f"{self.base_url} does not take the token as that of {account.user_id}: {told}.",
                "log in anew and write the new access token to the file",
            )
        return Secrets(found, (who.body or {}).get("device_id") or "", account.access_token)

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
        """One request of the gateway's. What the homeserver would hold it for passes in virtual time, before it."""
        self.requests += 1
        await asyncio.sleep(max(LATENCY_S, wait_s))
        if self.down:
            return no_answer(f"cannot connect to {self.base_url}: Connection refused")
        query = [(key, "0" if wait_s and key == "timeout" else value) for key, value in query or []]
        answer = self._patiently(
            lambda: self._http.request(method, path, query=query, data=data, content_type=content_type, token=token)
        )
        if method == "PUT" and "/send/" in path and answer.ok and answer.body is not None:
            self._sent(path.rsplit("/", 2)[1], answer.body["event_id"], data or b"")
        return answer

    async def aclose(self) -> None:
        """A life of the gateway is over; the connections stay for the next."""

    def in_room(self) -> list[tuple[int, str, bytes]]:
        """Virtual time of sending (0: not known), type and content of each of our events there, oldest first.
        Raises GatewayError."""
        client, found, after = self._client(self.account), [], ""
        while True:
            page = self._patiently(partial(client.messages, self.room, from_token=after, limit=PAGE))
            if not page.ok or page.body is None:
                raise GatewayError(f"the room cannot be read back: {page.error or page.status}", "comatrix sim")
            found += [one for one in page.body["chunk"] if one["sender"] == self.account.user_id]
            after = page.body.get("end") or ""
            if not after:
                break
        return [
            (self._sent_ms.get(one["event_id"], 0), one["type"], json.dumps(one["content"]).encode())
            for one in reversed(found)
        ]

    def close(self) -> None:
        """Ends the connections and the thread."""
        self._wait(self._http.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _client(self, account: Secrets) -> MatrixClient:
        return MatrixClient(self.base_url, account.access_token, account.user_id, account.device_id, caller=self._http)

    def _sent(self, event_type: str, event_id: str, content: bytes) -> None:
        if event_id not in self._sent_ms:
            self._sent_ms[event_id] = self._now_ms()
            self._posted(event_type, content)

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Blocks until it is done."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _patiently(self, work: Callable[[], Coroutine[Any, Any, HomeserverAnswer]]) -> HomeserverAnswer:
        """As `_wait`; where the homeserver limits us, the same request is made again when it says."""
        answer = self._wait(work())
        for _ in range(LIMIT_TRIES):
            if answer.status != 429:
                break
            time.sleep(min(LIMIT_MOST_S, (answer.retry_after_ms or 1000) / 1000))
            answer = self._wait(work())
        return answer
