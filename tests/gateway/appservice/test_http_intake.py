"""The HTTP intake: who may push, what is refused, and that nothing is answered before it is kept."""

import asyncio
import contextlib
import json
import logging
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from comatrix.gateway.edges.appservice import http as intake
from comatrix.gateway.edges.appservice.http import AppServiceHttp, listening
from comatrix.gateway.errors import GatewayError, StoreError

TOKEN = "hs-token-" + "x" * 32
AUTH = {"Authorization": f"Bearer {TOKEN}"}
V1 = "/_matrix/app/v1"


class Taker:
    """Takes events; `error` is raised instead, `slow` waited for."""

    def __init__(self) -> None:
        self.taken: list[Any] = []
        self.error: Exception | None = None
        self.slow = asyncio.Event()
        self.slow.set()

    async def __call__(self, events: object) -> None:
        await self.slow.wait()
        if self.error is not None:
            raise self.error
        self.taken.append(events)


@pytest.fixture
def taker() -> Taker:
    return Taker()


@pytest.fixture
async def http(taker: Taker) -> AsyncIterator[httpx.AsyncClient]:
    app = AppServiceHttp(TOKEN, taker, lambda user: user == "@cx_node_7:localhost").app()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://intake") as client:
        yield client


async def test_a_transaction_is_taken_and_answered_with_an_empty_object(http: httpx.AsyncClient, taker: Taker) -> None:
    answer = await http.put(V1 + "/transactions/1", json={"events": [{"a": 1}]}, headers=AUTH)
    assert (answer.status_code, answer.json(), taker.taken) == (200, {}, [[{"a": 1}]])


async def test_no_answer_comes_before_the_events_are_kept(http: httpx.AsyncClient, taker: Taker) -> None:
    taker.slow.clear()
    asking = asyncio.ensure_future(http.put(V1 + "/transactions/1", json={"events": []}, headers=AUTH))
    await asyncio.sleep(0.05)
    assert not asking.done()
    taker.slow.set()
    assert (await asking).status_code == 200


async def test_a_database_that_takes_nothing_makes_the_homeserver_try_again(
    http: httpx.AsyncClient, taker: Taker
) -> None:
    taker.error = StoreError("full")
    assert (await http.put(V1 + "/transactions/1", json={"events": []}, headers=AUTH)).status_code == 503


PATHS = [
    ("PUT", "/transactions/1"),
    ("POST", "/ping"),
    ("GET", "/users/@cx_node_7:localhost"),
    ("GET", "/rooms/%23garden:localhost"),
]


@pytest.mark.parametrize(("method", "path"), PATHS)
@pytest.mark.parametrize(
    ("headers", "query", "status", "errcode"),
    [
        ({}, "", 401, "M_UNAUTHORIZED"),
        ({"Authorization": "Basic x"}, "", 401, "M_UNAUTHORIZED"),
        ({"Authorization": f"Bearer {TOKEN[:-1]}"}, "", 403, "M_FORBIDDEN"),
        ({"Authorization": f"Bearer {TOKEN}x"}, "", 403, "M_FORBIDDEN"),
        ({"Authorization": "Bearer ü".encode()}, "", 403, "M_FORBIDDEN"),
        ({}, "?access_token=guess", 403, "M_FORBIDDEN"),
        ({"Authorization": "Bearer guess"}, f"?access_token={TOKEN}", 403, "M_FORBIDDEN"),
    ],
)
async def test_nobody_comes_in_without_the_homeservers_token(
    http: httpx.AsyncClient,
    taker: Taker,
    method: str,
    path: str,
    headers: dict[str, Any],
    query: str,
    status: int,
    errcode: str,
) -> None:
    answer = await http.request(method, V1 + path + query, json={"events": []}, headers=headers)
    assert (answer.status_code, answer.json()["errcode"]) == (status, errcode)
    assert taker.taken == []


async def test_an_old_homeserver_puts_its_token_in_the_query(http: httpx.AsyncClient) -> None:
    answer = await http.put(f"{V1}/transactions/1?access_token={TOKEN}", json={"events": []})
    assert answer.status_code == 200


async def test_ping_is_answered(http: httpx.AsyncClient) -> None:
    answer = await http.post(V1 + "/ping", json={"transaction_id": "x"}, headers=AUTH)
    assert (answer.status_code, answer.json()) == (200, {})


@pytest.mark.parametrize(
    ("path", "status", "errcode"),
    [
        ("/users/@cx_node_7:localhost", 200, None),
        ("/users/@cx_node_8:localhost", 404, "M_NOT_FOUND"),
        ("/rooms/%23garden:localhost", 404, "M_NOT_FOUND"),
        ("/nothing", 404, "M_UNRECOGNIZED"),
        ("/transactions/1", 405, "M_UNRECOGNIZED"),
    ],
)
async def test_questions_are_answered_for_our_users_only(
    http: httpx.AsyncClient, path: str, status: int, errcode: str | None
) -> None:
    answer = await http.get(V1 + path, headers=AUTH)
    assert (answer.status_code, answer.json().get("errcode")) == (status, errcode)


@pytest.mark.parametrize(
    "data", [b"", b"{", b"\xff", b"[]", b"1", b"null", b"{}", b'{"events":{}}', b"[" * 100_000, b'{"events":1}']
)
async def test_what_is_no_transaction_is_400(http: httpx.AsyncClient, taker: Taker, data: bytes) -> None:
    answer = await http.put(V1 + "/transactions/1", content=data, headers=AUTH)
    assert answer.status_code == 400 and answer.json()["errcode"].startswith("M_")
    assert taker.taken == []


async def test_a_body_without_end_is_cut_off(http: httpx.AsyncClient, taker: Taker) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1 << 20
            yield b" " * (1 << 20)

    answer = await http.put(V1 + "/transactions/1", content=endless(), headers=AUTH)
    assert answer.status_code == 413
    assert sent <= intake.MAX_BODY_BYTES + (2 << 20)
    assert taker.taken == []


async def test_a_stranger_body_is_not_read(http: httpx.AsyncClient) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1
            yield b" " * 1024

    assert (await http.put(V1 + "/transactions/1", content=endless())).status_code == 401
    assert sent <= 2


async def test_it_listens_until_told_to_end_and_finishes_what_it_began(taker: Taker) -> None:
    taker.slow.clear()
    async with httpx.AsyncClient(trust_env=False) as client:
        async with listening(AppServiceHttp(TOKEN, taker, bool).app(), "127.0.0.1", 0) as (host, port):
            url = f"http://{host}:{port}{V1}"
            assert (await client.post(url + "/ping", json={}, headers=AUTH)).status_code == 200
            asking = asyncio.ensure_future(client.put(url + "/transactions/1", json={"events": []}, headers=AUTH))
            await asyncio.sleep(0.1)
            asyncio.get_running_loop().call_later(0.2, taker.slow.set)
        assert (await asking).status_code == 200
        assert taker.taken == [[]]
        with pytest.raises(httpx.ConnectError):
            await client.post(url + "/ping", json={}, headers=AUTH)


async def test_strangers_who_say_nothing_keep_the_homeserver_out_no_longer_than_it_takes_to_ask(taker: Taker) -> None:
    async with listening(AppServiceHttp(TOKEN, taker, bool).app(), "127.0.0.1", 0) as (host, port):
        silent = [await asyncio.open_connection(host, port) for _ in range(3 * intake.MAX_CONNECTIONS)]
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.post(f"http://{host}:{port}{V1}/ping", json={}, headers=AUTH)
            assert answer.status_code == 200
        ended = 0
        for reader, _ in silent:
            with contextlib.suppress(TimeoutError, ConnectionError):
                async with asyncio.timeout(0.01):
                    ended += await reader.read() == b""
        assert ended >= 2 * intake.MAX_CONNECTIONS
        for _, writer in silent:
            writer.close()


async def test_a_request_that_drips_is_cut_off(taker: Taker) -> None:
    app = AppServiceHttp(TOKEN, taker, bool).app()
    async with listening(app, "127.0.0.1", 0, head_timeout_s=0.1) as (host, port):
        _, writer = await asyncio.open_connection(host, port)
        with pytest.raises(ConnectionError):
            for letter in b"GET /" + 200 * b"x":
                writer.write(bytes([letter]))
                await writer.drain()
                await asyncio.sleep(0.01)


async def test_a_port_in_use_is_said_in_words(taker: Taker) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(GatewayError) as told:
        async with listening(AppServiceHttp(TOKEN, taker, bool).app(), "127.0.0.1", taken.getsockname()[1]):
            pass
    assert "cannot listen on 127.0.0.1" in told.value.text and "[appservice]" in told.value.next_step


async def test_nothing_of_a_request_is_logged(taker: Taker, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with listening(AppServiceHttp(TOKEN, taker, bool).app(), "127.0.0.1", 0) as (host, port):
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(b"\x16\x03\x01 not http " + TOKEN.encode() + b"\r\n\r\n")
        await reader.read()
        writer.close()
        assert not [record for record in caplog.records if record.levelno >= logging.WARNING]  # strangers fill no log
        async with httpx.AsyncClient(trust_env=False) as client:
            body = json.dumps({"events": []})
            await client.put(f"http://{host}:{port}{V1}/transactions/1?access_token={TOKEN}", content=body)
    assert TOKEN not in "".join(record.getMessage() for record in caplog.records if record.name.startswith("uvicorn"))


def test_a_gateway_without_it_does_not_load_an_http_server() -> None:
    code = "import comatrix.gateway.app, sys; print([m for m in sys.modules if m in ('uvicorn', 'starlette')])"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
