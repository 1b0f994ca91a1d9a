"""Whose name a call goes out under: the token's own user, or one that an application service speaks for."""

import httpx
import pytest

from comatrix.gateway.edges.matrix import MatrixClient
from comatrix.gateway.model import Voice
from tests.support.homeserver_faults import streamed

GHOST = Voice("@cx_node_7:hs", "CXGHOST")
MESSAGE = b'{"body":"x","msgtype":"m.notice"}'


class Answering(httpx.AsyncBaseTransport):
    """Answers every request alike, and keeps the requests' queries."""

    def __init__(self, status: int = 200, data: bytes = b'{"event_id":"$x"}') -> None:
        self._answer = status, data
        self.queries: list[dict[str, str]] = []
        self.paths: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.queries.append(dict(request.url.params))
        self.paths.append(request.url.path)
        return streamed(*self._answer)


def _client(transport: httpx.AsyncBaseTransport, *, service: bool = False) -> MatrixClient:
    return MatrixClient("https://hs.example", "secret", "@bot:hs", "GW", transport=transport, service=service)


@pytest.mark.parametrize("voice", [None, Voice("@bot:hs", "GW"), Voice("@bot:hs", "OTHER")])
async def test_a_bots_own_calls_name_nobody(voice: Voice | None) -> None:
    transport = Answering()
    await _client(transport).send_event("!r:hs", "m.room.message", "1.1.msg", MESSAGE, voice=voice)
    assert transport.queries == [{}]


async def test_another_users_calls_name_it_and_its_device() -> None:
    transport = Answering()
    client = _client(transport, service=True)
    await client.send_event("!r:hs", "m.room.message", "1.1.msg", MESSAGE, voice=GHOST)
    await client.join("!r:hs", ["hs"], voice=GHOST)
    await client.set_display_name("garden", voice=GHOST)
    await client.messages("!r:hs", from_token="t1", voice=GHOST)
    assert [query["user_id"] for query in transport.queries] == ["@cx_node_7:hs"] * 4
    assert [query["device_id"] for query in transport.queries] == ["CXGHOST"] * 4
    assert transport.queries[1]["via"] == "hs" and transport.queries[3]["from"] == "t1"
    assert transport.paths[2].endswith("/profile/@cx_node_7:hs/displayname")


async def test_a_user_without_a_device_is_named_alone() -> None:
    transport = Answering()
    await _client(transport, service=True).join("!r:hs", voice=Voice("@cx_node_7:hs", ""))
    assert transport.queries == [{"user_id": "@cx_node_7:hs"}]


async def test_the_own_user_of_a_service_has_its_device_only_where_that_is_named() -> None:
    transport = Answering()
    await _client(transport, service=True).send_event("!r:hs", "m.room.message", "1.1.msg", MESSAGE)
    assert transport.queries == [{"user_id": "@bot:hs", "device_id": "GW"}]


async def test_relations_are_asked_for_by_event_and_type() -> None:
    transport = Answering()
    await _client(transport).relations("!r:hs", "$e", "m.replace", from_token="t1", limit=7)
    assert transport.paths == ["/_matrix/client/v1/rooms/!r:hs/relations/$e/m.replace"]
    assert transport.queries == [{"dir": "b", "limit": "7", "from": "t1"}]


@pytest.mark.parametrize(
    ("status", "data", "name"),
    [
        (200, b'{"server":{"name":"Synapse","version":"1.163.0"}}', "Synapse"),
        (200, b'{"server":{"name":""}}', None),
        (200, b'{"server":[]}', None),
        (404, b'{"errcode":"M_UNRECOGNIZED","error":"?"}', None),
        (502, b"<html>", None),
    ],
)
async def test_the_homeserver_is_known_by_its_own_name(status: int, data: bytes, name: str | None) -> None:
    transport = Answering(status, data)
    assert await _client(transport).server_name() == name
    assert transport.paths == ["/_matrix/federation/v1/version"] and transport.queries == [{}]
