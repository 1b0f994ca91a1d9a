"""The client's end on OpenSSL, for a person's requests."""

import time

import pytest

from comatrix.gateway.edges.dtls.client import Client
from comatrix.gateway.edges.dtls.engine import OPEN, OVER
from tests.support.dtls_engines import opened

KEY = b"0123456789abcdef"
FATAL = b"\x15\xfe\xfd" + bytes(8) + b"\x00\x02\x02\x73"  # unknown_psk_identity, in plaintext


def test_messages_pass_both_ways_and_the_end_is_told() -> None:
    client, server = opened("späher".encode(), KEY)
    client.send(b"up")
    server.send(b"down")
    server.send(b"down again")
    assert server.receive_datagram(client.out.pop()) == [b"up"]
    assert client.receive_datagram(b"".join(server.out)) == [b"down", b"down again"]
    client.close()
    server.receive_datagram(client.out.pop())
    assert client.state == server.state == OVER


def test_an_alert_in_plaintext_ends_a_handshake_and_nothing_that_stands() -> None:
    fresh = Client(b"garden", KEY)
    fresh.begin()
    fresh.receive_datagram(FATAL)
    assert (fresh.state, fresh.alert) == (OVER, 115)
    client, server = opened(b"garden", KEY)
    client.receive_datagram(FATAL)
    assert (client.state, client.alert) == (OPEN, None)
    server.close()
    client.receive_datagram(server.out.pop())
    assert client.state == OVER


def test_a_key_longer_than_openssl_takes_ends_the_handshake_here() -> None:
    with pytest.raises(AssertionError):
        opened(b"garden", bytes(1000))


def test_a_flight_that_was_lost_is_sent_again() -> None:
    client = Client(b"garden", KEY)
    client.begin()
    (hello,) = client.out
    client.out = []
    due_ms = client.timeout_ms()
    assert due_ms is not None and 0 < due_ms <= 1001
    time.sleep(due_ms / 1000)
    client.handle_timer()
    (again,) = client.out
    assert again[11:] == hello[11:]
