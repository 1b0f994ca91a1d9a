"""What a corpus begins with: the vectors, and messages as nodes and homeservers write them."""

import json
from collections.abc import Iterator
from pathlib import Path

from comatrix.codec import cbor, coap, records
from comatrix.codec.option_numbers import URI_PATH
from comatrix.gateway.downlink.verbs import VERBS
from comatrix.session import oscore
from tests.fuzz import lora_seeds, payload_targets
from tests.fuzz import server_under_fire as fire

VECTORS = Path(__file__).parents[1] / "vectors"
RECORDS = (
    records.Readings({0: 2137, 1: 452}),
    records.Readings({0: -5, 300: 1 << 40}, 90),
    records.Text("hello", 3),
    records.Hello("comatrix 0.1", 1, b"hash", 60, 391, 7),
    records.Command(7, "text"),
    records.Command(7, 2, [1, True, "on"]),
    records.Result(7, 1, [1.5]),
)
SYNC = {
    "next_batch": "s1",
    "rooms": {
        "join": {
            "!a:example.org": {
                "state": {"events": [{"type": "m.room.encryption", "state_key": "", "content": {}}]},
                "timeline": {
                    "events": [
                        {"type": "m.room.tombstone", "state_key": "", "content": {"replacement_room": "!b:example.org"}}
                    ]
                },
            }
        },
        "leave": {
            "!c": {
                "timeline": {
                    "events": [
                        {"type": "m.room.member", "state_key": "@bot:example.org", "content": {"membership": "ban"}}
                    ]
                }
            }
        },
        "invite": {"!d": {"invite_state": {"events": [{"type": "m.room.member", "sender": "@a:b"}]}}},
    },
}
EVENT = {
    "type": "m.room.message",
    "event_id": "$e",
    "room_id": "!a:example.org",
    "sender": "@a:b",
    "content": {"membership": "join"},
    "unsigned": {"prev_content": {"membership": "invite"}},
}
TYPED = {
    "type": "m.room.message",
    "event_id": "$m",
    "sender": "@a:b",
    "origin_server_ts": 1_700_000_000_000,
    "content": {
        "msgtype": "m.text",
        "body": "> <@b:c> q\n\nset garden interval 60",
        "m.mentions": {"user_ids": ["@bot:example.org"]},
        "m.relates_to": {"rel_type": "m.thread", "event_id": "$t", "m.in_reply_to": {"event_id": "$r"}},
    },
}
TAKEN_BACK = {"type": "m.room.redaction", "event_id": "$n", "sender": "@a:b", "content": {"redacts": "$m"}}
CREATED = {
    "type": "m.room.create",
    "sender": "@a:b",
    "content": {"room_version": "12", "additional_creators": ["@c:d"]},
}
RENEWED = {"access_token": "t", "refresh_token": "r", "expires_in_ms": 3_600_000}
TYPED_LINES = (
    "say garden \"back at six\" 'x' don't \\\\ “y” ttl=10min priority=0",
    "all call home/relay on ttl=1d",
    "sett garden interval 21,5 prioritty=3",
    "cancel #17 18",
)
REFUSED = {"errcode": "M_LIMIT_EXCEEDED", "error": "slow down", "retry_after_ms": 2000}


def seeds(layer: str) -> list[bytes]:
    """The beginning of a corpus, for a layer of the vectors or a group of this module."""
    made = {
        **lora_seeds.LAYERS,
        "records": _records,
        "oscore options": _options,
        "sync": _sync,
        "answers": _answers,
        "commands": _commands,
        "payloads": _payloads,
        "server": _server,
    }
    return list(made[layer]()) if layer in made else list(_vectors(layer))


def _vectors(layer: str) -> Iterator[bytes]:
    for name in ("hostile_inputs.json", "hostile_oscore.json", "hostile_blocks.json"):
        for row in json.loads((VECTORS / name).read_text()):
            if row["layer"] == layer:
                yield bytes.fromhex(row["hex"])[:1280]


def _records() -> Iterator[bytes]:
    for record in RECORDS:
        yield records.encode(record)
        yield records.encode(record, 65_537)
    yield records.Answer(1_700_000_000, records.Command(7, 2, [1]), True, True, 99).encode()


def _options() -> Iterator[bytes]:
    for counter in (None, 0, 255, 1 << 39):
        yield oscore.option_value(counter, b"\x01")
        yield oscore.option_value(counter, b"", b"\x48" + bytes(8))
        yield b"\x01\x50" + bytes(16)


def _sync() -> Iterator[bytes]:
    yield json.dumps(SYNC).encode()
    yield json.dumps({"events": [EVENT, {**EVENT, "type": "m.room.member", "state_key": "@bot:example.org"}]}).encode()
    yield json.dumps({"chunk": [TYPED, TAKEN_BACK, EVENT], "end": "t1"}).encode()
    yield json.dumps({"rooms": {"join": {"!a:b": {"timeline": {"events": [TYPED, TAKEN_BACK]}}}}}).encode()
    yield json.dumps({**CREATED, "users": {"@x:y": 50}, "events": {"eu.comatrix.command": 10}}).encode()
    yield json.dumps(RENEWED).encode()
    yield json.dumps({"predecessor": {"room_id": "!a:b"}, "room_version": "11"}).encode()


def _answers() -> Iterator[bytes]:
    yield b"\x03" + b"120" + bytes(8) + json.dumps(REFUSED).encode()


def _commands() -> Iterator[bytes]:
    for line in (*(verb.example for verb in VERBS.values()), *TYPED_LINES):
        yield line.encode()
        yield f"!cx {line}".encode()


def _payloads() -> Iterator[bytes]:
    yield from payload_targets.SEEDS


def _server() -> Iterator[bytes]:
    reading = coap.encode_body([(URI_PATH, b"r")], cbor.encode({0: 2137}))
    hello = coap.encode_body([(URI_PATH, b"h")], records.encode(records.Hello("x", 1)))
    post = fire.script(fire.SEALED, b"\x00" + bytes((coap.POST,)) + reading)
    greet = fire.script(fire.SEALED, b"\x00" + bytes((coap.POST,)) + hello)
    again = fire.script(fire.SEALED_AGAIN, b"")
    yield greet + post + again + again
    yield post + fire.script(fire.RESTART, b"") + again + post
    yield post + fire.script(fire.TIME, b"\x03\xff\xff") + again + fire.script(fire.DISK, b"") + post
    yield fire.script(fire.FROM_PLAIN, b"\x41\x02\x12\x34T" + reading) * 2
    for datagram in (*_vectors("coap"), *_vectors("oscore"), *_vectors("block")):
        yield fire.script(fire.RAW, datagram[:255]) + fire.script(fire.FROM_PLAIN, datagram[:255])
