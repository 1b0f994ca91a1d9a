"""Hypothesis strategies for the targets: pure noise, vectors bent a little, and values of the right shape."""

import json

from hypothesis import strategies as st

from comatrix.codec import cbor
from comatrix.gateway.downlink.verbs import VERBS
from tests.fuzz.seeds import seeds
from tests.fuzz.server_under_fire import script
from tests.fuzz.targets import BLOCKS, OBSERVATIONS, SERVER, Target

NOISE = st.binary(max_size=120)
SCALARS = st.none() | st.booleans() | st.integers(-(1 << 64), (1 << 64) - 1) | st.floats(allow_nan=False, width=32)
PLAIN = SCALARS.filter(lambda value: value not in (float("inf"), float("-inf"))) | st.text(max_size=8)
KEYS = st.integers(-2, 70_000) | st.text(max_size=4)
VALUES = st.recursive(
    PLAIN | st.binary(max_size=8),
    lambda child: st.lists(child, max_size=5) | st.dictionaries(KEYS, child, max_size=5),
    max_leaves=12,
)
SMALL = st.integers(0, 70_000)
SHAPED = (
    st.dictionaries(st.integers(-1, 40), SMALL | st.floats(0, 99, width=16), min_size=1, max_size=6)
    | st.tuples(SMALL, st.text(max_size=8)).map(list)
    | st.dictionaries(st.integers(0, 5), st.none() | SMALL | st.text(max_size=8) | st.binary(max_size=8), max_size=6)
    | SMALL
)
MATRIX_WORDS = [
    *("rooms", "join", "leave", "invite", "state", "timeline", "invite_state", "events", "type", "state_key"),
    *("access_token", "refresh_token", "expires_in_ms", "predecessor", "room_id", "event_id", "unsigned"),
    *("chunk", "end", "body", "msgtype", "redacts", "m.relates_to", "m.new_content", "m.mentions", "m.in_reply_to"),
    *("users", "users_default", "room_version", "additional_creators", "origin_server_ts", "rel_type"),
    *("content", "membership", "sender", "reason", "replacement_room", "errcode", "error", "retry_after_ms"),
]
MATRIX_TEXTS = ["", "m.room.member", "m.room.encryption", "m.room.tombstone", "m.room.power_levels", "ban"]
JSON_VALUES = st.recursive(
    PLAIN | st.sampled_from(MATRIX_TEXTS),
    lambda child: st.lists(child, max_size=4) | st.dictionaries(st.sampled_from(MATRIX_WORDS), child, max_size=5),
    max_leaves=20,
)
OBJECTS = st.dictionaries(st.sampled_from(MATRIX_WORDS), JSON_VALUES, max_size=4)
RENEWED = st.fixed_dictionaries(
    {"access_token": st.text(max_size=4)},
    optional={"refresh_token": PLAIN, "expires_in_ms": PLAIN, "predecessor": OBJECTS, "events": st.lists(OBJECTS)},
)
TYPED_WORDS = [*VERBS, "!cx", "garden", " ", " ", "ttl=", "priority=", "10min", "0", '"', "'", "\\", "“", "”", "/", "#"]
OF_CBOR = ("cbor.", "cbor_foreign.", "records.", "record_types.", "record_json.", "descriptions.")
OF_JSON = ("changes.", "answer.", "heard.", "hearing.", "grants.", "session.", "upgrades.")
OF_WORDS = ("grammar.", "addressing.")


def inputs(target: Target) -> st.SearchStrategy[bytes]:
    """Bytes for a target."""
    found: st.SearchStrategy[bytes] = NOISE
    known = [seed for layer in target.seeds for seed in seeds(layer)]
    if known:
        found |= st.builds(_bent, st.sampled_from(known), st.lists(st.tuples(st.integers(0, 3000), NOISE), max_size=3))
    if target.name.startswith(OF_CBOR):
        lead = st.binary(min_size=1, max_size=1) if target.name.startswith("record_json") else st.just(b"")
        body = st.lists(VALUES | SHAPED, min_size=1, max_size=3).map(lambda parts: b"".join(map(cbor.encode, parts)))
        found |= st.builds(bytes.__add__, lead, body)
    elif target.name.startswith(OF_JSON):
        head = bytes(12) if target.name.startswith("answer") else b""
        objects = OBJECTS | RENEWED | JSON_VALUES.map(lambda value: {"rooms": value})
        found |= objects.map(lambda value: head + json.dumps(value).encode())
    elif target.name.startswith(OF_WORDS):
        found |= st.lists(st.sampled_from(TYPED_WORDS) | st.text(max_size=4)).map(lambda parts: "".join(parts).encode())
    elif target in (BLOCKS, OBSERVATIONS):
        found |= st.binary(min_size=30, max_size=180)
    elif target is SERVER:
        found |= st.lists(st.builds(script, st.integers(0, 6), NOISE), max_size=12).map(b"".join)
    return found


def _bent(seed: bytes, changes: list[tuple[int, bytes]]) -> bytes:
    """`seed` with a few bytes replaced, put in or taken away."""
    data = bytearray(seed)
    for place, noise in changes:
        at = place % (len(data) + 1)
        cut = len(noise) // 2 if place & 1 else 0
        data[at : at + cut] = noise[:4]
    return bytes(data)
