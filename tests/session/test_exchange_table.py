"""The states of an outgoing message: each row is reached by real datagrams, each pair without a row changes nothing."""

from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest

from comatrix.codec import coap
from comatrix.gateway.pages import exchange as page
from comatrix.session import exchange as states
from comatrix.session.endpoint import Endpoint, Failure, Response
from comatrix.session.exchange import Exchange, Parameters

PEER = "peer"
STATES = (states.QUEUED, states.WAITING, states.LISTENING, states.DONE)
EVENTS = (states.SLOT, states.TIMER, states.EXHAUSTED, states.ACKNOWLEDGED, states.RESPONSE, states.RESET)


@pytest.mark.parametrize(("state", "event"), list(product(STATES, EVENTS)))
def test_an_event_moves_an_exchange_only_along_its_row(state: int, event: int) -> None:
    sent = Exchange(PEER, coap.CON, 1, b"\x01", b"datagram")
    sent.state = state
    row = states.TABLE.get((state, event))
    action = sent.step(event)
    assert (sent.state, action) == ((state, None) if row is None else row)


class Told:
    """An endpoint with one request, always drawing the shortest timeout."""

    def __init__(self, confirmable: bool = True, max_retransmit: int = 1) -> None:
        self.endpoint = Endpoint(lambda n: 0, Parameters(max_retransmit=max_retransmit))
        self.sent = self.endpoint.request(PEER, coap.GET, [], b"", 0, confirmable)

    def receive(self, type: int, code: int, token: bytes = b"") -> None:
        message = coap.Message(type, code, self.sent.mid, token)
        self.endpoint.receive_datagram(coap.encode(message), PEER, 100)

    def acknowledged(self) -> "Told":
        self.receive(coap.ACK, coap.EMPTY)
        return self

    def out(self) -> int:
        return len(self.endpoint.datagrams_to_send(0))


def after_slot() -> Told:
    told = Told()
    second = told.endpoint.request(PEER, coap.GET, [], b"", 0)
    assert second.state == states.QUEUED
    told.receive(coap.ACK, coap.CONTENT, told.sent.token)
    assert told.endpoint.next_event().exchange is told.sent
    told.sent = second
    assert told.out() == 2
    return told


def after_timer() -> Told:
    told = Told()
    told.endpoint.handle_timer(2000)
    assert told.out() == 2
    return told


def after_exhaustion() -> Told:
    told = after_timer()
    told.endpoint.handle_timer(6000)
    event = told.endpoint.next_event()
    assert isinstance(event, Failure)
    assert not event.reset
    return told


def after_an_ack() -> Told:
    told = Told().acknowledged()
    assert told.endpoint.next_deadline() == 100 + 30000
    return told


def after_a_response() -> Told:
    told = Told()
    told.receive(coap.ACK, coap.CONTENT, told.sent.token)
    assert isinstance(told.endpoint.next_event(), Response)
    return told


def after_a_reset() -> Told:
    told = Told()
    told.receive(coap.RST, coap.EMPTY)
    assert told.endpoint.next_event().reset
    return told


def after_listening_in_vain() -> Told:
    told = Told().acknowledged()
    told.endpoint.handle_timer(30100)
    assert not told.endpoint.next_event().reset
    return told


def after_a_separate_response() -> Told:
    told = Told(confirmable=False)
    assert told.sent.state == states.LISTENING
    told.receive(coap.NON, coap.CONTENT, told.sent.token)
    assert isinstance(told.endpoint.next_event(), Response)
    return told


def after_a_reset_while_listening() -> Told:
    told = Told().acknowledged()
    told.receive(coap.RST, coap.EMPTY)
    assert told.endpoint.next_event().reset
    return told


SCRIPTS: dict[tuple[int, int], Callable[[], Told]] = {
    (states.QUEUED, states.SLOT): after_slot,
    (states.WAITING, states.TIMER): after_timer,
    (states.WAITING, states.EXHAUSTED): after_exhaustion,
    (states.WAITING, states.ACKNOWLEDGED): after_an_ack,
    (states.WAITING, states.RESPONSE): after_a_response,
    (states.WAITING, states.RESET): after_a_reset,
    (states.LISTENING, states.EXHAUSTED): after_listening_in_vain,
    (states.LISTENING, states.RESPONSE): after_a_separate_response,
    (states.LISTENING, states.RESET): after_a_reset_while_listening,
}


@pytest.mark.parametrize("row", list(states.TABLE), ids=str)
def test_every_row_is_reached_by_datagrams_and_time(row: tuple[int, int]) -> None:
    told = SCRIPTS[row]()
    assert told.sent.state == states.TABLE[row][0]
    assert told.endpoint.next_event() is None


def test_every_state_and_event_has_its_words_on_the_page() -> None:
    assert set(page.STATES) == set(STATES)
    assert set(page.EVENTS) == set(EVENTS)
    assert set(page.ACTIONS) == {action for _, action in states.TABLE.values()}


def test_the_reference_page_is_fresh() -> None:
    stored = Path(__file__).parents[2] / "docs" / "reference" / "exchange.md"
    assert stored.read_text() == page.markdown(), "run: make docs"
