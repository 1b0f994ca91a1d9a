"""Readings packed into bits: exact, in the fewest bytes, marks for what is missing or out of range."""

from functools import partial
from itertools import pairwise

import pytest
from comatrix_lora.errors import FrameError, LoraError
from comatrix_lora.schema import (
    ESCAPE,
    MISSING,
    OUT_OF_RANGE,
    Field,
    Schema,
    climate,
    decode_older_untrusted,
    encode_older,
    from_list_untrusted,
    readings_untrusted,
)
from hypothesis import given, settings
from hypothesis import strategies as st

CLIMATE = climate()
PRESSURE = Field(3, 3000, 11000)
STATION = Schema([Field(0, -4000, 8500), Field(1, 0, 1000), PRESSURE, Field(2, 0, 500, 5), Field(12, 0, 1)])
ONE = Schema([Field(0, -4000, 8500)])
MARKS = [MISSING, OUT_OF_RANGE]

integers = st.integers(-(1 << 20), 1 << 20)


@st.composite
def fields(draw: st.DrawFn, word: int) -> Field:
    step = draw(st.integers(1, 50))
    low = draw(integers)
    return Field(word, low, low + step * draw(st.integers(0, 1 << draw(st.integers(0, 20)))), step)


@st.composite
def schemas(draw: st.DrawFn) -> Schema:
    return Schema([draw(fields(word)) for word in draw(st.permutations(range(8)))[: draw(st.integers(1, 8))]])


def value_of(field: Field, code: int) -> int:
    return field.low + code * field.step


def values_of(schema: Schema) -> st.SearchStrategy[dict[int, int | str]]:
    """Values that the schema says exactly."""
    return st.fixed_dictionaries(
        {
            field.word: st.one_of(
                st.sampled_from(MARKS),
                st.integers(0, field.count - 1).map(partial(value_of, field)),
            )
            for field in schema.fields
        }
    )


def test_schema_0_is_3_bytes_and_splits_a_difference_9_and_7() -> None:
    assert [field.bits for field in CLIMATE.fields] == [14, 10]
    assert (CLIMATE.bits, CLIMATE.size, CLIMATE.shares) == (24, 3, [9, 7])


def test_the_example_of_the_reference() -> None:
    assert CLIMATE.pack({0: 2137, 1: 452}).hex() == "5fe5c4"
    assert encode_older(CLIMATE, {0: 2137, 1: 452}, {0: 2140, 1: 449}).hex() == "01fd"
    assert encode_older(CLIMATE, {0: 2137, 1: 452}, {0: 2437, 1: 449}).hex() == "80006495c1"


@pytest.mark.parametrize("schema", [CLIMATE, STATION, ONE])
def test_ends_and_marks_come_back(schema: Schema) -> None:
    for pick in (lambda f: f.low, lambda f: f.high, lambda f: MISSING, lambda f: OUT_OF_RANGE):
        values = {field.word: pick(field) for field in schema.fields}
        assert schema.unpack_untrusted(schema.pack(values)) == values


def test_a_word_left_out_is_missing_and_one_beyond_the_ends_is_told_so() -> None:
    assert CLIMATE.unpack_untrusted(CLIMATE.pack({1: 1001})) == {0: MISSING, 1: OUT_OF_RANGE}
    assert CLIMATE.unpack_untrusted(CLIMATE.pack({0: -4001, 1: -1})) == {0: OUT_OF_RANGE, 1: OUT_OF_RANGE}


def test_a_word_of_no_field_is_not_lost_silently() -> None:
    with pytest.raises(LoraError, match="not in the schema"):
        CLIMATE.pack({0: 2137, 3: 10132})


def test_values_go_to_the_nearest_step() -> None:
    coarse = Schema([Field(2, 0, 500, 5)])
    found = [coarse.unpack_untrusted(coarse.pack({2: value}))[2] for value in (0, 2, 3, 497, 498, 500)]
    assert found == [0, 0, 5, 495, 500, 500]


@settings(max_examples=50)
@given(st.data())
def test_what_is_packed_comes_back(data: st.DataObject) -> None:
    schema = data.draw(schemas())
    values = data.draw(values_of(schema))
    packed = schema.pack(values)
    assert len(packed) == schema.size == (sum(field.bits for field in schema.fields) + 7) // 8
    assert schema.unpack_untrusted(packed) == values


@settings(max_examples=50)
@given(st.data())
def test_any_older_reading_comes_back(data: st.DataObject) -> None:
    schema = data.draw(schemas())
    newer, older = data.draw(values_of(schema)), data.draw(values_of(schema))
    entry = encode_older(schema, newer, older)
    assert len(entry) in ((schema.size,) if schema.size <= 2 else (2, 2 + schema.size))
    assert decode_older_untrusted(schema, newer, b"ab" + entry + b"c", 2) == (older, 2 + len(entry))


@settings(max_examples=50)
@given(st.data())
def test_any_bytes_are_refused_or_come_back(data: st.DataObject) -> None:
    schema = data.draw(schemas())
    packed = data.draw(st.binary(max_size=schema.size + 1))
    try:
        values = schema.unpack_untrusted(packed)
    except FrameError:
        return
    assert schema.pack(values) == packed


@settings(max_examples=50)
@given(st.data())
def test_any_bytes_as_readings_are_refused_or_bounded(data: st.DataObject) -> None:
    schema = data.draw(schemas())
    packed = data.draw(st.binary(max_size=60))
    try:
        found = readings_untrusted(schema, packed)
    except FrameError:
        return
    assert 1 <= len(found) <= 60
    assert all(set(values) == {field.word for field in schema.fields} for values in found)


@settings(max_examples=50)
@given(st.data())
def test_the_16_bits_of_a_difference_are_all_shared_out(data: st.DataObject) -> None:
    schema = data.draw(schemas())
    assert sum(schema.shares) == 16
    if schema.size > 2:
        assert all(share <= field.bits for share, field in zip(schema.shares, schema.fields, strict=True))
    assert Schema([PRESSURE, Field(4, 3000, 11000), Field(5, 3000, 11000)]).shares == [6, 5, 5]


@pytest.mark.parametrize(
    ("older", "size"),
    [
        ({0: 2137 + 255, 1: 452 + 63}, 2),
        ({0: 2137 - 256, 1: 452 - 64}, 2),
        ({0: 2137 + 256, 1: 452}, 5),
        ({0: 2137, 1: 452 + 64}, 5),
        ({0: 2137 - 256, 1: 452}, 5),  # its two bytes would be the escape's
        ({0: MISSING, 1: 452}, 5),
        ({0: 2137, 1: OUT_OF_RANGE}, 5),
    ],
)
def test_a_difference_that_does_not_fit_is_escaped(older: dict[int, int | str], size: int) -> None:
    entry = encode_older(CLIMATE, {0: 2137, 1: 452}, older)
    assert len(entry) == size
    assert (entry[:2] == ESCAPE.to_bytes(2, "big")) == (size == 5)
    assert decode_older_untrusted(CLIMATE, {0: 2137, 1: 452}, entry, 0) == (older, size)


def test_a_sensor_that_is_gone_for_long_costs_no_escape() -> None:
    assert len(encode_older(CLIMATE, {0: 2137, 1: MISSING}, {0: 2140, 1: MISSING})) == 2


def test_values_of_2_bytes_stand_for_themselves() -> None:
    assert encode_older(ONE, {0: 8500}, {0: -4000}) == ONE.pack({0: -4000})


@pytest.mark.parametrize("entry", ["", "00", "8000", "80005fe5", "7f80", "8000ff0000"])
def test_an_older_reading_that_cannot_be_is_refused(entry: str) -> None:
    with pytest.raises(FrameError):
        decode_older_untrusted(CLIMATE, {0: 8400, 1: 0}, bytes.fromhex(entry), 0)


def test_a_reading_and_the_older_ones_behind_it() -> None:
    readings: list[dict[int, int | str]] = [{0: 2137, 1: 452}, {0: 2140, 1: 449}, {0: 2640, 1: 449}, {0: 2641, 1: 440}]
    packed = CLIMATE.pack(readings[0])
    for newer, older in pairwise(readings):
        packed += encode_older(CLIMATE, newer, older)
    assert len(packed) == 3 + 2 + 5 + 2
    assert readings_untrusted(CLIMATE, packed) == readings
    for end in (1, 2, 4, 6, 8, 11):
        with pytest.raises(FrameError):
            readings_untrusted(CLIMATE, packed[:end])


def test_bits_behind_the_values_are_zero() -> None:
    packed = ONE.pack({0: 0})
    with pytest.raises(FrameError, match="size"):
        ONE.unpack_untrusted(packed[:1] + bytes((packed[1] | 1,)))


def test_a_code_of_no_value_is_refused() -> None:
    with pytest.raises(FrameError, match="no such value"):
        CLIMATE.unpack_untrusted((12501 << 10).to_bytes(3, "big"))


@settings(max_examples=50)
@given(st.data())
def test_a_schema_is_announced_as_integers(data: st.DataObject) -> None:
    schema = data.draw(schemas())
    again = from_list_untrusted(schema.as_list())
    assert again.as_list() == schema.as_list()
    assert again.pack({}) == schema.pack({})


@pytest.mark.parametrize(
    "said",
    [
        None,
        {},
        [],
        [0, 0, 10],
        [0, 0, 10, 0],
        [0, 0, 10, 3],
        [0, 10, 0, 1],
        [-1, 0, 10, 1],
        [65536, 0, 10, 1],
        [0, 0, 10, 1, 0, 0, 10, 1],
        [0, 0, 1 << 33, 1],
        [0, 0, 1 << 60, 1 << 50],
        [0, 0.0, 10, 1],
        [False, 0, 10, 1],
        ["0", 0, 10, 1],
        [number for word in range(9) for number in (word, 0, 10, 1)],
        [0] * 1_000_000,
    ],
)
def test_what_is_no_schema_is_refused(said: object) -> None:
    with pytest.raises(FrameError):
        from_list_untrusted(said)
