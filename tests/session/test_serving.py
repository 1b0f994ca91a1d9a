"""The server's role in virtual time: acknowledgements, separate answers, duplicates and their caps."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comatrix.codec import coap, codes
from comatrix.codec.option_numbers import BLOCK1
from comatrix.session.duplicates import EXCHANGE_LIFETIME_MS, Duplicates
from comatrix.session.exchange import Parameters
from comatrix.session.serving import Incoming, ServingEndpoint

PEER = "peer"


class Script:
    """A serving endpoint; requests come from `get`, what it sends from `out`."""

    def __init__(self, **parameters: int) -> None:
        self.endpoint = ServingEndpoint(lambda n: 0, Parameters(**parameters))

    def get(
        self, mid: int = 1, now: int = 0, type: int = coap.CON, payload: bytes = b"", addr: str = PEER
    ) -> Incoming | None:
        request = coap.Message(type, coap.POST, mid, b"\x01", [(11, b"r")], payload)
        self.endpoint.receive_datagram(coap.encode(request), addr, now)
        event = self.endpoint.next_event()
        assert event is None or isinstance(event, Incoming)
        return event

    def asked(self, mid: int = 1, now: int = 0, type: int = coap.CON, payload: bytes = b"") -> Incoming:
        event = self.get(mid, now, type, payload)
        assert event is not None
        return event

    def out(self, now: int = 0) -> list[coap.Message]:
        return [coap.decode_untrusted(data) for data, _ in self.endpoint.datagrams_to_send(now)]

    def answer(self, incoming: Incoming, now: int = 0, reliable: bool = False) -> list[coap.Message]:
        self.endpoint.respond(incoming, coap.CHANGED, (), b"done", now, reliable)
        return self.out(now)


def test_an_answer_in_time_rides_on_the_ack() -> None:
    script = Script()
    (answer,) = script.answer(script.asked(mid=77))
    assert (answer.type, answer.mid, answer.token, answer.payload) == (coap.ACK, 77, b"\x01", b"done")
    assert script.endpoint.next_deadline() is None


def test_an_answer_that_takes_long_is_announced_by_an_empty_ack_and_follows_apart() -> None:
    script = Script(ack_delay_ms=1000)
    incoming = script.asked(mid=77)
    assert script.endpoint.next_deadline() == 1000
    script.endpoint.handle_timer(999)
    assert script.out() == []
    script.endpoint.handle_timer(1000)
    (ack,) = script.out()
    assert (ack.type, ack.code, ack.mid) == (coap.ACK, coap.EMPTY, 77)
    (answer,) = script.answer(incoming, 5000)
    assert (answer.type, answer.token, answer.payload) == (coap.NON, b"\x01", b"done")
    assert script.endpoint.next_deadline() is None


def test_a_separate_answer_may_be_confirmable_and_is_then_retransmitted_until_acknowledged() -> None:
    script = Script()
    incoming = script.asked()
    script.endpoint.handle_timer(1000)
    script.out()
    (answer,) = script.answer(incoming, 5000, reliable=True)
    assert answer.type == coap.CON
    script.endpoint.handle_timer(7000)
    assert [again.mid for again in script.out()] == [answer.mid]
    script.endpoint.receive_datagram(coap.encode(coap.Message(coap.ACK, coap.EMPTY, answer.mid)), PEER, 7100)
    assert script.endpoint.next_deadline() is None
    assert script.endpoint.next_event() is None


def test_a_non_confirmable_request_gets_a_non_confirmable_answer_and_no_ack() -> None:
    script = Script()
    incoming = script.asked(type=coap.NON)
    assert script.endpoint.next_deadline() is None
    script.endpoint.handle_timer(60000)
    assert script.out() == []
    (answer,) = script.answer(incoming)
    assert answer.type == coap.NON


def test_a_duplicate_gets_the_remembered_bytes_at_most_four_times() -> None:
    script = Script()
    script.endpoint.respond(script.asked(), coap.CHANGED, (), b"done", 0)
    first = script.endpoint.datagrams_to_send(0)
    for _ in range(4):
        assert script.get(now=1000) is None
        assert script.endpoint.datagrams_to_send(1000) == first
    assert script.get(now=1000) is None
    assert script.endpoint.datagrams_to_send(1000) == []


def test_a_duplicate_of_what_is_not_answered_yet_gets_nothing() -> None:
    script = Script()
    incoming = script.asked()
    assert script.get(now=10) is None
    assert script.out() == []
    assert len(script.answer(incoming)) == 1


def test_a_duplicate_of_what_was_only_acknowledged_gets_the_ack_again() -> None:
    script = Script()
    script.asked(mid=5)
    script.endpoint.handle_timer(1000)
    script.out()
    assert script.get(mid=5, now=1500) is None
    assert [(ack.type, ack.code) for ack in script.out()] == [(coap.ACK, coap.EMPTY)]


def test_other_bytes_under_a_known_message_id_are_a_new_message() -> None:
    script = Script()
    script.asked(payload=b"one")
    assert script.asked(payload=b"two").message.payload == b"two"
    assert script.get(payload=b"one") is None


def test_the_same_bytes_from_another_address_are_a_new_message() -> None:
    script = Script()
    script.asked()
    assert script.get(addr="other") is not None


def test_a_message_is_forgotten_after_its_lifetime() -> None:
    script = Script()
    script.answer(script.asked())
    script.endpoint.handle_timer(EXCHANGE_LIFETIME_MS - 1)
    assert script.get(now=EXCHANGE_LIFETIME_MS - 1) is None
    script.endpoint.handle_timer(EXCHANGE_LIFETIME_MS)
    assert script.get(now=EXCHANGE_LIFETIME_MS) is not None


def test_the_cap_of_a_peer_drops_its_oldest() -> None:
    script = Script(peer_duplicates=3)
    for mid in range(4):
        script.asked(mid=mid)
    assert script.get(mid=3) is None
    assert script.get(mid=1) is None
    assert script.get(mid=0) is not None


def remembered(cache: Duplicates) -> int:
    for sender in cache.peers.values():
        assert sender.known == {seen.data: seen for seen in sender.order}
    return sum(len(sender.order) for sender in cache.peers.values())


def test_the_caps_hold_while_strangers_fill_them() -> None:
    cache = Duplicates(per_peer=4, overall=64)
    for number in range(5000):
        cache.add(f"peer {number % 700}", b"data %d" % number, number)
        assert remembered(cache) <= 64
        assert len(cache.order) <= 64
        assert len(cache.peers) <= 64
        assert max(len(sender.order) for sender in cache.peers.values()) <= 4
    cache.expire(5000 + EXCHANGE_LIFETIME_MS)
    assert (remembered(cache), len(cache.order), len(cache.peers)) == (0, 0, 0)


def test_what_the_cap_of_a_peer_drops_is_not_held_for_the_overall_cap() -> None:
    cache = Duplicates(per_peer=4, overall=10_000)
    for number in range(5000):
        cache.add(f"peer {number % 50}", b"data %d" % number, number).answer = b"answer"
    assert len(cache.order) == remembered(cache) == 200


def test_a_dropped_request_behind_one_that_is_kept_holds_no_bytes() -> None:
    cache = Duplicates(per_peer=1, overall=10)
    cache.add("silent", b"kept", 0)
    dropped = cache.add("busy", b"data", 1)
    dropped.answer = b"answer"
    cache.add("busy", b"more", 2)
    assert not dropped.data and not dropped.answer
    assert len(cache.order) == 3


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5), st.integers(0, 90000)), max_size=80))
def test_the_cache_never_forgets_early_within_its_caps_nor_grows(steps: list[tuple[int, int, int]]) -> None:
    cache = Duplicates(per_peer=2, overall=5)
    now = 0
    for peer, mid, later in steps:
        now += later
        cache.expire(now)
        if cache.find(peer, b"%d" % mid) is None:
            cache.add(peer, b"%d" % mid, now)
        assert cache.find(peer, b"%d" % mid) is not None
        assert remembered(cache) <= 5
        assert all(0 < len(sender.order) <= 2 for sender in cache.peers.values())
        assert all(seen.expires > now for sender in cache.peers.values() for seen in sender.order)


def test_a_flood_of_requests_never_answered_stays_bounded() -> None:
    script = Script(peer_duplicates=4, all_duplicates=256)
    tracemalloc.start()
    try:
        for number in range(20000):
            script.get(mid=number & 0xFFFF, now=number // 100, addr=f"peer {number}")
            if number == 5000:
                settled, _ = tracemalloc.get_traced_memory()
        grown, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert grown < settled * 1.2
    assert len(script.endpoint.unanswered) <= 2048


@pytest.mark.parametrize("type", [coap.CON, coap.NON])
def test_acknowledgements_of_many_requests_come_each_in_its_time(type: int) -> None:
    script = Script(ack_delay_ms=1000)
    for mid in range(10):
        script.get(mid=mid, now=mid * 100, type=type)
    acknowledged = []
    while (deadline := script.endpoint.next_deadline()) is not None:
        script.endpoint.handle_timer(deadline)
        acknowledged += [(deadline, ack.mid) for ack in script.out(deadline)]
    expected = [(1000 + mid * 100, mid) for mid in range(10)] if type == coap.CON else []
    assert acknowledged == expected


@pytest.mark.parametrize("size", [1281, 1500, 2048])
def test_a_request_too_long_for_a_datagram_is_told_to_come_in_blocks(size: int) -> None:
    script = Script()
    request = coap.encode(coap.Message(coap.CON, coap.POST, 7, b"token", [(11, b"m")], bytes(size)))[:size]
    script.endpoint.receive_datagram(request, PEER, 0)
    (answer,) = script.out()
    assert (answer.type, answer.code, answer.mid, answer.token) == (coap.ACK, codes.TOO_LARGE, 7, b"token")
    assert list(answer.options) == [(BLOCK1, b"\x06")]
    assert script.endpoint.next_event() is None
    assert script.endpoint.duplicates.peers == {}


def test_what_else_is_too_long_is_met_with_silence() -> None:
    script = Script()
    for head in (
        b"\x51\x02\x00\x07",
        b"\x41\x45\x00\x07",
        b"\x49\x02\x00\x07",
        b"\x81\x02\x00\x07",
        b"\x41\x00\x00\x07",
    ):
        script.endpoint.receive_datagram(head + bytes(1300), PEER, 0)
    assert script.out() == []
