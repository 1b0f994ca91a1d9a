"""Whatever is sent to it: the gateway stays up, answers little, and serves the next reading."""

import asyncio
import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from comatrix.codec import cbor, coap
from comatrix.codec.codes import BAD_REQUEST
from comatrix.codec.option_numbers import OSCORE
from comatrix.gateway.aead import aead
from comatrix.gateway.demo.stage import Stage
from comatrix.session import oscore
from comatrix.session.keys import Keys, node_id
from tests.end_to_end.datagrams import answer, exchange, flood, free_udp_port
from tests.end_to_end.node_programs import POST_MANY
from tests.end_to_end.processes import rss_kib
from tests.end_to_end.room_reading import assert_once_and_in_order, seen, until

pytestmark = pytest.mark.slow

VECTORS = Path(__file__).parents[1] / "vectors"
ROWS: list[dict[str, Any]] = [
    *json.loads((VECTORS / "hostile_inputs.json").read_text()),
    *json.loads((VECTORS / "hostile_oscore.json").read_text()),
]
READING = cbor.encode({0: 2137})
ACK_CHANGED = 0x44  # 2.04


def layer(name: str) -> list[dict[str, Any]]:
    """The rows of one layer."""
    found = [row for row in ROWS if row["layer"] == name]
    assert found
    return found


def post_r(payload: bytes, message_id: int) -> bytes:
    """CON POST r."""
    marker = b"\xff" if payload else b""
    return b"\x41\x02" + message_id.to_bytes(2, "big") + b"T" + b"\xb1r" + marker + payload


def code(reply: bytes) -> str:
    """ "4.00" for its second byte, "RST" for a Reset."""
    return "RST" if reply[0] >> 4 == 7 else f"{reply[1] >> 5}.{reply[1] & 31:02d}"


def stated(row: dict[str, Any], *, secure: bool) -> set[str]:
    """The answers the row allows; "" is silence. On the secure listener whatever is well-formed is 4.01."""
    expected = row["expected"]
    if expected.startswith(("silently ignore", "ignore")):
        return {""}
    if expected.startswith("message format error"):
        return {"RST", ""}
    if secure:
        return {"4.01"}
    return {"4.02", "4.00"} if expected.startswith("4.02") else {"4.04"}


def stated_oscore(row: dict[str, Any]) -> set[str]:
    """A kid nobody knows is 4.01 before its ciphertext is looked at (RFC 8613 section 8.2 step 2)."""
    return {row["expected"][:4]} | ({"4.01"} if row["id"] == "oscore-08" else set())


def assert_small(request: bytes, replies: list[bytes], name: str) -> None:
    """At most three times what was received, all replies together."""
    assert sum(map(len, replies)) <= 3 * len(request), f"{name}: {[reply.hex() for reply in replies]}"


@dataclass(frozen=True, slots=True)
class Target:
    """A gateway that knows an OSCORE node, number 1, and a plain node at 127.0.0.1."""

    stage: Stage
    secure: int  # port
    plain: int  # port
    room: str
    configuration: dict[str, Any]  # of the OSCORE node


@pytest.fixture
async def target(stage: Stage) -> Target:
    """Running."""
    plain = free_udp_port()
    # Each input is to be looked at: a stranger with this many failures would soon be dropped unread.
    limits = "\n[limits]\naddress_burst = 1000000\nrefusals_rate = 6000000\nnode_burst = 1000000\n"
    await stage.open_homeserver(f'plain_bind = ["127.0.0.1:{plain}"]\n{limits}')
    room = (await stage.create_room("hostile"))["room_id"]
    await stage.start_gateway()
    configuration = await stage.provision("garden", room, post="every", interval_s=60)
    await stage.operate("node.add", name="weather", room=room, plain="127.0.0.1", post="every", interval_s=60)
    return Target(stage, stage.port, plain, room, configuration)


async def test_hostile_inputs_are_answered_as_stated_and_the_next_reading_gets_its_204(
    target: Target,
) -> None:
    for port, secure in ((target.plain, False), (target.secure, True)):
        rows = layer("coap")
        requests = [bytes.fromhex(row["hex"]) for row in rows]
        for row, request, replies in zip(rows, requests, await exchange(port, requests, 0.5), strict=True):
            assert len(replies) <= 1
            assert "".join(map(code, replies)) in stated(row, secure=secure), (row, replies)
            assert all(reply[2:4] == request[2:4] for reply in replies)
            assert_small(request, replies, row["id"])

    rows = layer("cbor")
    requests = [post_r(bytes.fromhex(row["hex"]), number) for number, row in enumerate(rows)]
    for port, allowed in ((target.plain, "4.00"), (target.secure, "4.01")):
        for row, request, replies in zip(rows, requests, await exchange(port, requests, 0.5), strict=True):
            assert [code(reply) for reply in replies] == [allowed], row
            assert_small(request, replies, row["id"])

    rows = layer("oscore")
    requests = [bytes.fromhex(row["hex"]) for row in rows]
    for row, request, replies in zip(rows, requests, await exchange(target.secure, requests, 0.5), strict=True):
        assert len(replies) == 1 and code(replies[0]) in stated_oscore(row), (row, replies)
        assert_small(request, replies, row["id"])

    await good_readings_pass(target)


async def test_a_node_gone_bad_is_refused_in_secret_and_harms_nobody(target: Target) -> None:
    generator = random.Random(5)
    node = Attacker(target.configuration)
    rows = layer("cbor")
    wrong = [node.request(coap.POST, bytes.fromhex(row["hex"])) for row in rows]
    for row, request, replies in zip(rows, wrong, await exchange(target.secure, wrong, 1.0), strict=True):
        assert [node.opened(request, reply)[0] for reply in replies] == [BAD_REQUEST], row
        assert_small(request, replies, row["id"])
    # What stands under the seal may be anything at all: no code, no options, torn ones, words of no language.
    inner = [generator.randbytes(generator.randrange(40)) for _ in range(300)]
    inner += [bytes((coap.POST,)) + b"\xb1r\xff" + generator.randbytes(generator.randrange(1, 30)) for _ in range(300)]
    odd = [node.sealed(plaintext) for plaintext in inner]
    for request, replies in zip(odd, await exchange(target.secure, odd, 2.0), strict=True):
        assert len(replies) <= 1
        assert_small(request, replies, request.hex())
    await good_readings_pass(target)


class Attacker:
    """Has the keys of node 1, and none of its manners."""

    def __init__(self, configuration: dict[str, Any]) -> None:
        keys = Keys(bytes.fromhex(configuration["secret"]), node_id(configuration["node"]), b"", aead)
        self._context = keys.context()
        self._bindings: dict[bytes, oscore.Binding] = {}
        self._counter = 0

    def request(self, code: int, payload: bytes) -> bytes:
        """To r, under a fresh counter."""
        return self.sealed(bytes((code,)) + b"\xb1r" + (b"\xff" + payload if payload else b""))

    def sealed(self, plaintext: bytes) -> bytes:
        """CON POST with whatever `plaintext` under the seal."""
        self._counter += 1
        nonce = (self._context.sender_base ^ self._counter).to_bytes(13, "big")
        binding = oscore.Binding(self._context.sender_id, self._counter, nonce)
        ciphertext = self._context.sender.seal(nonce, binding.aad, plaintext)
        option = (OSCORE, oscore.option_value(self._counter, self._context.sender_id))
        message = coap.Message(coap.CON, coap.POST, self._counter, b"T", [option], ciphertext)
        encoded = coap.encode(message)
        self._bindings[encoded] = binding
        return encoded

    def opened(self, request: bytes, reply: bytes) -> tuple[int, bytes]:
        """(code, payload) under the seal of the answer to `request`."""
        message = coap.decode_untrusted(reply)
        (option,) = [value for number, value in message.options if number == OSCORE]
        counter, _, _ = oscore.read_option_untrusted(option)
        found = oscore.unprotect_response_untrusted(self._context, self._bindings[request], counter, message.payload)
        return found[0], found[2]


async def test_a_flood_of_mutated_datagrams_neither_kills_nor_fattens_the_gateway(target: Target) -> None:
    generator = random.Random(11)
    seeds = [bytes.fromhex(row["hex"]) for row in layer("coap") + layer("oscore")]
    seeds += [post_r(bytes.fromhex(row["hex"]), 1) for row in layer("cbor")] + [post_r(READING + b"\x00", 2)]

    def mutated() -> bytes:
        data = bytearray(generator.choice(seeds)[:1200])
        for _ in range(generator.randrange(1, 6)):
            place = generator.randrange(len(data) + 1)
            what = generator.randrange(4)
            if what == 0 and place < len(data):
                data[place] ^= 1 << generator.randrange(8)
            elif what == 1:
                data[place:place] = generator.randbytes(generator.randrange(9))
            elif what == 2:
                del data[place:]
            else:
                data[2:4] = generator.randbytes(2)
        return bytes(data)

    await flood(target.secure, [mutated() for _ in range(4000)], 200)  # caches fill
    before = rss_kib(target.stage.gateway_pid)
    for port in (target.secure, target.plain):
        sent = [mutated() for _ in range(8000)]
        back, seconds = await flood(port, sent, 400)
        print(f"{len(sent)} datagrams in {seconds:.1f} s, {sum(map(len, sent))} bytes in, {back} bytes out")
        assert back <= 3 * sum(map(len, sent))
    grown = rss_kib(target.stage.gateway_pid) - before
    print(f"grown by {grown} KiB")
    assert grown < 12 * 1024
    assert len(target.stage.gateway_log().splitlines()) < 40, "one line a datagram would fill the disk"
    await good_readings_pass(target)


async def good_readings_pass(target: Target) -> None:
    """2.04 for the plain node, and a real node's readings in the room."""
    reply = await answer(target.plain, post_r(READING, 0x7777))
    assert reply[1] == ACK_CHANGED and reply[2:5] == b"\x77\x77T"
    node = await target.stage.start_node("garden", target.configuration, POST_MANY.format(count=2))
    assert await asyncio.wait_for(node.wait(), 20) == 0

    async def there() -> bool:
        found = await seen(target.stage, target.room)
        assert_once_and_in_order(found)
        return [one.values["count"] for one in found if one.node == 1] == ["0", "1"]

    await until(there, 20, "both readings in the room")
