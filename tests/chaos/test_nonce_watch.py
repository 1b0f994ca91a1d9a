"""The nonce watch takes each answer for what it is, and finds a nonce that sealed two messages."""

from comatrix.codec import coap
from comatrix.gateway.aead import aead
from comatrix.session import oscore
from comatrix.session.keys import Keys, node_id
from tests.chaos import invariants
from tests.chaos.nonces import NonceWatch

NODE = 7
KEYS = Keys(bytes(16), node_id(NODE), b"", aead)
GATEWAY = Keys(bytes(16), b"", node_id(NODE), aead)


def request(counter: int, payload: bytes, token: bytes = b"\x01", extra: bytes = b"") -> tuple[bytes, oscore.Binding]:
    code, options, sealed, binding = oscore.protect_request(KEYS.context(extra), counter, coap.POST, [], payload)
    return coap.encode(coap.Message(coap.CON, code, counter, token, options, sealed)), binding


def answer(
    binding: oscore.Binding, counter: int | None, payload: bytes, token: bytes = b"\x01", extra: bytes = b""
) -> bytes:
    code, options, sealed = oscore.protect_response(GATEWAY.context(extra), binding, counter, coap.CHANGED, (), payload)
    return coap.encode(coap.Message(coap.ACK, code, 1, token, options, sealed))


def violations(watch: NonceWatch) -> list[str]:
    return invariants.no_nonce_seals_two_messages(watch.sealed)


def test_an_answer_under_the_requests_nonce_is_counted_apart_and_may_be_repeated() -> None:
    watch = NonceWatch()
    data, binding = request(5, b"a")
    said = answer(binding, None, b"")
    for _ in range(2):
        watch.from_node(NODE, KEYS, b"u", data)
        watch.from_gateway(NODE, said)
    assert len(watch.sealed) == 2
    assert violations(watch) == []


def test_two_answers_under_one_nonce_are_found() -> None:
    watch = NonceWatch()
    data, binding = request(5, b"a")
    watch.from_node(NODE, KEYS, b"u", data)
    watch.from_gateway(NODE, answer(binding, None, b"first"))
    watch.from_gateway(NODE, answer(binding, None, b"second"))
    assert len(violations(watch)) == 1


def test_a_sender_counter_used_twice_is_found_also_by_whoever_replays() -> None:
    watch = NonceWatch()
    data, binding = request(5, b"a")
    watch.from_node(NODE, KEYS, b"u", data)
    watch.from_gateway(NODE, answer(binding, 9, b"first"))
    watch.to_stranger(NODE, b"u", data, answer(binding, 9, b"second"))
    assert len(violations(watch)) == 1


def test_a_node_that_seals_two_messages_with_one_counter_is_found() -> None:
    watch = NonceWatch()
    for payload in (b"a", b"b"):
        watch.from_node(NODE, KEYS, b"u", request(5, payload)[0])
    assert len(violations(watch)) == 1


def test_a_token_that_comes_again_does_not_confuse_two_answers() -> None:
    watch = NonceWatch()
    (early, first), (late, second) = request(5, b"a"), request(6, b"b")
    watch.from_node(NODE, KEYS, b"u", early)
    watch.from_node(NODE, KEYS, b"u", late)
    watch.from_gateway(NODE, answer(first, None, b""))
    watch.from_gateway(NODE, answer(second, None, b""))
    assert violations(watch) == []


def test_an_answer_under_a_newer_context_than_its_requests_is_no_reuse() -> None:
    watch = NonceWatch()
    old, binding = request(5, b"a")
    watch.from_node(NODE, KEYS, b"u", old)
    watch.from_gateway(NODE, answer(binding, 1, b"x"))
    watch.from_node(NODE, KEYS, b"u" + bytes(16), request(6, b"b", b"\x02", bytes(16))[0])
    watch.to_stranger(NODE, b"u", old, answer(binding, 1, b"y", extra=bytes(16)))
    assert violations(watch) == []


def test_an_answer_whose_token_was_corrupted_on_the_way_is_still_the_right_requests() -> None:
    watch = NonceWatch()
    (early, first), (late, second) = request(5, b"a", b"\x01"), request(6, b"b", b"\x02")
    watch.from_node(NODE, KEYS, b"u", early)
    watch.from_gateway(NODE, answer(first, None, b"", b"\x01"))
    watch.from_node(NODE, KEYS, b"u", late)
    watch.from_gateway(NODE, answer(second, None, b"", b"\x01"))
    assert violations(watch) == []
    assert watch.unknown == 0


def test_an_answer_to_nobody_is_counted() -> None:
    watch = NonceWatch()
    watch.from_node(NODE, KEYS, b"u", request(5, b"a")[0])
    watch.from_gateway(NODE, answer(request(99, b"z")[1], None, b""))
    assert watch.unknown == 1
