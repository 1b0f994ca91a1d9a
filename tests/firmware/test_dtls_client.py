"""What our DTLS client takes and what it does not, against a server that does as it is told."""

import pytest
from comatrix_node.dtls import FINISHING, HELLO, OPEN, OVER, Opened, Over
from comatrix_node.dtls_record import LAST, Records

from tests.support.dtls_bench import IDENTITY, PSK, DtlsBench
from tests.support.dtls_scripted import EXTENDED, RENEGOTIATION, ScriptedServer


@pytest.fixture
def server() -> ScriptedServer:
    return ScriptedServer(PSK)


@pytest.fixture
def bench(server: ScriptedServer) -> DtlsBench:
    return DtlsBench(server)


@pytest.fixture
def opened(bench: DtlsBench) -> DtlsBench:
    assert bench.connect()
    return bench


def feed(bench: DtlsBench, *records: bytes) -> None:
    """The client gets each as a datagram, now."""
    for record in records:
        bench.client.receive_datagram(record, bench.now)
    bench.run(5)


# The handshake


def test_the_gateway_hears_the_identity_and_the_words(opened: DtlsBench, server: ScriptedServer) -> None:
    opened.say(b"hello")
    opened.run(5)
    assert (server.identity, server.received) == (IDENTITY, [b"hello"])


@pytest.mark.parametrize("hint", [b"", b"the garden's gateway", bytes(128)])
def test_a_hint_is_taken_and_not_followed(bench: DtlsBench, server: ScriptedServer, hint: bytes) -> None:
    server.hint = hint
    assert bench.connect()
    assert server.identity == IDENTITY


@pytest.mark.parametrize("extensions", [EXTENDED, RENEGOTIATION + EXTENDED, EXTENDED + RENEGOTIATION])
def test_what_we_offered_may_be_answered_in_any_order(
    bench: DtlsBench, server: ScriptedServer, extensions: bytes
) -> None:
    server.extensions = extensions
    server.session_id = bytes(32)
    assert bench.connect()


@pytest.mark.parametrize(
    "extensions",
    [
        None,
        b"",
        RENEGOTIATION,
        EXTENDED + b"\0\x23\0\0",  # a ticket
        EXTENDED + b"\0\1\0\1\1",  # a shorter fragment length
        EXTENDED + EXTENDED,
        EXTENDED + b"\xff\1\0\2\1\1",  # a renegotiation
        b"\0\x17\0\1\0",
        EXTENDED + b"\xff\1",
    ],
)
def test_a_hello_with_what_we_did_not_offer_or_without_the_extended_secret_is_refused(
    bench: DtlsBench, server: ScriptedServer, extensions: bytes | None
) -> None:
    server.extensions = extensions
    assert not bench.connect()
    assert (bench.told(Opened), bench.told(Over), len(server.identity)) == (0, 1, 0)


@pytest.mark.parametrize("field, value", [("suite", b"\0\xa8"), ("version", b"\xfe\xff"), ("session_id", bytes(33))])
def test_another_suite_or_version_is_refused(
    bench: DtlsBench, server: ScriptedServer, field: str, value: bytes
) -> None:
    setattr(server, field, value)
    assert not bench.connect()
    assert server.identity == b""


def test_a_cookie_that_grew_old_meanwhile_is_replaced(bench: DtlsBench, server: ScriptedServer) -> None:
    server.cookies = [b"old", b"new"]
    assert bench.connect()


def test_forged_cookies_do_not_make_it_chatter(bench: DtlsBench, server: ScriptedServer) -> None:
    client = bench.client
    client.connect(0)
    sent = 0
    for i in range(100):
        client.receive_datagram(server.record(22, server.message(3, 0, b"\xfe\xfd\1" + bytes([i]))), 0)
        sent += len(client.datagrams_to_send(0))
    assert sent == 5


def test_a_copy_of_a_cookie_is_no_other_cookie(bench: DtlsBench, server: ScriptedServer) -> None:
    client = bench.client
    client.connect(0)
    for _ in range(3):
        client.receive_datagram(server.record(22, server.message(3, 0, b"\xfe\xfd\1\7")), 0)
    assert len(client.datagrams_to_send(0)) == 2


def test_copies_of_their_flight_do_not_make_it_chatter(bench: DtlsBench, server: ScriptedServer) -> None:
    server.finished_pieces = []
    bench.client.connect(0)
    bench.run(10)
    assert bench.client.state == FINISHING
    for now in (10, 11, 12, 600, 601, 602):
        bench.client.receive_datagram(server.record(22, server.message(14, 2, b"")), now)
    assert len(bench.client.datagrams_to_send(602)) == 1


def test_a_finished_in_pieces_out_of_order_and_twice_is_put_together(bench: DtlsBench, server: ScriptedServer) -> None:
    server.finished_pieces = [(7, 5), (0, 2), (7, 5), (1, 4), (3, 4)]
    assert bench.connect()


def test_a_finished_with_a_hole_in_it_is_none(bench: DtlsBench, server: ScriptedServer) -> None:
    server.finished_pieces = [(7, 5), (0, 6)]
    assert not bench.connect()


@pytest.mark.parametrize("spoiled", [True, False])
def test_a_wrong_finished_ends_it_and_is_told(bench: DtlsBench, server: ScriptedServer, spoiled: bool) -> None:
    server.spoil_finished = spoiled
    assert bench.connect() is not spoiled
    bench.run(5)
    assert server.alerts == ([b"\2\x33"] if spoiled else [])
    assert bench.told(Opened) == (not spoiled)


def test_nothing_is_handed_up_before_the_finished(bench: DtlsBench, server: ScriptedServer) -> None:
    server.finished_pieces = []
    bench.client.connect(0)
    bench.run(100)
    assert bench.client.state == FINISHING
    feed(bench, server.record(23, b"too early", 1))
    assert bench.received == []
    assert not bench.client.send(b"me too")


def test_a_finished_in_the_clear_is_none(bench: DtlsBench, server: ScriptedServer) -> None:
    server.finished_pieces = []
    bench.client.connect(0)
    bench.run(100)
    feed(bench, server.record(22, server.message(20, 3, bench.client.proof)))
    assert bench.client.state == FINISHING


def test_a_forged_hello_spoils_one_handshake_and_not_the_next(bench: DtlsBench) -> None:
    forger = ScriptedServer(bytes(16))
    forger.cookies = []
    bench.client.connect(0)
    feed(bench, *forger.receive(bench.client.datagrams_to_send(0)[0]))
    bench.run(70_000)
    assert (bench.told(Opened), bench.told(Over)) == (0, 1)
    bench.server = ScriptedServer(PSK)
    assert bench.connect_at_last(1)


def test_a_broken_hello_makes_way_for_the_right_one(bench: DtlsBench, server: ScriptedServer) -> None:
    bench.client.connect(0)
    bench.run(1)
    for type, body in ((2, bytes(40)), (2, b""), (14, b""), (12, b"\0\0"), (1, bytes(40)), (2, bytes(250))):
        bench.client.receive_datagram(server.record(22, server.message(type, 0, body)), bench.now)
        bench.client.receive_datagram(server.record(22, server.message(type, 1, body)), bench.now)
    assert bench.client.state == HELLO
    assert bench.run(70_000, lambda: bench.client.state == OPEN)


def test_a_long_or_far_message_takes_no_memory(bench: DtlsBench, server: ScriptedServer) -> None:
    client = bench.client
    client.connect(0)
    for number in range(300):
        client.receive_datagram(server.record(22, server.message(2, number, bytes(200), 0, 100)), 0)
        client.receive_datagram(server.record(22, server.message(2, number, bytes(300), 0, 100)), 0)
    assert sorted(client.partial) == [0, 1, 2, 3]
    assert [len(one.body) for one in client.partial.values()] == [200] * 4


# Alerts


@pytest.mark.parametrize("alert", [b"\1\0", b"\2\x28", b"\2\x73"])
def test_an_alert_in_the_clear_ends_nothing(bench: DtlsBench, server: ScriptedServer, alert: bytes) -> None:
    bench.client.connect(0)
    feed(bench, server.record(21, alert))
    assert bench.run(5000, lambda: bench.client.state == OPEN)
    feed(bench, server.record(21, alert))
    assert bench.client.state == OPEN
    assert bench.told(Over) == 0


def test_what_an_alert_in_the_clear_said_is_told_as_a_hint(bench: DtlsBench, server: ScriptedServer) -> None:
    server.extensions = None
    bench.client.connect(0)
    feed(bench, server.record(21, b"\2\x73"))
    bench.run(70_000)
    assert [event.alert for event in bench.events] == [0x73]


def test_a_sealed_fatal_alert_ends_it_and_a_warning_does_not(opened: DtlsBench, server: ScriptedServer) -> None:
    feed(opened, server.record(21, b"\1\x64", 1))
    assert opened.client.state == OPEN
    feed(opened, server.record(21, b"\2\x14", 1))
    assert (opened.client.state, opened.told(Over)) == (OVER, 1)
    feed(opened, server.record(23, b"late", 1))
    assert opened.received == []


def test_a_close_is_answered_with_a_close(opened: DtlsBench, server: ScriptedServer) -> None:
    feed(opened, server.record(21, b"\1\0", 1))
    assert (opened.client.state, server.alerts) == (OVER, [b"\1\0"])


# Records


def test_a_record_is_taken_once_whatever_its_order_within_64(opened: DtlsBench, server: ScriptedServer) -> None:
    records = {number: server.record(23, b"%d" % number, 1, number) for number in range(1, 200)}
    feed(opened, *(records[number] for number in (5, 3, 5, 100, 37, 36, 100, 99, 199, 135, 136, 199)))
    assert opened.received == [b"5", b"3", b"100", b"37", b"99", b"199", b"136"]


def test_a_jump_of_numbers_is_cheap(opened: DtlsBench, server: ScriptedServer) -> None:
    feed(opened, server.record(23, b"far", 1, (1 << 48) - 1), server.record(23, b"near", 1, 5))
    assert opened.received == [b"far"]
    assert opened.client.records.mask == 1


def test_records_of_other_epochs_versions_or_lengths_are_none(opened: DtlsBench, server: ScriptedServer) -> None:
    good = server.record(23, b"good", 1)
    for place, value in ((4, 0), (4, 2), (3, 1), (1, 3), (2, 0xFF), (12, 3), (12, 200), (0, 22), (0, 99)):
        feed(opened, good[:place] + bytes([value]) + good[place + 1 :])
    feed(opened, server.record(23, b"plain", 0), b"", good[:12], good[:20], server.record(22, bytes(12), 1))
    assert opened.received == []
    feed(opened, good)
    assert opened.received == [b"good"]


def test_every_flipped_bit_of_a_record_makes_it_none(opened: DtlsBench, server: ScriptedServer) -> None:
    good = server.record(23, b"good", 1)
    for bit in range(8 * len(good)):
        spoiled = bytearray(good)
        spoiled[bit // 8] ^= 1 << bit % 8
        opened.client.receive_datagram(bytes(spoiled), opened.now)
    opened.run(5)
    assert (opened.received, opened.client.state) == ([], OPEN)


def test_a_new_hello_of_the_gateway_is_not_heard(opened: DtlsBench, server: ScriptedServer) -> None:
    """HelloRequest: nothing is negotiated anew."""
    before = len(opened.up)
    feed(opened, server.record(22, server.message(0, 0, b""), 1))
    assert len(opened.up) == before
    assert opened.client.state == OPEN


def test_handshake_messages_in_the_clear_change_no_association(opened: DtlsBench, server: ScriptedServer) -> None:
    client = opened.client
    writer = client.records.writer
    for type, body in ((14, b""), (2, bytes(38)), (3, b"\xfe\xfd\1\1"), (20, bytes(12)), (0, b"")):
        for number in range(8):
            feed(opened, server.record(22, server.message(type, number, body)))
    assert (client.state, client.records.writer, client.partial) == (OPEN, writer, {})


def test_numbers_end_long_before_48_bits_and_never_come_again(opened: DtlsBench, server: ScriptedServer) -> None:
    opened.client.records.next[1] = LAST
    opened.say(b"last")
    assert not opened.client.send(b"one more")
    opened.run(5)
    assert server.received == [b"last"]
    assert (opened.client.state, opened.told(Over)) == (OVER, 1)
    assert LAST < 1 << 40


def test_a_flight_sent_again_has_new_numbers(bench: DtlsBench, server: ScriptedServer) -> None:
    server.finished_pieces = []
    bench.client.connect(0)
    bench.run(20_000)
    numbers = []
    for datagram in bench.up:
        while datagram:
            numbers.append(datagram[3:11])
            datagram = datagram[13 + int.from_bytes(datagram[11:13], "big") :]
    assert len(numbers) > 10
    assert len(set(numbers)) == len(numbers)


def test_records_without_keys_open_nothing() -> None:
    assert list(Records().records_untrusted(b"\x17\xfe\xfd\0\1" + bytes(6) + b"\0\x20" + bytes(32))) == []


def test_after_the_handshake_nothing_of_it_is_kept(opened: DtlsBench) -> None:
    client = opened.client
    assert (client.psk, client.transcript, client.flight, client.partial) == (b"", b"", [], {})
    assert client.next_deadline() is None
