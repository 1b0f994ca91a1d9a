"""A running gateway to throw things at, somebody who has a node's keys, and what must hold after each group."""

import asyncio
import json
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from comatrix.codec import cbor, coap
from comatrix.codec.option_numbers import OSCORE
from comatrix.gateway.aead import aead
from comatrix.gateway.demo.free_port import free_port
from comatrix.gateway.demo.stage import Stage
from comatrix.session import oscore
from comatrix.session.keys import Keys, node_id
from tests.end_to_end.datagrams import LOCALHOST, answer, exchange
from tests.end_to_end.node_programs import POST_MANY
from tests.end_to_end.room_reading import seen, until

VECTORS = Path(__file__).parents[1] / "vectors"
FILES = ("hostile_inputs.json", "hostile_oscore.json", "hostile_matrix.json")
ROWS: list[dict[str, Any]] = [row for file in FILES for row in json.loads((VECTORS / file).read_text())]
READING = cbor.encode({0: 2137})
ACK_CHANGED = 0x44  # 2.04
AT_ONCE = 20  # the gateway answers strangers 50 times a second, all together
PLAIN_COAP, PLAIN_CBOR = "127.0.2.1", "127.0.2.2"  # the addresses of two plain nodes gone bad


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


def assert_small(request: bytes, replies: Sequence[bytes], name: str) -> None:
    """At most three times what was received, all replies together."""
    assert sum(map(len, replies)) <= 3 * len(request), f"{name}: {[reply.hex() for reply in replies]}"


@dataclass(slots=True)
class Target:
    """A gateway that knows an OSCORE node, number 1, and plain nodes at 127.0.0.1 and two addresses more."""

    stage: Stage
    secure: int  # port
    plain: int  # port
    room: str
    configuration: dict[str, Any]  # of the OSCORE node
    posted: int = 0

    async def throw(
        self, port: int, requests: Sequence[bytes], sources: Sequence[str] = LOCALHOST
    ) -> list[list[bytes]]:
        """What comes back for each, a few at a time."""
        found: list[list[bytes]] = []
        for begin in range(0, len(requests), AT_ONCE):
            found += await exchange(port, requests[begin : begin + AT_ONCE], 0.6, sources[begin:] or sources)
        return found

    async def good_readings_pass(self) -> None:
        """2.04 for the plain node, and a real node's next reading in the room."""
        reply = await answer(self.plain, post_r(READING, 0x7777 + self.posted))
        assert reply[1] == ACK_CHANGED
        node = await self.stage.start_node("garden", self.configuration, POST_MANY.format(count=2))
        assert await asyncio.wait_for(node.wait(), 20) == 0
        self.posted += 2

        async def there() -> bool:
            found = [one for one in await seen(self.stage, self.room) if one.node == 1 and "count" in one.values]
            assert len({(one.enrolment, one.seq) for one in found}) == len(found)
            return [one.values["count"] for one in found] == ["0", "1"] * (self.posted // 2)

        await until(there, 20, "both readings in the room")


async def opened_target(stage: Stage) -> Target:
    """Running, with nobody heard yet."""
    plain = free_port(socket.SOCK_DGRAM)
    await stage.open_homeserver(f'plain_bind = ["127.0.0.1:{plain}"]\n')
    room = (await stage.create_room("hostile"))["room_id"]
    await stage.start_gateway()
    configuration = await stage.provision("garden", room, post="every", interval_s=60)
    for name, address in (("weather", "127.0.0.1"), ("bad-coap", PLAIN_COAP), ("bad-cbor", PLAIN_CBOR)):
        await stage.operate("node.add", name=name, room=room, plain=address, post="every", interval_s=60)
    return Target(stage, stage.port, plain, room, configuration)


class Attacker:
    """Has the keys of a node, and none of its manners."""

    def __init__(self, configuration: dict[str, Any]) -> None:
        self._kid = node_id(configuration["node"])
        self._context = Keys(bytes.fromhex(configuration["secret"]), self._kid, b"", aead).context()
        self._bindings: dict[bytes, oscore.Binding] = {}
        self._counter = 0

    def request(self, code: int, payload: bytes, path: bytes = b"r") -> bytes:
        """To a resource, under a fresh counter."""
        return self.sealed(bytes((code,)) + b"\xb1" + path + (b"\xff" + payload if payload else b""))

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
