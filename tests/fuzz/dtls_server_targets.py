"""Targets of the DTLS server: the reader of ClientHellos, and its socket's peers beside an association that lives."""

from comatrix.gateway.edges.dtls.cookies import Cookies
from comatrix.gateway.edges.dtls.hello import read_hello_untrusted, verify_request
from tests.gateway.dtls.test_sessions import HERE, World

ELSEWHERE = "192.0.2.66", 1


def hello(data: bytes) -> None:
    """read_hello_untrusted: what it takes can be answered with less, and its cookie is not ours."""
    read = read_hello_untrusted(data)
    cookies = Cookies(bytes, 0)
    asked = verify_request(read, cookies.make(b"there", read, 0))
    assert len(asked) < len(data)
    assert len(read.random) == 32
    assert read.cookie in data
    assert len(read.parameters) + len(read.cookie) + 1 == int.from_bytes(data[14:17], "big")


def peers(data: bytes) -> None:
    """Whatever comes from anywhere, the live association goes on, and nobody gets more than he sent."""
    world = _living()
    client = world.clients[HERE]
    sessions = world.sessions
    for where in (HERE, ELSEWHERE):
        sessions.receive_datagram(data, where, world.now)
        assert sum(len(answer) for answer, _ in sessions.datagrams_to_send()) <= len(data)
    assert sessions.unfinished == 0
    assert world.above.over == []
    assert world.says(client, b"still here")
    world.above.received.clear()


_WORLDS: list[World] = []


def _living() -> World:
    """One for all inputs: what one of them leaves behind may harm a later one."""
    if not _WORLDS:
        _WORLDS.append(World())
        _WORLDS[0].joined()
    return _WORLDS[0]
