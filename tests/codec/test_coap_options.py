"""The option table: what follows from the numbers, aiocoap's table beside it, what a handler must refuse."""

import aiocoap.numbers.optionnumbers as theirs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from comatrix.codec import coap, codes, option_numbers, options
from comatrix.errors import BadOptionError

NUMBERS = sorted(options.TABLE)
HANDLED = (options.URI_HOST, options.URI_PATH, options.CONTENT_FORMAT)


@pytest.mark.parametrize("number", NUMBERS)
def test_the_properties_of_a_number_are_those_aiocoap_reads_from_it(number: int) -> None:
    known = theirs.OptionNumber(number)
    assert options.is_critical(number) is bool(known.is_critical())
    assert options.is_unsafe(number) is bool(known.is_unsafe())
    if not options.is_unsafe(number):
        assert options.is_no_cache_key(number) is bool(known.is_nocachekey())


@pytest.mark.parametrize("number", NUMBERS)
def test_each_option_has_the_name_aiocoap_knows(number: int) -> None:
    ours = options.name(number).upper().replace("-", "_")
    assert theirs.OptionNumber(number).name in (ours, {"OSCORE": "OBJECT_SECURITY"}.get(ours, ours))


def test_bounds_and_numbers_stand_once_and_in_order() -> None:
    assert list(options.TABLE) == NUMBERS
    for name, low, high, _ in options.TABLE.values():
        assert name
        assert 0 <= low <= high <= 1034


def test_the_numbers_a_node_needs_are_the_ones_of_the_table() -> None:
    named = {key: value for key, value in vars(option_numbers).items() if key.isupper()}
    assert named.keys() == {key for key in options.__all__ if key.isupper() and key != "TABLE"}
    for key, number in named.items():
        assert options.name(number).upper().replace("-", "_") == key


def test_an_unknown_option_is_shown_by_its_number() -> None:
    assert options.name(259) == "option 259"


def test_known_options_come_back_by_number_and_in_order() -> None:
    found = options.supported_untrusted([(11, b"a"), (11, b"b"), (12, b"\x32")], HANDLED)
    assert found == {11: [b"a", b"b"], 12: [b"\x32"]}


@pytest.mark.parametrize(
    "pairs",
    [
        [(259, b"")],  # critical and unknown
        [(options.BLOCK1, b"\x08")],  # critical, known, not handled here
        [(options.URI_HOST, b"")],  # too short
        [(options.URI_HOST, b"a" * 256)],  # too long
        [(options.URI_HOST, b"a"), (options.URI_HOST, b"b")],  # not repeatable
    ],
    ids=["unknown", "not handled", "too short", "too long", "twice"],
)
def test_a_critical_option_that_cannot_be_honoured_is_refused(pairs: list[tuple[int, bytes]]) -> None:
    with pytest.raises(BadOptionError, match="option"):
        options.supported_untrusted(pairs, HANDLED)


@pytest.mark.parametrize(
    "pairs",
    [[(258, b"")], [(60, b"\x01")], [(12, b"\x01\x02\x03")], [(12, b"\x01"), (12, b"\x02")]],
    ids=["unknown to us", "not handled", "too long", "twice"],
)
def test_an_elective_option_that_cannot_be_honoured_is_left_out(pairs: list[tuple[int, bytes]]) -> None:
    assert options.supported_untrusted(pairs, HANDLED) in ({}, {12: [b"\x01"]})


@given(st.lists(st.tuples(st.integers(0, 400), st.binary(max_size=4)), max_size=6))
def test_whatever_the_options_nothing_else_is_raised(pairs: list[tuple[int, bytes]]) -> None:
    try:
        found = options.supported_untrusted(pairs, HANDLED)
    except BadOptionError:
        assert any(number & 1 for number, _ in pairs)
    else:
        assert set(found) <= set(HANDLED)


@given(st.integers(0, (1 << 32) - 1))
def test_uints_are_as_short_as_can_be(value: int) -> None:
    data = options.uint_bytes(value)
    assert options.uint(data) == value
    assert not data or data[0]


def test_codes_have_names() -> None:
    assert codes.name(codes.SERVICE_UNAVAILABLE) == "5.03 Service Unavailable"
    assert codes.name(0x9F) == "4.31"
    for code in codes.NAMES:
        assert code == coap.EMPTY or coap.is_request(code) or coap.is_response(code)
