"""The node's side in virtual time: what ends a request, what only slows it down, and what is sealed when."""

from collections.abc import Callable
from typing import Any

import pytest

from comatrix.codec import cbor, coap, codes
from comatrix.codec.option_numbers import ECHO, MAX_AGE, OSCORE, uint_bytes
from comatrix.errors import BusyError
from comatrix.session import oscore
from comatrix.session.client import RENEW_AFTER, Client, Delivered, Refused, Reserve
from comatrix.session.counter import Counter
from comatrix.session.endpoint import Endpoint
from comatrix.session.keys import Keys, node_id
from tests.session.recording import NODE, SECRET, Recorder

GATEWAY = "gateway"
Options = list[tuple[int, bytes]]
READING = cbor.encode({0: 2137, 1: 452})


class Script:
    """A client and the gateway's half of its context, by hand. Every request it sent stands in `requests`."""

    def __init__(self, counter: int = 20, random: Callable[[int], int] = lambda n: 0) -> None:
        self.recorder = Recorder()
        keys = Keys(SECRET, node_id(NODE), b"", self.recorder.aead)
        self.gateway = Keys(SECRET, b"", node_id(NODE), self.recorder.aead).context()
        self.client = Client(Endpoint(random), GATEWAY, keys, Counter(counter, 8), retry_ms=(2000, 300000))
        self.own = 100
        self.now = 0
        self.requests: list[coap.Message] = []

    def post(self, path: str = "r", seq: int | None = None) -> None:
        self.client.post(path, lambda now: READING, self.now, seq)
        self.reserve()

    def reserve(self) -> None:
        event = self.client.next_event()
        if isinstance(event, Reserve):
            self.client.reserved(event.limit, self.now)
        else:
            assert event is None
        self.drain()

    def drain(self) -> list[coap.Message]:
        out = [coap.decode_untrusted(data) for data, _ in self.client.datagrams_to_send(self.now)]
        self.requests += [message for message in out if coap.is_request(message.code)]
        return out

    @property
    def last(self) -> coap.Message:
        return self.requests[-1]

    def opened(self, message: coap.Message) -> tuple[int, bytes, dict[int, bytes], oscore.Binding]:
        """(counter, payload, inner options, binding) of a request, as the gateway reads it."""
        counter, _, _ = oscore.read_option_untrusted(dict(message.options)[OSCORE])
        assert counter is not None
        _, options, payload, binding = oscore.unprotect_request_untrusted(self.gateway, counter, message.payload)
        return counter, payload, dict(options), binding

    def receive(self, message: coap.Message, later_ms: int = 50) -> list[coap.Message]:
        self.now += later_ms
        self.client.receive_datagram(coap.encode(message), GATEWAY, self.now)
        return self.drain()

    def plain(self, code: int, type: int = coap.ACK, **more: Any) -> list[coap.Message]:
        token = b"" if code == coap.EMPTY else self.last.token
        return self.receive(coap.Message(type, code, self.last.mid, token, **more))

    def protected(
        self, code: int, payload: bytes = b"", options: Options | tuple[()] = (), type: int = coap.ACK
    ) -> list[coap.Message]:
        """Answer the last request, sealed under the gateway's own counter."""
        self.own += 1
        binding = self.opened(self.last)[3]
        outer, outside, sealed = oscore.protect_response(self.gateway, binding, self.own, code, options, payload)
        return self.receive(coap.Message(type, outer, self.last.mid, self.last.token, outside, sealed))

    def run(self, until_ms: int) -> None:
        """Let time pass; nothing arrives. Reservations are granted."""
        end = self.now + until_ms
        while (deadline := self.client.next_deadline()) is not None and deadline <= end:
            self.now = max(self.now, deadline)
            self.client.handle_timer(self.now)
            self.reserve()
        self.now = end

    def still_open(self) -> bool:
        return self.client.next_event() is None and self.client.open is not None


def test_nothing_leaves_before_its_counter_is_on_disk() -> None:
    script = Script(counter=20)
    script.client.post("r", lambda now: READING, 0)
    event = script.client.next_event()
    assert isinstance(event, Reserve)
    assert event.limit == 28
    assert script.drain() == []
    assert script.client.next_deadline() is None
    script.client.reserved(28, 700)
    script.drain()
    assert script.opened(script.last)[:2] == (20, READING)


def test_a_protected_success_delivers_with_its_seq_and_payload() -> None:
    script = Script()
    script.post()
    script.protected(coap.CHANGED, b"\x1a\x68\xe7\x78\x00")
    event = script.client.next_event()
    assert type(event) is Delivered
    assert (event.path, event.seq, event.code, event.payload) == ("r", 20, coap.CHANGED, b"\x1a\x68\xe7\x78\x00")
    assert script.client.next_deadline() is None


def test_an_answer_under_the_requests_own_nonce_is_taken_too() -> None:
    script = Script()
    script.post()
    binding = script.opened(script.last)[3]
    outer, outside, sealed = oscore.protect_response(script.gateway, binding, None, coap.CHANGED, (), b"")
    script.receive(coap.Message(coap.ACK, outer, script.last.mid, script.last.token, outside, sealed))
    assert type(script.client.next_event()) is Delivered


def test_a_separate_answer_after_an_empty_ack_delivers_and_is_acknowledged() -> None:
    script = Script()
    script.post()
    script.plain(coap.EMPTY)
    (ack,) = script.protected(coap.CHANGED, type=coap.CON)
    assert (ack.type, ack.code) == (coap.ACK, coap.EMPTY)
    assert type(script.client.next_event()) is Delivered


@pytest.mark.parametrize(
    "code", [codes.BAD_REQUEST, codes.FORBIDDEN, codes.NOT_FOUND, codes.TOO_LARGE, codes.BAD_OPTION]
)
def test_a_protected_refusal_gives_the_record_up(code: int) -> None:
    script = Script()
    script.post()
    script.protected(code, b"why")
    event = script.client.next_event()
    assert type(event) is Refused
    assert (event.code, event.payload) == (code, b"why")
    script.post()  # the next one may go


def test_one_request_is_open_at_a_time() -> None:
    script = Script()
    script.post()
    with pytest.raises(BusyError):
        script.client.post("r", lambda now: READING, 0)
    with pytest.raises(BusyError):
        script.client.get("t", 0)


def garbage(script: Script, value: bytes, sealed: bytes) -> None:
    options = [(OSCORE, value)]
    script.receive(coap.Message(coap.ACK, coap.CHANGED, script.last.mid, script.last.token, options, sealed))


def from_another_request(script: Script) -> None:
    _, _, _, binding = oscore.protect_request(
        Keys(SECRET, node_id(NODE), b"", script.recorder.aead).context(), 9, coap.POST, [], b""
    )
    outer, outside, answer = oscore.protect_response(script.gateway, binding, 99, coap.CHANGED, (), b"")
    script.receive(coap.Message(coap.ACK, outer, script.last.mid, script.last.token, outside, answer))


def with_another_secret(script: Script) -> None:
    binding = script.opened(script.last)[3]
    stranger = Keys(bytes(16), b"", node_id(NODE), script.recorder.aead).context()
    outer, outside, sealed = oscore.protect_response(stranger, binding, 1, coap.CHANGED, (), b"")
    script.receive(coap.Message(coap.ACK, outer, script.last.mid, script.last.token, outside, sealed))


def a_request_sealed_as_a_response(script: Script) -> None:
    binding = script.opened(script.last)[3]
    outer, outside, sealed = oscore.protect_response(script.gateway, binding, 98, coap.POST, (), b"")
    script.receive(coap.Message(coap.ACK, outer, script.last.mid, script.last.token, outside, sealed))


HINTS: dict[str, Callable[[Script], object]] = {
    "4.01": lambda script: script.plain(coap.UNAUTHORIZED, payload=b"Security context not found"),
    "4.00": lambda script: script.plain(codes.BAD_REQUEST),
    "4.04": lambda script: script.plain(codes.NOT_FOUND),
    "5.03 with a Max-Age": lambda script: script.plain(codes.SERVICE_UNAVAILABLE, options=[(MAX_AGE, b"\xff\xff\xff")]),
    "2.04 in plain": lambda script: script.plain(coap.CHANGED),
    "Reset": lambda script: script.plain(coap.EMPTY, coap.RST),
    "empty ACK": lambda script: script.plain(coap.EMPTY),
    "silence": lambda script: None,
    "no ciphertext": lambda script: garbage(script, b"", b""),
    "random ciphertext": lambda script: garbage(script, b"\x01\x05", bytes(range(20))),
    "unreadable option": lambda script: garbage(script, b"\xff\xff", bytes(20)),
    "answer to another request": from_another_request,
    "another secret": with_another_secret,
    "a request as answer": a_request_sealed_as_a_response,
}


@pytest.mark.parametrize("hint", HINTS.values(), ids=HINTS)
def test_a_hint_never_ends_a_request_and_the_repeat_is_a_new_message_with_the_seq(
    hint: Callable[[Script], object],
) -> None:
    script = Script(counter=300)
    script.post()
    hint(script)
    assert script.still_open()
    first = script.last
    while script.last.mid == first.mid:
        script.run(1000)
        assert script.now < 200_000
    counter, payload, _, _ = script.opened(script.last)
    assert (counter, payload) == (301, cbor.encode(300) + READING)
    script.protected(coap.CHANGED)
    event = script.client.next_event()
    assert type(event) is Delivered
    assert event.seq == 300


def pauses(script: Script, count: int) -> list[int]:
    """How long the client waits after each of `count` unprotected errors."""
    found = []
    script.post()
    for _ in range(count):
        script.plain(codes.SERVICE_UNAVAILABLE, options=[(MAX_AGE, b"\xff\xff\xff\xff")])
        deadline = script.client.next_deadline()
        assert deadline is not None
        found.append(deadline - script.now)
        script.run(deadline - script.now)
    return found


def test_pauses_double_from_the_shortest_to_the_longest_whatever_a_stranger_says() -> None:
    expected = [min(2000 << attempt, 300000) for attempt in range(12)]
    assert pauses(Script(), 12) == [pause // 2 for pause in expected]
    assert pauses(Script(random=lambda n: n - 1), 12) == expected


def test_a_protected_max_age_is_waited_for_within_the_nodes_own_limit() -> None:
    for seconds, waited in ((30, 30_000), (1, 1000), (0xFFFFFF, 300_000)):
        script = Script()
        script.post()
        script.protected(codes.SERVICE_UNAVAILABLE, options=[(MAX_AGE, uint_bytes(seconds))])
        assert script.still_open()
        assert script.client.next_deadline() == script.now + waited


@pytest.mark.parametrize("code", [codes.SERVER_ERROR, codes.SERVICE_UNAVAILABLE, coap.TOO_MANY_REQUESTS])
def test_a_protected_error_that_may_pass_is_tried_again(code: int) -> None:
    script = Script()
    script.post()
    script.protected(code)
    assert script.still_open()
    script.run(3000)
    script.protected(coap.CHANGED)
    assert type(script.client.next_event()) is Delivered


def test_an_echo_is_given_back_at_once_under_a_fresh_counter() -> None:
    script = Script()
    script.post()
    script.protected(coap.UNAUTHORIZED, options=[(ECHO, b"challenge")])
    counter, payload, options, _ = script.opened(script.last)
    assert (counter, payload, options[ECHO]) == (21, b"\x14" + READING, b"challenge")
    script.protected(coap.CHANGED)
    assert type(script.client.next_event()) is Delivered


def test_an_echo_of_a_success_goes_with_the_next_question_what_waits_and_only_with_that() -> None:
    """RFC 9175 section 2.3."""
    script = Script()
    for path, echoes in (("r", False), ("c", True), ("c", False)):
        if path == "r":
            script.post()
            script.protected(coap.CHANGED, options=[(ECHO, b"proof")])
            script.client.next_event()
            script.post()
            assert ECHO not in script.opened(script.last)[2]
            script.protected(coap.CHANGED)
        else:
            script.client.get(path, script.now)
            script.reserve()
            assert script.opened(script.last)[2].get(ECHO) == (b"proof" if echoes else None)
            script.protected(coap.CONTENT)
        event = script.client.next_event()
        assert (event.path, event.seq is None) == (path, path == "c")


def test_an_echo_that_grew_old_is_replaced_by_the_one_of_its_refusal() -> None:
    script = Script()
    script.post()
    script.protected(coap.CHANGED, options=[(ECHO, b"old")])
    script.client.next_event()
    script.client.get("c", script.now)
    script.reserve()
    script.protected(coap.UNAUTHORIZED, options=[(ECHO, b"new")])
    script.run(3000)
    assert ECHO not in script.opened(script.last)[2]
    script.protected(coap.UNAUTHORIZED, options=[(ECHO, b"new")])
    assert script.opened(script.last)[2][ECHO] == b"new"


def test_an_echo_asked_for_again_is_answered_after_a_pause_only() -> None:
    script = Script()
    script.post()
    script.protected(coap.UNAUTHORIZED, options=[(ECHO, b"one")])
    assert script.protected(coap.UNAUTHORIZED, options=[(ECHO, b"two")]) == []
    assert script.still_open()
    script.run(3000)
    assert ECHO not in script.opened(script.last)[2]


def test_a_get_has_no_seq() -> None:
    script = Script()
    script.client.get("t", 0)
    script.reserve()
    assert script.opened(script.last)[1] == b""
    script.run(100_000)
    assert script.opened(script.last)[1] == b""
    script.protected(coap.CONTENT, b"\x1a\x68\xe7\x78\x00")
    event = script.client.next_event()
    assert (event.seq, event.code) == (None, coap.CONTENT)


def test_a_record_sent_in_an_earlier_life_keeps_its_seq() -> None:
    script = Script(counter=300)
    script.post(seq=7)
    assert script.opened(script.last)[:2] == (300, b"\x07" + READING)


def test_the_body_is_made_for_the_time_of_each_attempt() -> None:
    script = Script()
    script.client.post("r", lambda now: cbor.encode({0: 1, -1: now // 1000}), 0)
    script.reserve()
    script.plain(codes.SERVICE_UNAVAILABLE)
    script.run(2000)
    ages = [cbor.decode_sequence_untrusted(script.opened(message)[1])[-1] for message in script.requests]
    assert ages == [{0: 1, -1: 0}, {0: 1, -1: 1}]


def test_no_two_messages_share_a_counter_however_long_a_request_takes() -> None:
    script = Script()
    script.post()
    script.run(3_600_000)
    sealed = [message for message in script.requests if message.payload]
    counters = [oscore.read_option_untrusted(dict(message.options)[OSCORE])[0] for message in sealed]
    by_mid = dict(zip([message.mid for message in sealed], counters, strict=True))
    assert len(by_mid) > 10
    assert list(by_mid.values()) == list(range(20, 20 + len(by_mid)))


def kid_context(message: coap.Message) -> bytes | None:
    return oscore.read_option_untrusted(dict(message.options)[OSCORE])[2]


@pytest.mark.parametrize(("counter", "rekeys"), [(RENEW_AFTER - 1, False), (RENEW_AFTER, False)])
def test_a_start_just_below_or_at_the_renewal_goes_on(counter: int, rekeys: bool) -> None:
    script = Script(counter=counter)
    script.post()
    assert (kid_context(script.last) is not None) is rekeys


def test_after_2_to_the_20_messages_the_key_is_renewed() -> None:
    script = Script(counter=RENEW_AFTER - 1)
    script.post()
    script.protected(coap.CHANGED)
    script.client.next_event()
    script.post()
    context = kid_context(script.last)
    assert context is not None
    assert len(context) == 9


def test_two_unprotected_401_do_not_start_a_rekeying_and_a_protected_answer_forgets_them() -> None:
    script = Script()
    for _ in range(4):
        script.post()
        for _ in range(2):
            script.plain(coap.UNAUTHORIZED)
            script.run(10_000)
        assert kid_context(script.last) is None
        script.protected(coap.CHANGED)
        assert type(script.client.next_event()) is Delivered
