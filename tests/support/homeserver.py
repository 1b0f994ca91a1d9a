"""An in-memory homeserver behind an httpx transport: fast, and it fails on demand.

It passes the conformance suite that the real Synapse passes (tests/gateway/matrix/test_matrix_conformance.py), as far
as the gateway uses a homeserver: accounts, rooms, sending with deduplication, state, messages, sync, 429.
"""

import asyncio
import json
import time
from collections import deque
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import httpx

from tests.support.homeserver_api import ROUTES, Api
from tests.support.homeserver_faults import KINDS, Fault, answered, failed, streamed
from tests.support.homeserver_journal import Journal
from tests.support.homeserver_media import UPLOAD, File, Files
from tests.support.homeserver_room import Content, Refusal


class Homeserver(Api, httpx.AsyncBaseTransport):
    """One homeserver. Hand it to `MatrixClient(..., transport=homeserver)`."""

    def __init__(
        self,
        server_name: str = "localhost",
        *,
        default_room_version: str = "12",
        clock_s: Callable[[], float] = time.monotonic,
        journal: Journal | None = None,
    ) -> None:
        super().__init__(server_name, default_room_version, clock_s, journal or Journal())
        self.base_url = f"http://{server_name}"
        self.faults: list[Fault] = []
        self.files = Files()
        self.requests: deque[tuple[str, str]] = deque(maxlen=10_000)  # (method, path), to count what was asked
        self.request_count = 0
        self.down = False
        self.latency_s = 0.0
        self.in_flight = 0
        self.most_in_flight = 0

    def fail(self, kind: str, **how: Any) -> None:
        """Let the next requests fail, see `Fault`. Raises ValueError."""
        if kind not in KINDS:
            raise ValueError(f"no fault is called {kind!r}")
        self.faults.append(Fault(kind, **how))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """One request. Raises httpx's errors where a fault says so."""
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            return await self._handle(request)
        finally:
            self.in_flight -= 1

    async def _handle(self, request: httpx.Request) -> httpx.Response:
        path = request.url.raw_path.decode().partition("?")[0]
        self.requests.append((request.method, path))
        self.request_count += 1
        if self.latency_s:
            await asyncio.sleep(self.latency_s)
        fault = self._fault_for(path)
        if self.down or (fault is not None and fault.kind == "refuse"):
            raise httpx.ConnectError("Connection refused", request=request)
        if fault is None:
            return await self._answered(request, path)
        if fault.kind == "slow":
            await asyncio.sleep(fault.delay_s)
        elif fault.kind not in ("drop", "late"):
            return failed(fault)
        answer = await self._answered(request, path)
        if fault.kind == "late":
            await asyncio.sleep(fault.delay_s)
        if fault.kind == "drop":
            raise httpx.ReadError("Connection reset by peer", request=request)
        return answer

    def _fault_for(self, path: str) -> Fault | None:
        for fault in self.faults:
            if fault.path in path:
                fault.times -= 1
                if fault.times <= 0:
                    self.faults.remove(fault)
                return fault
        return None

    async def _answered(self, request: httpx.Request, path: str) -> httpx.Response:
        try:
            body = {} if path == UPLOAD else _body(await request.aread())
            for method, pattern, route in ROUTES:
                found = pattern.fullmatch(path)
                if found is not None and method == request.method:
                    parts = [unquote(part) for part in found.groups() if part is not None]
                    answer = await route(self, request, body, parts)
                    if isinstance(answer, File):
                        return streamed(200, answer.data, {"Content-Type": answer.content_type})
                    return answered(200, answer)
            raise Refusal(404, "M_UNRECOGNIZED", "Unrecognized request")
        except Refusal as refusal:
            return answered(refusal.status, refusal.body)


def _body(data: bytes) -> Content:
    try:
        value = json.loads(data or b"{}")
    except ValueError:
        raise Refusal(400, "M_NOT_JSON", "Content not JSON.") from None
    if not isinstance(value, dict):
        raise Refusal(400, "M_BAD_JSON", "Content must be a JSON object.")
    return value
