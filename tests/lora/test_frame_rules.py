"""What stands inside a frame: its size to the byte, back and forth, and nothing but FrameError for what is wrong."""

import random
import re
from pathlib import Path

import pytest
from comatrix_lora.errors import FrameError, LoraError
from comatrix_lora.frame import TAG, nonce
from comatrix_lora.rules import (
    KINDS,
    LAST_SCHEMA,
    RESOURCES,
    Ack,
    Aged,
    Command,
    Data,
    Feedback,
    Fragment,
    History,
    Record,
    Rule,
    decode_untrusted,
)
from comatrix_lora.schema import climate, encode_older

from tests.lora.frame_sides import Sides

SCHEMA = climate()
NOW = {0: 2137, 1: 452}
VALUES = SCHEMA.pack(NOW)
COMMAND = Command(513, 2, b"\x18\x1e")  # 30, in CBOR

EXAMPLES: list[Rule] = [
    Data(0, VALUES),
    Data(14, VALUES, ack=True),
    Data(15, VALUES),
    Data(LAST_SCHEMA, VALUES, ack=True),
    History(0, 250, 0b101, VALUES + bytes(6)),
    History(16, 250, 0, VALUES + bytes(2), ack=True),
    Aged(0, 7, [0xFFFF], VALUES),
    Aged(0, 0x7FFF, [0, 600, 1200, 1800], VALUES + bytes(6), 250, 0b101, ack=True),
    Ack(250, 0b10000001),
    Ack(0, 0, time_s=0xFFFFFFFF, command=COMMAND, describe=True, advice=0x9C, ack=True),
    Ack(1, 2, command=COMMAND),
    Ack(1, 2, describe=True),
    Ack(1, 2, advice=3),
    COMMAND,
    Command(1, 0, ack=True),
    Fragment("d", 1, 2, 32, 200, b"part"),
    Record("t", b""),
    Record("m", b"\x81\x63hey", ack=True, behind=0xFFFF),
    Feedback(b"\x07\x20\x03"),
    *(Record(name, b"\x81\x63hey", ack=True) for name in RESOURCES),
]


def size(rule: Rule, *, own: bool = False, up: bool = True) -> int:
    """Bytes on the air of a frame in the short form."""
    sides = Sides()
    sides.up(sides.node.seal_request(1, b"x"))
    if up:
        return len(sides.node.seal_request(2, rule.encode()))
    if not own:
        return len(sides.gateway.seal_response(1, rule.encode()))
    sides.gateway.seal_response(1, b"x", 1)
    return len(sides.gateway.seal_response(1, rule.encode(), 2))


def test_a_reading_of_two_sensors_takes_15_bytes() -> None:
    assert size(Data(0, VALUES)) == 15
    assert size(Data(14, VALUES, ack=True)) == 15
    assert size(Data(15, VALUES)) == 16


@pytest.mark.parametrize("older", range(1, 9))
def test_a_reading_with_n_older_ones_takes_17_and_2_for_each(older: int) -> None:
    entries = b"".join(encode_older(SCHEMA, NOW, {0: 2137 - n, 1: 452 + n}) for n in range(older))
    assert size(History(0, 5, (1 << older - 1) - 1, VALUES + entries)) == 17 + 2 * older


def test_an_ack_takes_14_bytes_15_under_a_counter_of_its_own_and_4_more_with_the_time() -> None:
    assert size(Ack(5, 0), up=False) == 14
    assert size(Ack(5, 0), up=False, own=True) == 15
    assert size(Ack(5, 0, time_s=1_800_000_000), up=False) == 18


def test_a_command_takes_17_bytes_18_under_a_counter_of_its_own_and_5_more_in_an_ack() -> None:
    assert size(COMMAND, up=False) == 17
    assert size(COMMAND, up=False, own=True) == 18
    assert size(Ack(5, 0, command=COMMAND), up=False) == 19


def test_a_fragment_takes_16_bytes_and_its_data() -> None:
    assert size(Fragment("m", 1, 0, 10, 4, bytes(20))) == 16 + 20
    assert size(Fragment("m", 1, 0, 10, 4, bytes(20)), up=False, own=True) == 17 + 20


def test_a_record_takes_12_bytes_and_its_body() -> None:
    assert size(Record("h", bytes(20))) == 12 + 20
    assert size(Record("h", bytes(20), behind=1)) == 14 + 20


def test_a_feedback_about_several_blocks_takes_12_bytes_and_its_own() -> None:
    assert size(Feedback(bytes(5)), up=False) == 12 + 5


@pytest.mark.parametrize("rule", EXAMPLES, ids=repr)
def test_every_kind_comes_back_as_it_was(rule: Rule) -> None:
    plain = rule.encode()
    assert plain[0] >> 7 == rule.ack
    again = decode_untrusted(plain)
    assert again == rule
    assert again.encode() == plain


def test_every_kind_has_an_example() -> None:
    assert {type(rule) for rule in EXAMPLES} == set(KINDS)
    assert [kind.kind for kind in KINDS] == list(range(8))


def test_rules_of_other_parts_are_not_equal() -> None:
    assert Data(0, VALUES) != Data(0, VALUES, ack=True)
    assert Data(0, VALUES) != Data(1, VALUES)
    assert Record("c", b"abc") != Command(1, 1, b"abc")


@pytest.mark.parametrize("rule", EXAMPLES, ids=repr)
def test_cut_anywhere_it_is_refused_or_another_rule(rule: Rule) -> None:
    plain = rule.encode()
    for end in range(len(plain)):
        try:
            cut = decode_untrusted(plain[:end])
        except FrameError:
            continue
        assert cut.encode() == plain[:end]


def test_bytes_of_chance_are_refused_or_come_back() -> None:
    noise = random.Random(5)
    refused = 0
    for _ in range(100_000):
        plain = noise.randbytes(noise.randrange(20))
        try:
            rule = decode_untrusted(plain)
        except FrameError:
            refused += 1
        else:
            assert rule.encode() == plain
    assert 10_000 < refused < 90_000


@pytest.mark.parametrize(
    ("plain", "why"),
    [
        (b"", "no rule byte"),
        (b"\x71abc", "new keys"),
        (b"\x72abc", "low part"),
        (b"\xf0ab", "cut short"),
        (b"\x69\x00\x00a", "a repeat that is none"),
        (b"\x69\x00", "cut short"),
        (b"\x6f\x00\x01a", "resource"),
        (b"\x00", "cut short"),
        (b"\x0f", "cut short"),
        (b"\x0f\x01", "cut short"),
        (b"\x30\x01", "wrong length"),
        (b"\x30\x01\x02\x03", "wrong length"),
        (b"\x32\x01\x02\x03\x04\x05", "wrong length"),
        (b"\x34\x01\x02\x03\x04", "cut short"),
        (b"\x41\x01\x02\x03", "low part"),
        (b"\x57\x01\x02\x03\x04\x05", "resource"),
        (b"\x67", "resource"),
    ],
)
def test_what_no_rule_says_is_refused(plain: bytes, why: str) -> None:
    with pytest.raises(FrameError, match=why):
        decode_untrusted(plain)


@pytest.mark.parametrize(
    "rule",
    [
        Data(LAST_SCHEMA + 1, VALUES),
        Data(-1, VALUES),
        History(0, 256, 0, VALUES),
        Aged(0, 1, [0x10000], VALUES),
        Aged(0, 0x8000, [1], VALUES),
        Aged(0, 1, [1, 2], VALUES),
        Aged(0, 1, [1], VALUES, 250),
        Ack(0, 0, time_s=1 << 32),
        Ack(0, 0, advice=256),
        Command(0x10000, 1),
        Command(1, 256),
        Fragment("m", 256, 0, 1, 1, b"x"),
        Record("m", b"", behind=0x10000),
        Record("x", b""),
        Record("rm", b""),
        Record("", b""),
    ],
    ids=repr,
)
def test_what_does_not_fit_is_not_sent(rule: Rule) -> None:
    with pytest.raises(LoraError):
        rule.encode()


def test_the_tag_is_the_only_other_byte() -> None:
    """What is sealed is the rule's bytes and nothing else."""
    sides = Sides()
    plain = Data(0, VALUES).encode()
    frame = sides.node.seal_request(1, plain)
    assert len(frame) == 7 + len(plain) + TAG
    assert next(iter(sides.recorder.sealed.values())) == plain
    assert nonce(sides.node.context.sender_base, 1) == next(iter(sides.recorder.sealed))[1]


def test_the_examples_of_the_reference_are_what_is_sent() -> None:
    """docs/reference/wire.md, LoRa frames: each sealed frame stands there, under its bytes in the clear."""
    page = (Path(__file__).parents[2] / "docs" / "reference" / "wire.md").read_text(encoding="utf-8")
    lines = page.split("### Examples")[1].split("```")[1].splitlines()
    shown = ["".join(re.findall(r"\b(?:[0-9a-f]{2})+\b", re.split(r" {4}|[A-Z]", line)[0])) for line in lines if line]
    sides, older = Sides(), {0: 2140, 1: 449}
    entries = encode_older(SCHEMA, NOW, older) + encode_older(SCHEMA, older, {0: 2440, 1: 449})
    sides.up(sides.node.seal_request(19, b"\x00"))
    made = []
    for counter, rule in ((20, Data(0, VALUES)), (21, History(0, 18, 1, VALUES + entries, ack=True))):
        made += [rule.encode(), sides.node.seal_request(counter, rule.encode())]
        sides.up(made[-1])
    acknowledged, command = Ack(21, 0).encode(), Command(3, 1, b"\x18\x1e").encode()
    made += [acknowledged, sides.gateway.seal_response(21, acknowledged)]
    made += [command, sides.gateway.seal_response(21, command, 5)]
    assert shown == [one.hex() for one in made]
