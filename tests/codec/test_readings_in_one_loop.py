"""Readings are read in one loop where they are of the usual shape: always to the same end as by the general decoder."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comatrix.codec import cbor, records
from comatrix.errors import WireError

USUAL = st.dictionaries(st.integers(0, 23), st.integers(-65536, 65535), min_size=1, max_size=23)
UNUSUAL = st.dictionaries(st.integers(-2, 30), st.integers(-(1 << 54), 1 << 54), max_size=33)


def both(payload: bytes) -> tuple[object, object]:
    return outcome(payload, records.readings_untrusted), outcome(payload, generally)


def outcome(payload: bytes, read: object) -> object:
    assert callable(read)
    try:
        seq, readings, body = read(payload)
    except WireError as error:
        return type(error), error.code
    return seq, readings.values, readings.age_s, body


def generally(payload: bytes) -> tuple[int | None, records.Readings, bytes]:
    seq, value, body = records.open_untrusted(payload)
    return seq, records.read_readings(value), body


@given(USUAL | UNUSUAL)
def test_maps_of_integers(values: dict[int, int]) -> None:
    read, expected = both(cbor.encode(values))
    assert read == expected


@given(USUAL, st.data())
def test_maps_that_were_damaged(values: dict[int, int], data: st.DataObject) -> None:
    payload = bytearray(cbor.encode(values))
    payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    payload += data.draw(st.binary(max_size=2))
    read, expected = both(bytes(payload[: data.draw(st.integers(0, len(payload)))]))
    assert read == expected


@given(st.binary(max_size=12))
def test_any_bytes(payload: bytes) -> None:
    read, expected = both(payload)
    assert read == expected


@pytest.mark.parametrize(
    "text",
    [
        "a20001",
        "a2000100020a",
        "a20001000102",
        "a1001817",
        "a1001900ff",
        "a100",
        "a0",
        "",
        "a1001a00010000",
        "a1003903e7",
    ],
)
def test_each_way_it_can_be_unusual(text: str) -> None:
    read, expected = both(bytes.fromhex(text))
    assert read == expected
