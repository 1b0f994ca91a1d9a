"""A node's texts in a real room: shown as text, whatever they look like; nobody mentioned, nothing executed."""

import asyncio
import re
from typing import Any

import pytest

from comatrix.codec import cbor, coap
from comatrix.gateway.demo.stage import Stage
from comatrix.gateway.edges.matrix.paths import client_path
from comatrix.gateway.uplink.sanitise import BIDI_CONTROLS
from tests.end_to_end.datagrams import exchange
from tests.end_to_end.hostile_target import Attacker, Target, assert_small, layer, opened_target
from tests.end_to_end.room_reading import events, until

pytestmark = pytest.mark.slow

OURS = {"<strong data-mx-profile-fallback>", "</strong>", "<br>", "<ul>", "</ul>", "<li>", "</li>"}
# 1,280 bytes is the most that is taken of a datagram. What is longer is not read: it is told to come in blocks.
TOO_LARGE = {
    "matrix-08": "66,000 bytes; where a text is cut to 16 KiB is tested with the renderer",
    "matrix-12": "5,004 bytes; the limit of digits is for what people type, which nothing reads yet",
}
EXTRA = {
    "bidi and invisible": "\u202egnp.exe\u2066\u200b",
    "NUL inside": "a\0b",
    "a mention": "@alice:example.org https://matrix.to/#/@alice:example.org",
    "a command": "!cx garden led on",
    "an entity": "&lt;b&gt;&amp;",
    "a line that looks like a record": "x\ngarden: 5 °C",
    "terminal": "\x1b[2J\x1b]0;owned\x07\x9b31m",
}


@pytest.fixture
async def target(stage: Stage) -> Target:
    """Running."""
    return await opened_target(stage)


def texts() -> dict[str, str]:
    """By name: those of the vectors that fit into a datagram, and more of the kind."""
    rows = [row for row in layer("matrix") if row["id"] not in TOO_LARGE]
    return {row["id"]: bytes.fromhex(row["hex"]).decode() for row in rows} | EXTRA


async def test_texts_of_a_node_are_shown_and_do_nothing(target: Target) -> None:
    node = Attacker(await target.stage.provision("traitor", target.room, post="every", interval_s=60))
    sent = texts()
    requests = [node.request(coap.POST, cbor.encode([text]), b"m") for text in sent.values()]
    for request, replies in zip(requests, await target.throw(target.secure, requests), strict=True):
        assert [node.opened(request, reply)[0] for reply in replies] == [coap.CHANGED]
        assert_small(request, replies, request.hex())
    huge = [node.request(coap.POST, cbor.encode([text_of(row)[:60_000]]), b"m") for row in too_large()]
    assert await exchange(target.secure, huge, 1.0) == [[told_to_come_in_blocks(request)] for request in huge]

    said: list[dict[str, Any]] = []

    async def all_there() -> bool:
        said[:] = [event for event in await events(target.stage, target.room) if event["type"] == "m.room.message"]
        return sum(shown_records(event) for event in said) >= len(sent)

    await until(all_there, 30, "the texts in the room")
    for event in said:
        assert_harmless(event["content"])
    bodies = "\n".join(event["content"]["body"] for event in said)
    assert '<img src="mxc://evil.example/x">' in bodies
    assert "@room fire!" in bodies and "!reboot all" in bodies and "!cx garden led on" in bodies
    assert "a\ufffdb" in bodies
    assert re.search("\n +garden: 5 °C", bodies), "indented: it cannot pass for a record of the garden"
    await asyncio.sleep(2)
    everything = await events(target.stage, target.room)
    assert {event["sender"] for event in everything if event["type"] == "m.room.message"} == {said[0]["sender"]}
    assert sum(shown_records(event) for event in everything) == len(sent), "nothing answered a command"
    log = target.stage.gateway_log()
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", log), "control characters reach the operator's terminal"
    await target.good_readings_pass()


def told_to_come_in_blocks(request: bytes) -> bytes:
    """4.13 with a Block1 of 1,024 bytes (RFC 7959, section 2.9.3), from message id and token alone."""
    return b"\x61\x8d" + request[2:5] + b"\xd1\x0e\x06"


def too_large() -> list[dict[str, Any]]:
    return [row for row in layer("matrix") if row["id"] in TOO_LARGE]


def text_of(row: dict[str, Any]) -> str:
    return bytes.fromhex(row["hex"]).decode()


def shown_records(event: dict[str, Any]) -> int:
    """How many of a node's records an event shows."""
    return len(event["content"].get("eu.comatrix.telemetry", {}).get("records", []))


def assert_harmless(content: dict[str, Any]) -> None:
    """As silent as a notice, mentions nobody, holds no markup or control character of a node's."""
    assert content["msgtype"] == "m.notice"
    assert content["m.mentions"] == {}
    assert set(re.findall(r"<[^>]*>", content["formatted_body"])) <= OURS
    for text in (content["body"], content["formatted_body"]):
        assert not set(text) & set(BIDI_CONTROLS)
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", text)


async def test_a_room_id_that_looks_like_a_path_stays_one_segment(target: Target) -> None:
    (row,) = [row for row in layer("matrix") if row["id"] == "matrix-16"]
    room_id = text_of(row)
    path = client_path("v3", "rooms", room_id, "send", "m.room.message", "1")
    assert path == "/_matrix/client/v3/rooms/%21room%2F..%2F..%2Fadmin/send/m.room.message/1"
    assert target.stage.person is not None
    answer = await target.stage.person.state_event(room_id, "m.room.create")
    assert answer.status in (403, 404), "the homeserver took it for a room, and knows none of that name"
