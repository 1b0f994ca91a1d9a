"""Whatever a node sends, the room gets an event that a homeserver accepts and that shows what was sent."""

import asyncio
import html
import re
from collections.abc import Iterator
from datetime import UTC
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from comatrix.codec import cbor, records
from comatrix.gateway.edges.matrix import MatrixClient
from comatrix.gateway.model import Node, Record
from comatrix.gateway.uplink.rendering import event_content
from comatrix.gateway.uplink.sanitise import BIDI_CONTROLS, clean_text
from comatrix.gateway.uplink.sealing import MAX_CONTENT_BYTES, canonical
from comatrix.gateway.uplink.typed import canonical_json, decimal_string
from tests.support.homeserver import Homeserver
from tests.support.people import Place

ANY_TEXT = st.text(st.characters(exclude_categories=[]))  # with surrogates
NASTY = st.sampled_from(
    ["<b>", "&lt;", "@room", "\u202e", "\x00", "\x1b[2J", "\u2066", "\r", "</li>", "\ud800", '"', "\\"]
)
NASTY_TEXT = st.lists(NASTY | ANY_TEXT, max_size=40).map("".join)
VALUES = st.integers(1 - records.LIMIT, records.LIMIT - 1)
READINGS = st.dictionaries(st.integers(0, 65_535) | st.integers(0, 70), VALUES, min_size=1, max_size=31)
BODIES = st.one_of(
    READINGS.map(lambda values: ("readings", cbor.encode(values))),
    st.sets(st.integers(0, 70), min_size=1).map(lambda words: ("readings", cbor.encode(dict.fromkeys(words)))),
    NASTY_TEXT.map(lambda text: text.encode("utf-8", "replace").decode()[: records.MAX_TEXT]).map(
        lambda text: ("text", cbor.encode([text]))
    ),
    st.tuples(st.sampled_from(["readings", "text", "hello", "result", "description"]), st.binary(max_size=64)),
)
TIMES = st.integers(0, 1 << 45) | st.integers(-(1 << 62), 1 << 62)
NAMES = {number: Node(number, name, 1, 1) for number, name in enumerate(["garden", "<i>", "a\nb: 5 °C", "\u202e"], 1)}


@st.composite
def _records(draw: st.DrawFn) -> Record:
    kind, body = draw(BODIES)
    return Record(
        id=draw(st.integers(1, 1 << 40)),
        node=draw(st.integers(1, 5)),
        enrolment=draw(st.integers(0, 1 << 62)),
        seq=draw(st.integers(0, 1 << 62)),
        room=1,
        kind=kind,
        body=body,
        measured_ms=draw(TIMES),
        received_ms=draw(TIMES),
        late=draw(st.booleans()),
    )


SOME_RECORDS = st.lists(_records(), min_size=1, max_size=6)


def _rendered(some: list[Record]) -> dict[str, Any]:
    return event_content(some, NAMES, txn_id="ab.1.msg", timezone=UTC)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, part in value.items():
            yield key
            yield from _strings(part)
    elif isinstance(value, list):
        for part in value:
            yield from _strings(part)
    else:
        assert isinstance(value, bool | int), "neither floats nor anything else"
        assert abs(value) < 1 << 53


@given(SOME_RECORDS)
def test_no_event_holds_what_a_homeserver_refuses_or_a_reader_is_fooled_by(some: list[Record]) -> None:
    for text in _strings(_rendered(some)):
        text.encode("utf-8")  # no lone surrogate
        assert not set(text) & set(BIDI_CONTROLS)
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", text)


@given(SOME_RECORDS)
def test_the_only_tags_are_ours(some: list[Record]) -> None:
    markup = _rendered(some).get("formatted_body", "")
    tags = set(re.findall(r"<[^>]*>", markup))
    assert tags <= {
        "<strong data-mx-profile-fallback>",
        "<strong>",
        "</strong>",
        "<ul>",
        "</ul>",
        "<li>",
        "</li>",
        "<br>",
    }
    assert "<" not in re.sub(r"<[^>]*>", "", markup)


@given(SOME_RECORDS)
def test_every_record_is_counted_and_has_its_line(some: list[Record]) -> None:
    content = _rendered(some)
    counted = [
        (entry["id"], int(entry["enr"]), int(entry["seq"])) for entry in content["eu.comatrix.telemetry"]["records"]
    ]
    assert counted == [(record.node, record.enrolment, record.seq) for record in some]
    nodes = {record.node for record in some}
    if len(some) > 1:
        assert len([line for line in content["body"].split("\n") if not line.startswith("    ")]) == len(nodes)
        lines = [line for line in content["body"].split("\n") if not line.startswith("        ")]
        shown = sum(line.count("; ") + 1 if line.startswith("    before: ") else 1 for line in lines)
        assert shown == len(some)


@given(_records())
def test_one_record_always_fits(record: Record) -> None:
    content = _rendered([record])
    assert canonical(content) == canonical_json(content)
    assert len(canonical_json(content)) < MAX_CONTENT_BYTES // 2


def test_the_largest_record_of_each_kind_fits() -> None:
    readings = {65_535 - number: 1 - records.LIMIT for number in range(31)}
    for kind, body in (("readings", readings), ("text", ["&" * records.MAX_TEXT]), ("text", ['"' * records.MAX_TEXT])):
        record = Record(1, 1, 1, 1, 1, kind, cbor.encode(body), 0, 0, True)
        assert len(canonical_json(_rendered([record]))) < MAX_CONTENT_BYTES // 2


@given(ANY_TEXT)
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    assert clean_text(clean_text(text)) == clean_text(text)


@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=200))
def test_ordinary_text_is_not_touched(text: str) -> None:
    assert clean_text(text) == text


@given(VALUES, st.integers(0, 6))
def test_a_decimal_reads_back_as_the_same_number(scaled: int, digits: int) -> None:
    text = decimal_string(scaled, digits)
    whole, _, fraction = text.lstrip("-").partition(".")
    assert len(fraction) == digits and (whole == "0" or not whole.startswith("0"))
    assert int(whole + fraction) * (-1 if text.startswith("-") else 1) == scaled


@given(st.text(st.characters(exclude_categories=["C"], exclude_characters="\u2028\u2029"), min_size=1, max_size=50))
def test_what_html_shows_is_what_was_sent(text: str) -> None:
    record = Record(1, 1, 1, 1, 1, "text", cbor.encode([text]), 0, 0, False)
    content = _rendered([record])
    assert html.unescape(re.sub(r"<[^>]*>", "", content["formatted_body"])) == content["body"] == f"garden: {text}"


@settings(max_examples=50, deadline=None)
@given(SOME_RECORDS)
def test_a_homeserver_accepts_it(some: list[Record]) -> None:
    async def send() -> None:
        homeserver = Homeserver()
        client: MatrixClient = await Place(homeserver, homeserver).client()
        room_id = (await client.create_room("garden")).body["room_id"]  # type: ignore[index]
        answer = await client.send_event(room_id, "m.room.message", "ab.1.msg", canonical_json(_rendered(some)))
        assert answer.ok, answer

    asyncio.run(send())
