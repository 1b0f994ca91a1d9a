"""The client's role in virtual time: at 0 send, at 2000 expect a retransmission."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comatrix.codec import coap
from comatrix.errors import BusyError
from comatrix.session import exchange as states
from comatrix.session.endpoint import MAX_DATAGRAM, Endpoint, Failure, Response
from comatrix.session.exchange import Exchange, Parameters

PEER, OTHER = "peer", "other"


def lowest(n: int) -> int:
    return 0


def highest(n: int) -> int:
    return n - 1


class Script:
    """An endpoint and what it transmitted when: (time, bytes)."""

    def __init__(self, random: Any = lowest, **parameters: int) -> None:
        self.endpoint = Endpoint(random, Parameters(**parameters))
        self.sent: list[tuple[int, bytes]] = []

    def get(self, now: int = 0, addr: str = PEER, confirmable: bool = True) -> Exchange:
        sent = self.endpoint.request(addr, coap.GET, [(11, b"t")], b"", now, confirmable)
        self.drain(now)
        return sent

    def drain(self, now: int) -> list[bytes]:
        out = [data for data, _ in self.endpoint.datagrams_to_send(now)]
        self.sent += [(now, data) for data in out]
        return out

    def receive(
        self, type: int, code: int, mid: int, token: bytes = b"", now: int = 100, addr: str = PEER
    ) -> list[bytes]:
        self.endpoint.receive_datagram(coap.encode(coap.Message(type, code, mid, token)), addr, now)
        return self.drain(now)

    def run(self) -> int:
        """Let every deadline pass; the last of them."""
        now = 0
        while (deadline := self.endpoint.next_deadline()) is not None:
            now = deadline
            self.endpoint.handle_timer(now)
            self.drain(now)
        return now


@pytest.mark.parametrize(
    ("random", "times", "end"),
    [
        (lowest, [0, 2000, 6000, 14000, 30000], 62000),
        (highest, [0, 3000, 9000, 21000, 45000], 93000),
    ],
)
def test_a_request_without_answer_is_sent_five_times_at_doubling_intervals(
    random: Any, times: list[int], end: int
) -> None:
    script = Script(random)
    script.get()
    assert script.run() == end
    assert [at for at, _ in script.sent] == times
    assert len({data for _, data in script.sent}) == 1
    assert isinstance(script.endpoint.next_event(), Failure)
    assert script.endpoint.next_event() is None


@given(st.integers(0, 1000), st.integers(1, 5000), st.integers(0, 6))
def test_timeouts_stay_within_the_bounds_of_rfc_7252(draw: int, ack_timeout_ms: int, most: int) -> None:
    script = Script(lambda n: draw % n, ack_timeout_ms=ack_timeout_ms, max_retransmit=most)
    script.get()
    end = script.run()
    first = end / ((1 << most + 1) - 1)
    assert ack_timeout_ms <= first <= ack_timeout_ms * 1.5
    assert len(script.sent) == most + 1


def test_nothing_happens_before_a_deadline() -> None:
    script = Script()
    script.get()
    script.endpoint.handle_timer(1999)
    assert script.drain(1999) == []
    assert script.endpoint.next_deadline() == 2000


def test_one_request_a_peer_is_open_and_the_next_leaves_when_it_ends() -> None:
    script = Script()
    first, second, elsewhere = script.get(), script.get(), script.get(addr=OTHER)
    assert [sent.state for sent in (first, second, elsewhere)] == [states.WAITING, states.QUEUED, states.WAITING]
    assert [data for _, data in script.sent] == [first.datagram, elsewhere.datagram]
    assert script.receive(coap.ACK, coap.CONTENT, first.mid, first.token, now=500) == [second.datagram]
    assert second.deadline == 2500


def test_a_request_that_fails_makes_room_too() -> None:
    script = Script(max_retransmit=0)
    script.get()
    second = script.get()
    script.endpoint.handle_timer(2000)
    assert script.drain(2000) == [second.datagram]


def test_a_cancelled_request_makes_room_and_is_never_told() -> None:
    script = Script()
    first, second = script.get(), script.get()
    script.endpoint.cancel(first, 10)
    script.endpoint.cancel(first, 10)
    assert script.drain(10) == [second.datagram]
    assert script.receive(coap.ACK, coap.CONTENT, first.mid, first.token) == []
    assert script.endpoint.next_event() is None


def test_an_empty_ack_then_a_separate_confirmable_response_which_is_acknowledged() -> None:
    script = Script()
    sent = script.get()
    assert script.receive(coap.ACK, coap.EMPTY, sent.mid, now=300) == []
    script.endpoint.handle_timer(2000)
    assert script.drain(2000) == []
    out = script.receive(coap.CON, coap.CONTENT, 0x7777, sent.token, now=5000)
    assert out == [coap.encode(coap.Message(coap.ACK, coap.EMPTY, 0x7777))]
    event = script.endpoint.next_event()
    assert isinstance(event, Response)
    assert (event.exchange, event.message.code) == (sent, coap.CONTENT)


def test_a_response_that_overtakes_its_ack_is_taken_and_the_ack_ignored() -> None:
    script = Script()
    sent = script.get()
    script.receive(coap.NON, coap.CONTENT, 0x7777, sent.token)
    assert isinstance(script.endpoint.next_event(), Response)
    assert script.receive(coap.ACK, coap.EMPTY, sent.mid) == []
    assert script.endpoint.next_deadline() is None


def test_a_response_nobody_waits_for_is_reset_when_confirmable_and_else_ignored() -> None:
    script = Script()
    sent = script.get()
    reset = [coap.encode(coap.Message(coap.RST, coap.EMPTY, 9))]
    assert script.receive(coap.CON, coap.CONTENT, 9, b"\xee") == reset
    assert script.receive(coap.CON, coap.CONTENT, 9, sent.token, addr=OTHER) == reset
    assert script.receive(coap.NON, coap.CONTENT, 9, b"\xee") == []
    assert script.receive(coap.ACK, coap.CONTENT, sent.mid, b"\xee") == []
    assert script.endpoint.next_event() is None
    assert sent.state == states.WAITING


def test_a_piggybacked_response_needs_the_message_id_too() -> None:
    script = Script()
    sent = script.get()
    script.receive(coap.ACK, coap.CONTENT, sent.mid ^ 1, sent.token)
    assert script.endpoint.next_event() is None
    script.receive(coap.ACK, coap.CONTENT, sent.mid, sent.token)
    assert isinstance(script.endpoint.next_event(), Response)


@pytest.mark.parametrize("type", [coap.ACK, coap.RST])
def test_an_empty_message_from_elsewhere_or_with_another_id_moves_nothing(type: int) -> None:
    script = Script()
    sent = script.get()
    script.receive(type, coap.EMPTY, sent.mid, addr=OTHER)
    script.receive(type, coap.EMPTY, sent.mid ^ 1)
    assert sent.state == states.WAITING


def test_a_ping_earns_a_reset_and_an_empty_non_nothing() -> None:
    script = Script()
    assert script.receive(coap.CON, coap.EMPTY, 5) == [coap.encode(coap.Message(coap.RST, coap.EMPTY, 5))]
    assert script.receive(coap.NON, coap.EMPTY, 5) == []


def test_a_request_to_an_endpoint_that_serves_nothing_is_reset_when_confirmable() -> None:
    script = Script()
    assert script.receive(coap.CON, coap.GET, 5) == [coap.encode(coap.Message(coap.RST, coap.EMPTY, 5))]
    assert script.receive(coap.NON, coap.GET, 5) == []
    assert script.receive(coap.ACK, coap.GET, 5) == []


@pytest.mark.parametrize(
    ("data", "reset"),
    [("4901123400", True), ("5901123400", False), ("40e11234", False), ("80011234", False), ("40", False)],
    ids=["CON", "NON", "signalling", "version 2", "short"],
)
def test_what_is_no_coap_message_earns_a_reset_only_when_confirmable(data: str, reset: bool) -> None:
    script = Script()
    script.endpoint.receive_datagram(bytes.fromhex(data), PEER, 0)
    assert script.drain(0) == ([coap.encode(coap.Message(coap.RST, coap.EMPTY, 0x1234))] if reset else [])


def test_a_datagram_over_the_limit_is_not_even_read() -> None:
    script = Script()
    sent = script.get()
    answer = coap.encode(coap.Message(coap.ACK, coap.CONTENT, sent.mid, sent.token, (), bytes(MAX_DATAGRAM)))
    script.endpoint.receive_datagram(answer, PEER, 0)
    assert script.endpoint.next_event() is None


def test_requests_beyond_the_queue_are_refused() -> None:
    script = Script(queued=3)
    for _ in range(3):
        script.get()
    with pytest.raises(BusyError):
        script.get()


def test_tokens_of_open_requests_differ_and_message_ids_count_on_from_a_random_one() -> None:
    script = Script(highest, queued=64)
    assert script.endpoint.mid == 65535
    sent = [script.get() for _ in range(64)]
    assert len({one.token for one in sent}) == 64
    assert [one.mid for one in sent] == list(range(64))
    assert all(len(one.token) == 1 for one in sent)


def test_a_token_in_use_is_passed_over_after_the_counter_came_around() -> None:
    script = Script(nstart=300, queued=300)
    kept = script.get()
    for _ in range(255):
        sent = script.get()
        script.endpoint.cancel(sent, 0)
    assert script.get().token != kept.token


def test_a_non_confirmable_request_is_sent_once_and_awaited_for_its_time() -> None:
    script = Script(response_wait_ms=5000)
    script.get(confirmable=False)
    assert script.run() == 5000
    assert len(script.sent) == 1
    assert isinstance(script.endpoint.next_event(), Failure)


@given(st.lists(st.tuples(st.binary(max_size=24), st.sampled_from([PEER, OTHER])), max_size=20))
def test_whatever_arrives_nothing_is_raised_and_no_answer_is_longer_than_what_it_answers(
    datagrams: list[tuple[bytes, str]],
) -> None:
    script = Script()
    script.get()
    for data, addr in datagrams:
        script.endpoint.receive_datagram(data, addr, 0)
        assert sum(map(len, script.drain(0))) <= len(data)
