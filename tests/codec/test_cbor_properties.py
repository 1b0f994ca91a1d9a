"""The CBOR codec beside cbor2, an independent implementation: what either writes the other reads."""

from typing import Any

import cbor2
from hypothesis import example, given, settings
from hypothesis import strategies as st

from comatrix.codec import cbor, cbor_foreign
from comatrix.errors import CborError

INTEGERS = st.integers(-(1 << 64), (1 << 64) - 1)
FLOATS = st.floats(allow_nan=False, allow_infinity=False) | st.floats(width=16, allow_nan=False, allow_infinity=False)
TEXTS = st.text(max_size=40)
SCALARS = st.none() | st.booleans() | INTEGERS | FLOATS | TEXTS | st.binary(max_size=40)
KEYS = INTEGERS | TEXTS | st.binary(max_size=12)
# Keys of one major type: there cbor2's canonical order (RFC 7049: shorter first) is the bytewise one of RFC 8949.
ALIKE = [st.integers(0, (1 << 64) - 1), st.integers(-(1 << 64), -1), TEXTS, st.binary(max_size=12)]


def containers(child: st.SearchStrategy[Any], keys: list[st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    maps = [st.dictionaries(key, child, max_size=6) for key in keys]
    return st.lists(child, max_size=6) | st.one_of(*maps)


def nested(keys: list[st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    inner = st.recursive(SCALARS, lambda child: containers(child, keys), max_leaves=24)
    return inner.filter(lambda value: depth(value) <= cbor.MAX_DEPTH)


def depth(value: object) -> int:
    """How many levels of arrays and maps."""
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inside is None else 1 + max(map(depth, inside), default=0)


VALUES = nested([KEYS])


def exactly(value: object) -> str:
    """Tells True from 1 and 1 from 1.0, at any depth."""
    return repr(value)


@given(VALUES)
def test_what_we_write_cbor2_and_we_read_back(value: object) -> None:
    data = cbor.encode(value)
    assert cbor2.loads(data) == value
    again = cbor.decode_untrusted(data)
    assert again == value
    assert cbor.encode(again) == data
    assert exactly(again) == exactly(cbor2.loads(data))


@given(nested(ALIKE))
def test_what_we_write_is_cbor2s_canonical_encoding(value: object) -> None:
    assert cbor.encode(value) == cbor2.dumps(value, canonical=True)


@given(VALUES, st.booleans())
def test_what_cbor2_writes_we_read(value: object, canonical: bool) -> None:
    assert exactly(cbor.decode_untrusted(cbor2.dumps(value, canonical=canonical))) == exactly(
        cbor2.loads(cbor2.dumps(value, canonical=canonical))
    )


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Bytes near a sound encoding: some replaced, then cut or continued."""
    data = bytearray(cbor.encode(draw(VALUES)))
    for at in draw(st.lists(st.integers(0, max(0, len(data) - 1)), max_size=3)):
        data[at : at + 1] = draw(st.binary(min_size=1, max_size=2))
    return bytes(data[: draw(st.integers(0, len(data)))] + draw(st.binary(max_size=2)))


@settings(max_examples=400)
@given(st.binary(max_size=64) | damaged())
@example(b"\xc2\x41\x01")
@example(b"\xa2\x01\x01\x01\x02")
def test_whatever_bytes_we_accept_cbor2_reads_alike_and_we_raise_only_cbor_error(data: bytes) -> None:
    for decode in (cbor.decode_untrusted, cbor_foreign.decode_untrusted):
        try:
            value = decode(data)
        except CborError:
            continue
        assert exactly(cbor2.loads(data, allow_duplicate_keys=False)) == exactly(value)


@given(st.binary(max_size=64) | damaged())
def test_whatever_we_accept_from_nodes_is_accepted_from_others_too(data: bytes) -> None:
    try:
        value = cbor.decode_untrusted(data)
    except CborError:
        return
    assert exactly(cbor_foreign.decode_untrusted(data)) == exactly(value)


@given(st.lists(VALUES, max_size=5))
def test_a_sequence_is_its_items_in_a_row(values: list[object]) -> None:
    data = b"".join(cbor.encode(value) for value in values)
    assert exactly(cbor.decode_sequence_untrusted(data)) == exactly(
        [cbor.decode_untrusted(cbor.encode(v)) for v in values]
    )


@given(st.lists(st.binary(max_size=9), max_size=5))
def test_chunks_join(chunks: list[bytes]) -> None:
    data = b"\x5f" + b"".join(cbor.encode(chunk) for chunk in chunks) + b"\xff"
    assert cbor_foreign.decode_untrusted(data) == b"".join(chunks) == cbor2.loads(data)
