"""Every vector to the running gateway: the stated answer or silence, little of it, and the next reading is served."""

import random
from typing import Any

import pytest

from comatrix.codec import coap
from comatrix.codec.codes import BAD_REQUEST
from comatrix.gateway.demo.stage import Stage
from tests.end_to_end.datagrams import loopback_addresses
from tests.end_to_end.hostile_target import (
    PLAIN_CBOR,
    PLAIN_COAP,
    Attacker,
    Target,
    assert_small,
    code,
    layer,
    opened_target,
    post_r,
)

pytestmark = pytest.mark.slow

SILENCE = ""
# Where the gateway's answer is not the one stated: what it is, and why.
DEVIATIONS = {
    "coap-29": ({"4.04"}, "the elective option is ignored, and what is left asks for a resource that is not there"),
    "coap-43": ({"4.04"}, "nothing observes yet: the elective option is ignored, and there is no resource /"),
    "coap-47": ({"4.04"}, "the token is echoed; the answer is about the resource, which is not there"),
    "cbor-81": ({"4.00"}, "a text is no record of /r; inside a text record it is shown, see test_hostile_texts.py"),
    "oscore-08": ({"4.01"}, "a kid nobody knows is told before its ciphertext is looked at (RFC 8613 8.2 step 2)"),
}


@pytest.fixture
async def target(stage: Stage) -> Target:
    """Running."""
    return await opened_target(stage)


def stated(row: dict[str, Any]) -> set[str]:
    """The answers the row itself allows a node that speaks plain CoAP."""
    if row["id"] in DEVIATIONS:
        return DEVIATIONS[row["id"]][0]
    expected: str = row["expected"]
    if expected.startswith(("silently ignore", "ignore")):
        return {SILENCE}
    if expected.startswith("message format error"):
        return {"RST", SILENCE}
    if expected.startswith("reject"):
        return {"4.00"}
    return set(expected.split()[0].strip(";").split("/"))


async def test_coap_to_a_listener_declared_plain(target: Target) -> None:
    rows = layer("coap")
    requests = [bytes.fromhex(row["hex"]) for row in rows]
    for row, request, replies in zip(
        rows, requests, await target.throw(target.plain, requests, [PLAIN_COAP]), strict=True
    ):
        assert len(replies) <= 1
        assert "".join(map(code, replies)) in stated(row), (row, replies)
        assert all(reply[2:4] == request[2:4] for reply in replies)
        assert_small(request, replies, row["id"])
        if row["id"] == "coap-47":
            assert [reply[4:7] for reply in replies] == [b"\xfd\xfd\xfd"]
    await target.good_readings_pass()


async def test_cbor_to_a_listener_declared_plain(target: Target) -> None:
    rows = layer("cbor")
    requests = [post_r(bytes.fromhex(row["hex"]), number) for number, row in enumerate(rows)]
    for row, request, replies in zip(
        rows, requests, await target.throw(target.plain, requests, [PLAIN_CBOR]), strict=True
    ):
        assert {code(reply) for reply in replies} == stated(row), (row, replies)
        assert len(replies) == 1
        assert len(replies[0]) <= len(request) + 64, "the diagnostic is short"
        assert_small(request, replies, row["id"])
    await target.good_readings_pass()


async def test_all_of_it_to_the_secure_listener_is_401_or_less(target: Target) -> None:
    """Whatever is well-formed is 4.01 there before anything else of it is looked at."""
    strangers = loopback_addresses(200)
    rows = layer("coap")
    requests = [bytes.fromhex(row["hex"]) for row in rows]
    for row, request, replies in zip(
        rows, requests, await target.throw(target.secure, requests, strangers), strict=True
    ):
        told = "".join(map(code, replies))
        assert told == "4.01" or (told in stated(row) and told in (SILENCE, "RST")), (row, replies)
        assert_small(request, replies, row["id"])
    requests = [post_r(bytes.fromhex(row["hex"]), number) for number, row in enumerate(layer("cbor"))]
    for request, replies in zip(requests, await target.throw(target.secure, requests, strangers[50:]), strict=True):
        assert [code(reply) for reply in replies] == ["4.01"]
        assert_small(request, replies, request.hex())
    await target.good_readings_pass()


async def test_oscore_vectors(target: Target) -> None:
    rows = layer("oscore")
    requests = [bytes.fromhex(row["hex"]) for row in rows]
    strangers = loopback_addresses(20)
    for row, request, replies in zip(
        rows, requests, await target.throw(target.secure, requests, strangers), strict=True
    ):
        assert {code(reply) for reply in replies} == stated(row), (row, replies)
        assert len(replies) == 1
        assert_small(request, replies, row["id"])
    await target.good_readings_pass()
    assert target.posted == 2, "the node's counter 5 was not taken by the garbage that named it"


async def test_a_node_gone_bad_is_refused_in_secret_and_harms_nobody(target: Target) -> None:
    generator = random.Random(5)
    added = await target.stage.provision("traitor", target.room, post="every", interval_s=60)
    node = Attacker(added)
    rows = layer("cbor")
    wrong = [node.request(coap.POST, bytes.fromhex(row["hex"])) for row in rows]
    for row, request, replies in zip(rows, wrong, await target.throw(target.secure, wrong), strict=True):
        assert [node.opened(request, reply)[0] for reply in replies] == [BAD_REQUEST], row
        assert_small(request, replies, row["id"])
    # What stands under the seal may be anything at all: no code, no options, torn ones, words of no language.
    inner = [generator.randbytes(generator.randrange(40)) for _ in range(200)]
    inner += [bytes((coap.POST,)) + b"\xb1r\xff" + generator.randbytes(generator.randrange(1, 30)) for _ in range(200)]
    odd = [node.sealed(plaintext) for plaintext in inner]
    for request, replies in zip(odd, await target.throw(target.secure, odd), strict=True):
        assert len(replies) <= 1
        assert_small(request, replies, request.hex())
    await target.good_readings_pass()
