"""CoAP messages (RFC 7252 section 3): format errors by name, round trips, and aiocoap's encoder as judge."""

import json
from pathlib import Path
from typing import Any

import aiocoap
import pytest
from aiocoap.optiontypes import OpaqueOption
from hypothesis import given, settings
from hypothesis import strategies as st

from comatrix.codec import coap
from comatrix.errors import MessageFormatError

VECTORS = Path(__file__).parents[1] / "vectors"
HOSTILE = [row for row in json.loads((VECTORS / "hostile_inputs.json").read_text()) if row["layer"] == "coap"]

REQUESTS = st.integers(1, 31)
RESPONSES = st.sampled_from([2, 4, 5]).flatmap(lambda kind: st.integers(kind << 5, kind << 5 | 31))
# Numbers and lengths around every step of the extended form (section 3.1).
NUMBERS = st.sampled_from([0, 1, 11, 12, 13, 14, 258, 268, 269, 270, 281, 282, 5000, 65535]) | st.integers(0, 65535)
LENGTHS = st.sampled_from([0, 1, 12, 13, 14, 268, 269, 270, 300])
OPTIONS = st.lists(st.tuples(NUMBERS, LENGTHS.map(bytes) | st.binary(max_size=8)), max_size=8).map(sorted)


@st.composite
def messages(draw: st.DrawFn) -> coap.Message:
    return coap.Message(
        draw(st.integers(0, 3)),
        draw(REQUESTS | RESPONSES),
        draw(st.integers(0, 65535)),
        draw(st.binary(max_size=8)),
        draw(OPTIONS),
        draw(st.binary(max_size=40)),
    )


def parts(message: coap.Message) -> tuple[object, ...]:
    return (message.type, message.code, message.mid, message.token, list(message.options), message.payload)


@given(messages())
def test_a_message_becomes_the_bytes_that_become_it(message: coap.Message) -> None:
    assert parts(coap.decode_untrusted(coap.encode(message))) == parts(message)


@given(messages())
def test_aiocoap_writes_the_same_bytes(message: coap.Message) -> None:
    theirs = aiocoap.Message(
        _mtype=aiocoap.Type(message.type),
        code=aiocoap.Code(message.code),
        _mid=message.mid,
        _token=message.token,
        payload=message.payload,
    )
    for number, value in message.options:
        theirs.opt.add_option(OpaqueOption(number, value))
    assert coap.encode(message) == theirs.encode()


def near_messages() -> st.SearchStrategy[bytes]:
    """A message with a byte replaced or its end cut."""

    def damage(data: bytes, at: int, byte: int, cut: int) -> bytes:
        at %= len(data)
        return (data[:at] + bytes([byte]) + data[at + 1 :])[: len(data) - cut]

    return st.builds(damage, messages().map(coap.encode), st.integers(0, 999), st.integers(0, 255), st.integers(0, 3))


@settings(max_examples=400)
@given(st.binary(max_size=40) | near_messages())
def test_whatever_bytes_are_read_are_written_again_and_nothing_but_a_format_error_is_raised(data: bytes) -> None:
    coap.peek_untrusted(data)
    try:
        message = coap.decode_untrusted(data)
    except MessageFormatError:
        return
    # Heads of options have one shortest form; what was read may have been longer, its meaning stays.
    assert parts(coap.decode_untrusted(coap.encode(message))) == parts(message)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("", "shorter than a header"),
        ("400100", "shorter than a header"),
        ("00011234", "unknown version"),
        ("80011234", "unknown version"),
        ("c0011234", "unknown version"),
        ("49011234" + "00" * 9, "token length"),
        ("4f011234" + "00" * 15, "token length"),
        ("42011234ab", "inside the token"),
        ("40001234ff61", "empty message"),
        ("4100123401", "empty message"),
        ("40201234", "reserved code class"),
        ("40611234", "reserved code class"),
        ("40c11234", "reserved code class"),
        ("40e11234", "reserved code class"),
        ("40011234ff", "marker without payload"),
        ("40011234b172ff", "marker without payload"),
        ("40011234b2 72", "inside an option"),
        ("40011234d0", "inside an option"),
        ("40011234e001", "inside an option"),
        ("400112340d", "inside an option"),
        ("400112340e01", "inside an option"),
        ("40011234f0", "reserved option nibble"),
        ("400112340f", "reserved option nibble"),
        ("40011234e0ffffe0ffff", "too high a number"),
        ("40011234" + "00" * 33, "too many options"),
    ],
)
def test_a_format_error_says_which(data: str, words: str) -> None:
    with pytest.raises(MessageFormatError, match=words):
        coap.decode_untrusted(bytes.fromhex(data))


def test_token_lengths_up_to_eight_are_read() -> None:
    for size in range(9):
        data = bytes([0x40 | size, 1, 0x12, 0x34]) + bytes(range(size))
        assert coap.decode_untrusted(data).token == bytes(range(size))


# Sound messages; what they ask for is refused further up.
SOUND = {"coap-13", "coap-25", "coap-27", "coap-29", "coap-31", "coap-33", "coap-39", "coap-43", "coap-47"}


@pytest.mark.parametrize("row", HOSTILE, ids=lambda row: row["id"])
def test_hostile_datagrams_are_read_only_where_they_are_sound(row: dict[str, Any]) -> None:
    data = bytes.fromhex(row["hex"])
    if row["id"] in SOUND:
        coap.decode_untrusted(data)
    else:
        with pytest.raises(MessageFormatError):
            coap.decode_untrusted(data)


def test_options_out_of_order_are_not_written() -> None:
    with pytest.raises(ValueError, match="out of order"):
        coap.encode_body([(11, b"r"), (6, b"")], b"")


def test_a_broken_datagram_still_tells_whether_a_reset_is_due() -> None:
    assert coap.peek_untrusted(bytes.fromhex("4f011234")) == (coap.CON, coap.GET, 0x1234)
    assert coap.peek_untrusted(bytes.fromhex("80011234")) is None
    assert coap.peek_untrusted(b"\x40\x01\x12") is None


def test_codes_are_written_as_people_write_them() -> None:
    assert [coap.code_text(code) for code in (0x00, 0x02, 0x44, 0x9D, 0xA3)] == ["0.00", "0.02", "2.04", "4.29", "5.03"]
