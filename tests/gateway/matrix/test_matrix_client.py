"""What no homeserver does on demand: proxies, outages, floods, hostile answers."""

import asyncio
import gc
import json
import logging
import subprocess
import sys
import weakref

import httpx
import pytest

from comatrix.gateway.edges.matrix import MatrixClient
from comatrix.gateway.edges.matrix.answer import read_answer_untrusted
from comatrix.gateway.errors import UsageError
from comatrix.gateway.model import HomeserverAnswer
from tests.support.homeserver import Homeserver
from tests.support.homeserver_faults import answered, streamed
from tests.support.people import Place

SECRET = "syt_secret_token"
MESSAGE = b'{"body":"x","msgtype":"m.notice"}'


class Answering(httpx.AsyncBaseTransport):
    """Answers every request with the same response, and keeps the requests."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self.requests: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        self.requests.append(request)
        return self._response


def _client(transport: httpx.AsyncBaseTransport, **options: float) -> MatrixClient:
    return MatrixClient("https://hs.example", SECRET, "@bot:hs", "GW", transport=transport, **options)  # type: ignore[arg-type]


async def _send(client: MatrixClient) -> HomeserverAnswer:
    return await client.send_event("!r:hs", "m.room.message", "1.1.msg", MESSAGE)


@pytest.mark.parametrize(
    ("status", "data"),
    [
        (502, b"<html>Bad gateway</html>"),
        (403, b"<html>Forbidden</html>"),
        (403, b'"M_FORBIDDEN"'),
        (403, b'{"error": "no errcode"}'),
        (403, b'{"errcode": 7}'),
        (200, b"<html>captive portal</html>"),
        (200, b"[]"),
        (200, b"\xff\xfe{}"),
        (200, b"[" * 100_000),
        (301, b""),
    ],
)
def test_a_proxy_is_no_homeserver(status: int, data: bytes) -> None:
    answer = read_answer_untrusted(status, {}, data)
    assert (answer.status, answer.body, answer.errcode, answer.ok) == (status, None, None, False)
    assert answer.error


def test_a_refusal_is_read_with_its_wait_and_soft_logout() -> None:
    data = b'{"errcode":"M_LIMIT_EXCEEDED","error":"slow\\ndown","retry_after_ms":1500,"soft_logout":true}'
    answer = read_answer_untrusted(429, {"retry-after": "9"}, data)
    assert (answer.errcode, answer.error, answer.retry_after_ms) == ("M_LIMIT_EXCEEDED", "slow down", 1500)
    assert answer.soft_logout


@pytest.mark.parametrize(
    ("header", "expected_ms"),
    [
        ("2", 2000),
        ("0", 0),
        ("999999999", 86_400_000),
        ("-1", None),
        ("Wed, 21 Oct", None),
        ("²", None),
        ("9" * 99, None),
    ],
)
def test_the_retry_after_header_is_read_in_seconds(header: str, expected_ms: int | None) -> None:
    answer = read_answer_untrusted(503, {"retry-after": header}, b"<html>")
    assert answer.retry_after_ms == expected_ms


@pytest.mark.parametrize("value", ["true", '"5"', "-5", "1e99", "null", "[]"])
def test_a_nonsense_wait_is_none(value: str) -> None:
    data = f'{{"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":{value}}}'.encode()
    assert read_answer_untrusted(429, {}, data).retry_after_ms is None


@pytest.mark.parametrize("kind", ["refuse", "drop"])
async def test_a_lost_connection_is_no_answer(memory: Place, homeserver: Homeserver, kind: str) -> None:
    client = await memory.client()
    room_id = (await client.create_room("garden")).body["room_id"]  # type: ignore[index]
    homeserver.fail(kind)
    answer = await client.send_event(room_id, "m.room.message", "1.1.msg", MESSAGE)
    assert (answer.status, answer.body) == (None, None)
    assert len(homeserver.messages_in(room_id)) == (1 if kind == "drop" else 0)
    assert (await client.send_event(room_id, "m.room.message", "1.1.msg", MESSAGE)).ok
    assert len(homeserver.messages_in(room_id)) == 1


async def test_faults_of_every_kind_reach_the_client_as_what_they_are(memory: Place, homeserver: Homeserver) -> None:
    client = await memory.client()
    expected = {
        "html": (502, None, None),
        "limit": (429, "M_LIMIT_EXCEEDED", 2000),
        "header_limit": (429, "M_LIMIT_EXCEEDED", 2000),
        "error": (502, "M_UNKNOWN", None),
    }
    for kind, figures in expected.items():
        homeserver.fail(kind)
        answer = await _send(client)
        assert (answer.status, answer.errcode, answer.retry_after_ms) == figures


async def test_a_homeserver_that_is_down_is_named_in_words(memory: Place, homeserver: Homeserver) -> None:
    homeserver.down = True
    answer = await memory.anonymous().versions()
    assert answer.status is None
    assert answer.error == "cannot connect to http://localhost: Connection refused"


async def test_the_first_success_after_an_outage_is_told_once(memory: Place, homeserver: Homeserver) -> None:
    client = await memory.client()
    told: list[str] = []
    client.on_reached(lambda: told.append("reached"))
    await client.whoami()
    for fault in ("html", "refuse"):
        homeserver.fail(fault, path="/whoami")
        await client.whoami()
    homeserver.fail("limit", path="/whoami")
    await client.whoami()
    assert told == []
    for _ in range(3):
        await client.whoami()
    assert told == ["reached"]


async def test_a_silent_homeserver_is_given_up_in_time(memory: Place, homeserver: Homeserver) -> None:
    homeserver.latency_s = 5.0
    answer = await memory.anonymous(timeout_s=0.05).versions()
    assert answer.status is None
    assert answer.error == "no answer from http://localhost within 0.05 s"


async def test_a_flood_is_cut_off() -> None:
    class Flood(httpx.AsyncByteStream):
        sent = 0

        async def __aiter__(self):  # type: ignore[no-untyped-def]
            while True:
                self.sent += 1
                yield b"x" * 1000

    flood = Flood()
    answer = await _client(Answering(httpx.Response(200, stream=flood)), max_response_bytes=10_000).versions()
    assert answer.status is None and flood.sent <= 11


async def test_a_compressed_answer_is_not_unpacked() -> None:
    transport = Answering(streamed(200, b"\x1f\x8b\x08bomb", {"Content-Encoding": "gzip"}))
    answer = await _client(transport).versions()
    assert (answer.status, answer.body) == (200, None)
    assert transport.requests[0].headers["accept-encoding"] == "identity"


async def test_the_bytes_of_an_event_go_out_verbatim() -> None:
    transport = Answering(answered(200, {"event_id": "$x"}))
    content = '{"z":1,  "body":"°\\u0041"}'.encode()
    await _client(transport).send_event("!r:hs", "m.room.message", "1.1.msg", content)
    assert transport.requests[0].content == content


@pytest.mark.parametrize(
    ("part", "quoted"),
    [
        ("!a/b:hs", "%21a%2Fb%3Ahs"),
        ("#ü ?&", "%23%C3%BC%20%3F%26"),
        ("..", "%2E%2E"),
        ("%2F", "%252F"),
        ("\ud800", "%3F"),
    ],
)
async def test_no_name_leaves_its_place_in_the_path(part: str, quoted: str) -> None:
    transport = Answering(answered(200, {}))
    await _client(transport).state_event(part, "m.room.create")
    path = transport.requests[0].url.raw_path.decode()
    assert path == f"/_matrix/client/v3/rooms/{quoted}/state/m.room.create"


async def test_a_base_url_may_have_a_path() -> None:
    transport = Answering(answered(200, {}))
    client = MatrixClient("https://hs.example/matrix/", transport=transport)
    await client.versions()
    assert str(transport.requests[0].url) == "https://hs.example/matrix/_matrix/client/versions"


@pytest.mark.parametrize(
    "url",
    ["", "hs.example", "ftp://hs", "https://", "https://u:p@hs", "https://hs?x=1", "https://hs:99999", "https://a\nb"],
)
def test_what_is_no_address_is_said_at_once(url: str) -> None:
    with pytest.raises(UsageError, match="is not a homeserver's address"):
        MatrixClient(url)


@pytest.mark.parametrize("token", ["a b", "a\r\nX: y", "tökén"])
def test_a_token_that_cannot_be_one_is_said_without_showing_it(token: str) -> None:
    with pytest.raises(UsageError) as caught:
        MatrixClient("https://hs.example", token)
    assert token not in str(caught.value)


async def test_the_token_is_in_the_header_and_nowhere_else(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    transport = Answering(answered(401, {"errcode": "M_UNKNOWN_TOKEN", "error": "?"}))
    client = _client(transport)
    answer = await _send(client)
    assert transport.requests[0].headers["authorization"] == f"Bearer {SECRET}"
    assert SECRET not in str(transport.requests[0].url)
    assert SECRET not in repr(client) + repr(answer) + caplog.text
    assert "httpx" not in {record.name for record in caplog.records}


async def test_a_room_whose_encryption_the_server_does_not_tell_is_not_plain() -> None:
    for status, errcode in (
        (404, "M_UNRECOGNIZED"),
        (403, "M_NOT_FOUND"),
        (500, "M_UNKNOWN"),
        (429, "M_LIMIT_EXCEEDED"),
    ):
        client = _client(Answering(answered(status, {"errcode": errcode})))
        assert await client.is_encrypted("!r:hs") is None
    html = _client(Answering(streamed(404, b"<html>")))
    assert await html.is_encrypted("!r:hs") is None


@pytest.mark.parametrize("capabilities", [{}, {"capabilities": []}, {"capabilities": {"m.room_versions": 7}}])
async def test_a_server_without_a_default_room_version_gets_one(capabilities: dict[str, object]) -> None:
    transport = Answering(answered(200, capabilities))
    await _client(transport).create_room("garden", invite=["@me:hs"])
    body = json.loads(transport.requests[1].content)
    assert body["room_version"] == "10"
    assert body["power_level_content_override"]["users"] == {"@bot:hs": 100, "@me:hs": 100}


async def test_a_lone_surrogate_in_a_name_does_not_stop_the_call() -> None:
    transport = Answering(answered(200, {}))
    assert (await _client(transport).set_display_name("a\udcffb")).ok


async def test_a_cancelled_call_stays_cancelled(memory: Place, homeserver: Homeserver) -> None:
    homeserver.latency_s = 5.0
    task = asyncio.create_task(memory.anonymous().versions())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_httpx_is_imported_with_the_first_request_only() -> None:
    code = "import sys, comatrix.gateway.edges.matrix as m; m.MatrixClient('http://x'); print('httpx' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"


class Fleeting(httpx.AsyncBaseTransport):
    """Answers, and keeps nothing but a way to see whether others do."""

    def __init__(self) -> None:
        self.alive: list[weakref.ref[object]] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = answered(200, {"event_id": "$event"})
        self.alive += weakref.ref(request), weakref.ref(response)
        return response


async def test_an_answered_request_leaves_nothing_to_the_garbage_collector() -> None:
    transport = Fleeting()
    client = _client(transport)
    gc.disable()
    try:
        assert (await _send(client)).ok
        assert [one() for one in transport.alive] == [None, None]
    finally:
        gc.enable()
