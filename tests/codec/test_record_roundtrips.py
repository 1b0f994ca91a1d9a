"""Records: each becomes the bytes that become it, and whatever bytes arrive raise one kind of error."""

import contextlib
import hashlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comatrix.codec import cbor, records
from comatrix.codec.description import Description, Method, Setting, description_hash, read_description
from comatrix.codec.record_types import AGE, Record
from comatrix.codec.records import Answer, Command, Hello, Readings, Result, Text
from comatrix.errors import CborError, RecordError, WireError
from tests.support.descriptions import DESCRIPTIONS

U16 = st.integers(0, 65535)
U32 = st.integers(0, (1 << 32) - 1)
EXACT = st.integers(1 - (1 << 53), (1 << 53) - 1)
TEXTS = st.text(max_size=64)
SEQS = st.none() | st.integers(0, (1 << 40) - 1)
SCALARS = st.none() | st.booleans() | EXACT | TEXTS | st.binary(max_size=8)


def maybe(part: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.none() | part


READINGS = st.builds(Readings, st.dictionaries(U16, EXACT, min_size=1, max_size=31), U32) | st.builds(
    Readings, st.dictionaries(st.integers(0, 30), EXACT, max_size=16), U32, st.just((31, 40_000))
)
TEXT = st.builds(Text, TEXTS, st.integers(-65535, 65535))
RESULT = st.builds(Result, U16, st.integers(0, 255), SCALARS)
COMMAND = st.builds(Command, U16, U16, st.lists(SCALARS, max_size=8)) | st.builds(Command, U16, TEXTS)
HELLO = st.builds(Hello, *map(maybe, (st.text(max_size=32), U32, st.binary(max_size=32), U32, U32, U32)))
ANSWER = st.builds(
    Answer, maybe(st.integers(0, (1 << 40) - 1)), st.none() | COMMAND, st.booleans(), st.booleans(), maybe(U32)
)
READERS: list[tuple[str, st.SearchStrategy[Record], Callable[[object], Record]]] = [
    ("readings", READINGS, records.read_readings),
    ("text", TEXT, records.read_text),
    ("result", RESULT, records.read_result),
    ("command", COMMAND, records.read_command),
    ("hello", HELLO, records.read_hello),
    ("description", DESCRIPTIONS, read_description),
]


@pytest.mark.parametrize(("strategy", "reader"), [row[1:] for row in READERS], ids=[row[0] for row in READERS])
@given(data=st.data())
def test_a_record_becomes_the_bytes_that_become_it(
    strategy: st.SearchStrategy[Record], reader: Callable[[object], Record], data: st.DataObject
) -> None:
    record = data.draw(strategy)
    seq = data.draw(SEQS)
    payload = records.encode(record, seq)
    read_seq, value = records.split_untrusted(payload)
    again = reader(value)
    assert (read_seq, again) == (seq, record)
    assert records.encode(again, seq) == payload
    assert hash(again) == hash(record)


@given(ANSWER)
def test_an_answer_becomes_the_bytes_that_become_it(answer: Answer) -> None:
    payload = answer.encode()
    again = records.read_answer_untrusted(payload)
    assert again == answer
    assert again.encode() == payload


def test_an_answer_with_nothing_to_say_is_empty() -> None:
    assert Answer().encode() == b""
    assert records.read_answer_untrusted(b"") == Answer()


VALUES = st.recursive(
    SCALARS | st.floats(allow_nan=False, allow_infinity=False),
    lambda child: st.lists(child, max_size=5) | st.dictionaries(st.integers(-2, 8) | TEXTS, child, max_size=5),
    max_leaves=12,
)


@pytest.mark.parametrize("reader", [row[2] for row in READERS], ids=[row[0] for row in READERS])
@given(value=VALUES)
def test_whatever_value_stands_there_a_reader_raises_one_error_or_gives_a_record_that_encodes(
    reader: Callable[[object], Record], value: object
) -> None:
    try:
        record = reader(value)
    except RecordError:
        return
    assert reader(cbor.decode_untrusted(cbor.encode(record.body()))) == record


@given(st.lists(VALUES, max_size=3))
def test_whatever_an_answer_holds_a_node_survives_it(values: list[object]) -> None:
    payload = b"".join(cbor.encode(value) for value in values)
    with contextlib.suppress(WireError):
        records.read_answer_untrusted(payload)


@given(st.lists(VALUES, max_size=3))
def test_a_body_is_one_record_with_or_without_a_seq(values: list[object]) -> None:
    payload = b"".join(cbor.encode(value) for value in values)
    try:
        seq, value = records.split_untrusted(payload)
    except (CborError, RecordError):
        return
    assert value == values[-1]
    assert len(values) == (1 if seq is None else 2)


@pytest.mark.parametrize("seq", [-1, 1 << 40, True, 1.0, "1"])
def test_a_seq_is_unsigned_and_below_2_to_the_40(seq: object) -> None:
    with pytest.raises(RecordError, match="seq"):
        records.split_untrusted(cbor.encode(seq) + cbor.encode({0: 1}))


@pytest.mark.parametrize(
    ("reader", "value", "words"),
    [
        (records.read_readings, {}, "no reading"),
        (records.read_readings, {AGE: 5}, "no reading"),
        (records.read_readings, {AGE: None}, "age out of range"),
        (records.read_readings, {65536: None}, "word out of range"),
        (records.read_readings, {0: 21.5}, "not an integer"),
        (records.read_readings, {0: True}, "not an integer"),
        (records.read_readings, {0: 1 << 53}, "integer out of range"),
        (records.read_readings, {0: -(1 << 53)}, "integer out of range"),
        (records.read_readings, {65536: 1}, "word out of range"),
        (records.read_readings, {-2: 1}, "word out of range"),
        (records.read_readings, {"t": 1}, "word out of range"),
        (records.read_readings, {0: 1, AGE: -1}, "age out of range"),
        (records.read_readings, [1], "readings are a map"),
        (records.read_text, ["x" * 1025], "too long"),
        (records.read_text, [7], "no text"),
        (records.read_text, [65536, "x"], "room out of range"),
        (records.read_text, ["a", "b"], "not an integer"),
        (records.read_text, [], "not an array"),
        (records.read_result, [1, 2, 3, 4], "not an array"),
        (records.read_result, [65536], "id out of range"),
        (records.read_result, [1, 256], "status out of range"),
        (records.read_hello, [], "hello is a map"),
        (records.read_hello, {0: "x" * 33}, "firmware is a text"),
        (records.read_hello, {2: "x"}, "hash is bytes"),
        (records.read_hello, {3: -1}, "number out of range"),
        (records.read_command, [1], "not an array"),
        (records.read_command, [1, "text", 2], "out of range"),
        (read_description, [[], []], "not an array"),
        (read_description, [[["n", "u", 1]], [], {}], "not a setting"),
        (read_description, [[], [["n" * 25]], {}], "not a name"),
        (read_description, [[["", ""]], [], {}], "not a name"),
        (read_description, [[["N", ""]], [], {}], "not a name"),
        (read_description, [[["9n", ""]], [], {}], "not a name"),
        (read_description, [[["ä", ""]], [], {}], "not a name"),
        (read_description, [[["n n", ""]], [], {}], "not a name"),
        (read_description, [[["n", "u", 2, 1]], [], {}], "low is above high"),
        (read_description, [[["n", "u", 1, 2, 10]], [], {}], "digits out of range"),
        (read_description, [[["n", "u", 1, "2"]], [], {}], "not an integer"),
        (read_description, [[["n", "u"], ["n", ""]], [], {}], "a name stands twice"),
        (read_description, [[["n", "u"]], [["n"]], {}], "a name stands twice"),
        (read_description, [[], [["m", "p", ["p", "u", 1, 2]]], {}], "a name stands twice"),
        (read_description, [[], [["m", ["p", "u", 2, 1]]], {}], "low is above high"),
        (read_description, [[], [["m", 1]], {}], "not an array"),
        (read_description, [[], [], {271: [0, 0, 1, 1]}], "schema out of range"),
        (read_description, [[], [], {0: [0, 0, 1, 1]}], "schema 0 is known to all"),
        (read_description, [[], [], {1: [0, 0, 1]}], "not an array of 4 to 32"),
        (read_description, [[], [], {1: [0, 0, 1, 1] * 9}], "not an array of 4 to 32"),
        (read_description, [[], [], {1: [0, 0, 1, 1, 1]}], "word, low, high, step"),
        (read_description, [[], [], {1: [0, 0, "1", 1]}], "not an integer"),
        (read_description, [[], [], {1: [0, 0, True, 1]}], "not an integer"),
        (read_description, [[], [], []], "schemas are a map"),
    ],
)  # fmt: skip
def test_what_is_no_record_is_refused_in_words(reader: Callable[[object], Record], value: object, words: str) -> None:
    with pytest.raises(RecordError, match=words):
        reader(value)


def test_a_parameter_is_a_bare_name_or_stands_as_a_setting_does() -> None:
    method = Method(
        "dose", ["valve", Setting("note", "words"), Setting("litres", "l", 0, 25, 1), Setting("n", "", 1, 9)]
    )
    said = [
        [["interval", "s", 5, 86400], ["name", ""]],
        [["dose", "valve", ["note", "words"], ["litres", "l", 0, 25, 1]]],
        {},
    ]
    assert method.body() == ["dose", "valve", ["note", "words"], ["litres", "l", 0, 25, 1], ["n", "", 1, 9]]
    found = read_description(said)
    assert [one.name for one in found.methods[0].parameters] == ["valve", "note", "litres"]
    assert (found.settings[0].digits, found.methods[0].parameters[2].digits) == (0, 1)
    assert found.body() == said


def test_the_hash_of_a_description_is_the_beginning_of_its_sha_256() -> None:
    body = cbor.encode(Description().body())
    assert body.hex() == "838080a0"
    assert description_hash(body).hex() == hashlib.sha256(body).hexdigest()[:8]


def test_a_float_that_is_integral_counts_as_its_integer() -> None:
    assert records.read_readings({0: 2137.0, AGE: 3}) == Readings({0: 2137}, 3)


def test_records_of_different_kinds_are_never_equal() -> None:
    assert Text("a") != Command(1, "a")
    assert Result(1) != Result(2)
