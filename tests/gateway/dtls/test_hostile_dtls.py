"""Hostile datagrams at a DTLS socket, and what is read of a ClientHello before there is any state."""

import json
from pathlib import Path
from typing import Any

import pytest

from comatrix.gateway.edges.dtls.hello import HelloError, packed, read_hello_untrusted, records, verify_request
from tests.gateway.dtls.test_sessions import HERE, KEY, World
from tests.support.dtls_client import MemoryClient

HOSTILE = [
    row
    for row in json.loads((Path(__file__).parents[2] / "vectors" / "hostile_inputs.json").read_text())
    if row["layer"] == "dtls"
]
STRANGER = ("198.51.100.1", 1)


def first_hello() -> bytes:
    client = MemoryClient(b"garden", KEY)
    client.step()
    return client.take()[0]


@pytest.mark.parametrize("row", HOSTILE, ids=lambda row: row["id"])
@pytest.mark.parametrize("where", [STRANGER, HERE], ids=["a stranger's", "a live association's"])
def test_a_hostile_datagram_gets_what_is_stated_and_harms_nobody(row: dict[str, Any], where: tuple[str, int]) -> None:
    world = World()
    client = world.joined()
    data = bytes.fromhex(row["hex"])
    world.sessions.receive_datagram(data, where, world.now)
    answers = [answer for answer, _ in world.sessions.datagrams_to_send()]
    if "HelloVerifyRequest" in row["expected"]:
        (answer,) = answers
        assert (answer[0], answer[13]) == (22, 3)
        assert len(answer) <= len(data)
    else:
        assert answers == []
    assert world.sessions.unfinished == 0
    assert world.above.away == []
    assert world.says(client, b"still here")


def test_a_hello_is_read_and_the_request_has_its_record_number() -> None:
    hello = first_hello()
    read = read_hello_untrusted(hello)
    assert read.random == hello[27:59]
    assert read.cookie == b""
    asked = verify_request(read._replace(sequence=bytes(5) + b"\x07"), b"a cookie")
    assert asked.hex() == "16feff000000000000000700170300000b000000000000000bfeff08" + b"a cookie".hex()


def test_every_cut_of_a_hello_is_refused() -> None:
    hello = first_hello()
    for end in range(len(hello)):
        with pytest.raises(HelloError):
            read_hello_untrusted(hello[:end])


@pytest.mark.parametrize(
    ("at", "value", "what"),
    [
        (0, 21, "an alert"),
        (1, 3, "TLS"),
        (2, 0xFC, "DTLS 1.3 records"),
        (4, 1, "epoch 1"),
        (13, 2, "a ServerHello"),
        (16, 0xFF, "longer than its record"),
        (21, 1, "a fragment that begins later"),
        (24, 1, "a first fragment"),
        (26, 0xFF, "DTLS 1.0 alone"),
        (59, 33, "a session id of 33 bytes"),
        (60, 0xFF, "a cookie that ends nowhere"),
        (62, 1, "half a cipher suite"),
    ],
)
def test_a_hello_with_one_wrong_byte_is_refused(at: int, value: int, what: str) -> None:
    hello = bytearray(first_hello())
    assert hello[at] != value
    hello[at] = value
    with pytest.raises(HelloError):
        read_hello_untrusted(bytes(hello))


def test_a_hello_without_extensions_is_read() -> None:
    """As old and small clients send it."""
    body = b"\xfe\xfd" + bytes(32) + b"\0\0" + b"\0\x02\xc0\xa8" + b"\x01\0"
    message = b"\x01" + len(body).to_bytes(3, "big") + bytes(5) + len(body).to_bytes(3, "big") + body
    assert read_hello_untrusted(b"\x16\xfe\xff" + bytes(8) + len(message).to_bytes(2, "big") + message).cookie == b""


def test_records_are_cut_and_packed_to_datagrams() -> None:
    one = b"\x16\xfe\xfd" + bytes(8) + b"\0\x05hello"
    assert records(one + one + b"\x16\xfe") == [one, one]
    assert records(one[:-1]) == []
    assert packed(one * 5, 2 * len(one) + 1) == [one * 2, one * 2, one]
    assert packed(one, 3) == [one], "a record is not cut"


def test_the_cookie_is_bound_to_everything_else_in_the_hello() -> None:
    world = World()
    client = world.client()
    world.sessions.receive_datagram(client.take()[0], HERE, world.now)
    ((asked, _),) = world.sessions.datagrams_to_send()
    client.give(asked)
    second = bytearray(client.take()[0])
    second[30] ^= 1  # its random
    world.sessions.receive_datagram(bytes(second), HERE, world.now)
    assert world.sessions.unfinished == 0
