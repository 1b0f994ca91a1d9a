"""The CBOR codec against RFC 8949 Appendix A and the hostile inputs collected for this project."""

import contextlib
import json
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from comatrix.codec import cbor, cbor_foreign
from comatrix.codec.description import read_description
from comatrix.codec.records import (
    read_answer_untrusted,
    read_hello,
    read_readings,
    read_result,
    read_text,
    split_untrusted,
)
from comatrix.errors import CborError, WireError

VECTORS = Path(__file__).parents[1] / "vectors"
APPENDIX_A: list[dict[str, Any]] = json.loads((VECTORS / "rfc8949_appendix_a.json").read_text())
HOSTILE = [row for row in json.loads((VECTORS / "hostile_inputs.json").read_text()) if row["layer"] == "cbor"]

# Values that JSON cannot say, in the order of the RFC.
FROM_DIAGNOSTIC: dict[str, object] = {
    "h''": b"",
    "h'01020304'": bytes([1, 2, 3, 4]),
    "{1: 2, 3: 4}": {1: 2, 3: 4},
    "(_ h'0102', h'030405')": bytes([1, 2, 3, 4, 5]),
}
# The stated policy (cbor.py): the words with which things are refused.
TAGS = "unknown tag"
SIMPLE = "unknown simple value"
NOT_FINITE = "not a finite number"
INDEFINITE = "indefinite length"


def value_of(row: dict[str, Any]) -> object:
    return row["decoded"] if "decoded" in row else FROM_DIAGNOSTIC.get(row["diagnostic"], ...)


def refusal_of(row: dict[str, Any]) -> str | None:
    """The words a vector is refused with, or None when its value is read."""
    data = bytes.fromhex(row["hex"])
    if data[0] >> 5 == 6:
        return TAGS
    if data[0] in (0xF7, 0xF0, 0xF8):
        return SIMPLE
    if row.get("diagnostic") in ("Infinity", "NaN", "-Infinity"):
        return NOT_FINITE
    return None if row["roundtrip"] else INDEFINITE  # the other non-deterministic examples are open ones


@pytest.mark.parametrize("row", APPENDIX_A, ids=lambda row: row["hex"][:24])
def test_each_example_of_the_rfc_is_read_or_refused_as_the_policy_says(row: dict[str, Any]) -> None:
    data = bytes.fromhex(row["hex"])
    refusal = refusal_of(row)
    if refusal is not None:
        with pytest.raises(CborError, match=refusal):
            cbor.decode_untrusted(data)
        return
    expected = value_of(row)
    assert expected is not ...
    value = cbor.decode_untrusted(data)
    assert (type(value), repr(value)) == (type(expected), repr(expected))
    # Every example we read that the RFC calls a round trip is the deterministic encoding.
    assert row["roundtrip"] is (cbor.encode(value) == data)


def test_the_rfc_has_all_its_examples_here() -> None:
    assert len(APPENDIX_A) == 81
    assert sum(refusal_of(row) is None for row in APPENDIX_A) == 50


@pytest.mark.parametrize(
    "row", [row for row in APPENDIX_A if refusal_of(row) == INDEFINITE], ids=lambda row: row["hex"]
)
def test_foreign_cbor_may_have_indefinite_lengths(row: dict[str, Any]) -> None:
    assert cbor_foreign.decode_untrusted(bytes.fromhex(row["hex"])) == value_of(row)


def as_any_record(data: bytes) -> None:
    """What a gateway and a node do with a body; raises WireError when no reader takes it."""
    readers: list[Callable[[object], object]] = [read_readings, read_text, read_result, read_hello, read_description]
    _, value = split_untrusted(data)
    taken = 0
    for reader in readers:
        try:
            reader(value)
            taken += 1
        except WireError:
            pass
    if not taken:
        raise CborError("no record")


# These are sound CBOR of kinds we speak; what becomes of them is a record's business.
SOUND = {"cbor-81", "cbor-85", "cbor-89", "cbor-91"}


@pytest.mark.parametrize("row", HOSTILE, ids=lambda row: row["id"])
def test_hostile_cbor_is_refused_by_one_error(row: dict[str, Any]) -> None:
    data = bytes.fromhex(row["hex"])
    if row["id"] in SOUND:
        cbor.decode_untrusted(data)
    else:
        with pytest.raises(CborError):
            cbor.decode_untrusted(data)
    with pytest.raises(WireError):
        as_any_record(data)


@pytest.mark.parametrize("row", HOSTILE, ids=lambda row: row["id"])
def test_hostile_cbor_raises_nothing_else_at_any_other_reader(row: dict[str, Any]) -> None:
    data = bytes.fromhex(row["hex"])
    for reader in (cbor_foreign.decode_untrusted, cbor.decode_sequence_untrusted, read_answer_untrusted):
        with contextlib.suppress(WireError):
            reader(data)


HUGE_LENGTHS = [
    bytes([major << 5 | info]) + b"\xff" * (1 << info - 24) for major in (2, 3, 4, 5) for info in (25, 26, 27)
]


@pytest.mark.parametrize("data", HUGE_LENGTHS, ids=lambda data: data.hex())
@pytest.mark.parametrize("decode", [cbor.decode_untrusted, cbor_foreign.decode_untrusted], ids=["strict", "foreign"])
def test_a_huge_length_costs_neither_time_nor_memory(decode: Callable[[bytes], object], data: bytes) -> None:
    whole = data + bytes(1200)
    tracemalloc.start()
    try:
        before = time.perf_counter()
        with pytest.raises(CborError):
            decode(whole)
        took_s = time.perf_counter() - before
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 16_384
    assert took_s < 0.1


@pytest.mark.parametrize(
    ("data", "fits"),
    [
        (b"\x98\x20" + bytes(32), True),
        (b"\x98\x21" + bytes(33), False),
        (b"\x81" * 6 + b"\x80", False),
        (b"\x81" * 5 + b"\x80", True),
    ],
    ids=["32 items", "33 items", "7 levels", "6 levels"],
)
def test_limits_hold_exactly(data: bytes, fits: bool) -> None:
    if fits:
        cbor.decode_untrusted(data)
    else:
        with pytest.raises(CborError, match="too"):
            cbor.decode_untrusted(data)


def test_a_sequence_is_limited_too() -> None:
    assert cbor.decode_sequence_untrusted(bytes(32)) == [0] * 32
    with pytest.raises(CborError, match="too many items"):
        cbor.decode_sequence_untrusted(bytes(33))
    assert cbor.decode_sequence_untrusted(b"") == []


@pytest.mark.parametrize("data", ["1817", "1900ff", "1a0000ffff", "1b00000000ffffffff", "5801ff", "b80100 00"])
def test_a_head_longer_than_needed_is_refused_from_nodes_and_read_from_others(data: str) -> None:
    with pytest.raises(CborError, match="longer than needed"):
        cbor.decode_untrusted(bytes.fromhex(data))
    cbor_foreign.decode_untrusted(bytes.fromhex(data))


def test_unsorted_keys_are_read() -> None:
    assert cbor.decode_untrusted(bytes.fromhex("a203040102")) == {3: 4, 1: 2}


@pytest.mark.parametrize("data", ["a2010101 02", "a2616101616102", "a2410101410102"])
def test_a_key_that_stands_twice_is_refused(data: str) -> None:
    for decode in (cbor.decode_untrusted, cbor_foreign.decode_untrusted):
        with pytest.raises(CborError, match="duplicate"):
            decode(bytes.fromhex(data))


@pytest.mark.parametrize("key", ["f4", "f5", "f6", "f93c00", "80", "a0"])
def test_a_key_that_python_could_mistake_for_another_is_refused(key: str) -> None:
    with pytest.raises(CborError, match="map key"):
        cbor.decode_untrusted(bytes.fromhex("a1" + key + "01"))


def test_the_order_of_keys_is_the_one_of_rfc_8949_section_4_2_1() -> None:
    mixed = {"aa": 0, -1: 0, "z": 0, 100: 0, 10: 0}
    assert cbor.encode(mixed).hex() == "a50a00186400200061" + "7a00" + "62616100"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 1 << 64, -(1 << 64) - 1, "\ud800"])
def test_what_cannot_be_said_is_not_written(value: object) -> None:
    with pytest.raises(ValueError):
        cbor.encode(value)
    with pytest.raises(ValueError):
        cbor.encode({1: [value]})


def test_a_type_we_do_not_speak_is_not_written() -> None:
    with pytest.raises(TypeError, match="no CBOR for set"):
        cbor.encode({1, 2})
