"""Answers nobody is to hear: errors to a group (RFC 7252 section 8), and classes the asker declines (RFC 7967)."""

from random import Random

import pytest

from comatrix.codec import coap, codes
from comatrix.codec.option_numbers import NO_RESPONSE, OSCORE, URI_PATH
from comatrix.session.server import Knock, Peer, Request, Server
from comatrix.session.serving import ServingEndpoint
from tests.session.test_transfers import HERE
from tests.support.plain_peers import PlainPeers


class Nobody(PlainPeers):
    """Nobody is known."""

    def plain(self, addr: object) -> Peer | None:  # type: ignore[override]
        return None


class Script:
    """A server; `ask` makes a request, answers it with `code` where it is heard, and gives what was sent."""

    def __init__(self, peers: PlainPeers | None = None) -> None:
        self.server = Server(ServingEndpoint(Random(1).randrange), peers or PlainPeers(5))
        self.mid = 0

    def raw(self, data: bytes, multicast: bool = False) -> list[coap.Message]:
        self.server.receive_datagram(data, HERE, 0, multicast)
        return [coap.decode_untrusted(datagram) for datagram, _ in self.server.datagrams_to_send(0)]

    def ask(
        self, code: int, *options: tuple[int, bytes], type: int = coap.CON, group: bool = False
    ) -> list[coap.Message]:
        self.mid += 1
        given = sorted([(URI_PATH, b"r"), *options])
        message = coap.Message(type, coap.POST, self.mid, b"T", given, b"x")
        sent = self.raw(coap.encode(message), group)
        event = self.server.next_event()
        if isinstance(event, Request):
            self.server.answer_fresh(event, code, b"said", 0)
        return sent + [coap.decode_untrusted(datagram) for datagram, _ in self.server.datagrams_to_send(0)]


@pytest.mark.parametrize(
    ("mask", "silent"), [(b"", ()), (b"\x02", (2,)), (b"\x08", (4,)), (b"\x10", (5,)), (b"\x1a", (2, 4, 5))]
)
def test_a_class_that_is_declined_is_not_answered(mask: bytes, silent: tuple[int, ...]) -> None:
    for code in (coap.CHANGED, codes.BAD_REQUEST, codes.SERVICE_UNAVAILABLE):
        answers = Script().ask(code, (NO_RESPONSE, mask), type=coap.NON)
        assert len(answers) == (code >> 5 not in silent)


def test_a_confirmable_request_is_acknowledged_all_the_same_and_its_copy_too() -> None:
    script = Script()
    (ack,) = script.ask(coap.CHANGED, (NO_RESPONSE, b"\x1a"))
    assert (ack.type, ack.code, ack.mid, ack.token) == (coap.ACK, coap.EMPTY, 1, b"")
    script.mid = 0
    assert [copy.code for copy in script.ask(coap.CHANGED, (NO_RESPONSE, b"\x1a"))] == [coap.EMPTY]
    script.server.handle_timer(10_000)
    assert script.server.datagrams_to_send(10_000) == []


def test_a_refusal_outside_oscore_is_declined_outside() -> None:
    script = Script(Nobody(5))
    assert [one.code for one in script.ask(0)] == [coap.UNAUTHORIZED]
    assert script.ask(0, (NO_RESPONSE, b"\x08"), type=coap.NON) == []


def test_nothing_is_wrong_with_a_group_that_could_be_told() -> None:
    script = Script()
    assert script.ask(codes.NOT_FOUND, type=coap.NON, group=True) == []
    assert [one.code for one in script.ask(coap.CONTENT, type=coap.NON, group=True)] == [coap.CONTENT]
    assert Script(Nobody(5)).ask(0, type=coap.NON, group=True) == []


@pytest.mark.parametrize(
    "data", ["40001234", "49011234000000000000000000", "400112340d"], ids=["ping", "token", "option"]
)
def test_a_group_never_resets(data: str) -> None:
    assert len(Script().raw(bytes.fromhex(data))) == 1
    assert Script().raw(bytes.fromhex(data), multicast=True) == []


def test_a_confirmable_request_to_a_group_is_not_heard() -> None:
    assert Script().ask(coap.CONTENT, group=True) == []


def test_after_a_group_a_datagram_of_our_own_is_answered_as_ever() -> None:
    script = Script()
    script.raw(bytes.fromhex("40001234"), multicast=True)
    assert [one.type for one in script.raw(bytes.fromhex("40001235"))] == [coap.RST]


def test_a_stranger_to_a_group_is_still_a_knock() -> None:
    script = Script(Nobody(5))
    script.raw(
        coap.encode(coap.Message(coap.NON, coap.GET, 7, b"", [(OSCORE, b"\x09\x01\x05")], b"x" * 9)), multicast=True
    )
    event = script.server.next_event()
    assert isinstance(event, Knock)
