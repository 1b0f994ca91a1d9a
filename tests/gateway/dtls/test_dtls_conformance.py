"""What every DTLS engine does (comatrix/gateway/edges/dtls/engine.py). A new engine is one more line in ENGINES."""

import time
from collections.abc import Callable

import pytest
from OpenSSL import SSL

from comatrix.gateway.edges.dtls.engine import (
    CLOSED,
    FAILED,
    HANDSHAKE,
    OPEN,
    OVER,
    UNKNOWN_IDENTITY,
    WRONG_KEY,
    Engine,
    KeyOf,
)
from comatrix.gateway.edges.dtls.openssl import OpenSslEngine
from tests.support.dtls_client import CCM8, GCM, MemoryClient
from tests.support.dtls_engines import Pair

KEY = b"0123456789abcdef"
MakeEngine = Callable[[KeyOf, int], Engine]
ENGINES: dict[str, MakeEngine] = {"openssl": lambda key_of, mtu: OpenSslEngine(key_of, mtu=mtu)}

pytestmark = pytest.mark.parametrize("make", [pytest.param(make, id=name) for name, make in ENGINES.items()])


def keys(identity: bytes) -> bytes | None:
    return {b"garden": KEY, "späher".encode(): KEY}.get(identity)


def shaken(make: MakeEngine, suites: str = CCM8, identity: bytes = b"garden", key: bytes = KEY) -> Pair:
    return Pair(make(keys, 1232), MemoryClient(identity, key, suites)).run()


@pytest.mark.parametrize("suite", [CCM8, GCM])
def test_both_suites_are_spoken_with_extended_master_secret(make: MakeEngine, suite: str) -> None:
    pair = shaken(make, suite)
    assert (pair.association.state, pair.association.identity) == (OPEN, b"garden")
    assert pair.association.negotiated() == (suite, True, False)


@pytest.mark.parametrize("suites", ["PSK-AES128-CBC-SHA256", "PSK-AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-CCM8"])
def test_no_other_suite_is_spoken(make: MakeEngine, suites: str) -> None:
    pair = shaken(make, suites)
    assert (pair.server is None or pair.server.reason == FAILED) and not pair.client.open


def test_messages_pass_both_ways(make: MakeEngine) -> None:
    pair = shaken(make)
    pair.client.send(b"up")
    pair.client.send(b"up again")
    pair.association.send(b"down")
    pair.run()
    assert (pair.heard, pair.told) == ([b"up", b"up again"], [b"down"])


def test_several_records_in_one_datagram_are_all_read(make: MakeEngine) -> None:
    pair = shaken(make)
    pair.client.send(b"one")
    pair.client.send(b"two")
    both = b"".join(pair.client.take())
    assert pair.association.receive_datagram(both) == [b"one", b"two"]


def test_an_identity_is_bytes_of_utf_8(make: MakeEngine) -> None:
    assert shaken(make, identity="späher".encode()).association.identity == "späher".encode()


def test_an_identity_without_a_key_is_told_and_over(make: MakeEngine) -> None:
    server = shaken(make, identity=b"nobody").association
    assert (server.state, server.reason, server.identity) == (OVER, UNKNOWN_IDENTITY, b"nobody")


def test_a_wrong_key_is_told_and_does_not_open(make: MakeEngine) -> None:
    pair = shaken(make, key=b"x" * 16)
    assert (pair.association.state, pair.association.reason) == (HANDSHAKE, WRONG_KEY)
    assert not pair.client.open


def test_no_identity_hint_is_given(make: MakeEngine) -> None:
    """Without a hint RFC 4279 section 2 leaves ServerKeyExchange out: message type 12."""
    seen: list[int] = []

    def watch(datagram: bytes) -> list[bytes]:
        if datagram[0] == 22 and datagram[3:5] == b"\0\0":
            seen.append(datagram[13])
        return [datagram]

    Pair(make(keys, 1232), MemoryClient(b"garden", KEY), watch).run()
    assert 2 in seen or 3 in seen
    assert 12 not in seen


def test_a_replayed_record_is_read_once(make: MakeEngine) -> None:
    pair = shaken(make)
    pair.client.send(b"once")
    (datagram,) = pair.client.take()
    assert pair.association.receive_datagram(datagram) == [b"once"]
    assert pair.association.receive_datagram(datagram) == []
    assert pair.association.state == OPEN


def test_records_out_of_order_are_read(make: MakeEngine) -> None:
    pair = shaken(make)
    for text in (b"1", b"2", b"3"):
        pair.client.send(text)
    datagrams = pair.client.take()
    each = [
        datagrams[0][at : at + len(datagrams[0]) // 3] for at in range(0, len(datagrams[0]), len(datagrams[0]) // 3)
    ]
    assert [pair.association.receive_datagram(one) for one in reversed(each)] == [[b"3"], [b"2"], [b"1"]]


@pytest.mark.parametrize("at", [0, 3, 13, -1])
def test_a_record_with_a_flipped_bit_is_dropped_and_nothing_else_happens(make: MakeEngine, at: int) -> None:
    pair = shaken(make)
    pair.client.send(b"whole")
    (datagram,) = pair.client.take()
    broken = bytearray(datagram)
    broken[at] ^= 1
    assert pair.association.receive_datagram(bytes(broken)) == []
    assert pair.association.state == OPEN
    assert pair.association.receive_datagram(datagram) == [b"whole"]


@pytest.mark.parametrize("alert", [b"\x02\x28", b"\x02\x0a", b"\x01\x00"])
def test_an_alert_in_plaintext_changes_nothing_whenever_it_comes(make: MakeEngine, alert: bytes) -> None:
    forged = b"\x15\xfe\xfd\0\0\0\0\0\0\0\x09\0\x02" + alert

    client = MemoryClient(b"garden", KEY)
    pair = Pair(make(keys, 1232), client)

    def to_server_only(datagram: bytes) -> list[bytes]:
        if pair.server is not None:
            assert pair.server.receive_datagram(forged) == []
        return [datagram]

    pair.fate = to_server_only
    pair.run()
    assert pair.association.state == OPEN
    assert pair.association.receive_datagram(forged) == []
    client.send(b"still there")
    pair.run()
    assert pair.heard == [b"still there"]


def test_close_notify_ends_it_and_is_answered(make: MakeEngine) -> None:
    pair = shaken(make)
    pair.client.goodbye()
    pair.run()
    assert (pair.association.state, pair.association.reason) == (OVER, CLOSED)
    assert isinstance(pair.client.error, SSL.ZeroReturnError)


def test_closing_tells_the_peer_and_is_the_end(make: MakeEngine) -> None:
    pair = shaken(make)
    pair.association.close()
    pair.association.close()
    pair.association.send(b"too late")
    pair.run()
    assert pair.association.receive_datagram(b"\x17\xfe\xfd\0\x01" + bytes(8)) == []
    assert isinstance(pair.client.error, SSL.ZeroReturnError)
    assert pair.told == []


def test_flights_stay_within_the_mtu(make: MakeEngine) -> None:
    pair = Pair(make(keys, 256), MemoryClient(b"garden", KEY, mtu=256)).run()
    assert pair.association.state == OPEN
    assert 0 < pair.largest <= 256


def test_a_message_longer_than_a_record_may_be_is_not_sent_and_harms_nothing(make: MakeEngine) -> None:
    pair = shaken(make)
    pair.association.send(bytes(20_000))
    pair.association.send(b"short")
    pair.run()
    assert pair.told == [b"short"]


def test_a_session_is_resumed_by_its_id(make: MakeEngine) -> None:
    first = shaken(make)
    first.client.goodbye()
    first.run()
    again = Pair(first.engine, MemoryClient(b"garden", KEY, session=first.client)).run()
    assert again.association.negotiated() == (CCM8, True, True)
    assert again.association.identity == b"garden"
    assert again.client.resumed


def test_a_session_whose_association_the_gateway_ended_is_resumed(make: MakeEngine) -> None:
    first = shaken(make)
    first.association.close()
    again = Pair(first.engine, MemoryClient(b"garden", KEY, session=first.client)).run()
    assert again.association.negotiated().resumed


def test_a_session_whose_key_is_another_now_is_not_resumed_but_shaken_in_full(make: MakeEngine) -> None:
    known = {b"garden": KEY}
    engine = make(lambda identity: known.get(identity), 1232)
    first = Pair(engine, MemoryClient(b"garden", KEY)).run()
    first.client.goodbye()
    first.run()
    known[b"garden"] = b"a new key, 16 by"
    again = Pair(engine, MemoryClient(b"garden", KEY, session=first.client)).run()
    assert again.association.state == OVER
    renewed = Pair(engine, MemoryClient(b"garden", known[b"garden"], session=first.client)).run()
    assert renewed.association.state == OPEN
    assert not renewed.association.negotiated().resumed


def test_renegotiation_is_refused(make: MakeEngine) -> None:
    pair = shaken(make)
    pair.client.renegotiate()
    pair.run()
    assert not pair.client.open
    assert "no renegotiation" in str(pair.client.error)


def test_the_last_flight_is_repeated_to_a_client_that_lost_it(make: MakeEngine) -> None:
    pair = Pair(make(keys, 1232), MemoryClient(b"garden", KEY))
    pair.fate = lambda datagram: [] if pair.server is not None and pair.server.state == OPEN else [datagram]
    pair.run()
    assert pair.association.state == OPEN
    assert not pair.client.open
    pair.fate = lambda datagram: [datagram]
    client = pair.client
    until_s = time.monotonic() + 5
    while not client.open and time.monotonic() < until_s:
        client.timer()
        pair.run()
        time.sleep(0.02)
    assert client.open
