"""What people read in a room, and what programs read beside it."""

from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo

import pytest

from comatrix.codec import cbor, records
from comatrix.gateway.model import Node, Record
from comatrix.gateway.uplink.rendering import MAX_BYTES_WITH_HTML, PROFILE_KEY, event_content
from comatrix.gateway.uplink.sanitise import MAX_TEXT_BYTES, clean_name, clean_text, escape_html
from comatrix.gateway.uplink.typed import canonical_json, decimal_string

BERLIN = ZoneInfo("Europe/Berlin")
AT_14_05_10 = 1_717_243_510_000  # 2024-06-01 12:05:10 UTC, 14:05:10 in Berlin
NODES = {7: Node(7, "garden", 1, 1), 8: Node(8, "<shed>", 2, 1)}
CLIMATE = {0: 2137, 1: 452, 2: 398}


def _record(
    said: dict[int, int] | str,
    *,
    node: int = 7,
    seq: int = 20,
    at_ms: int = AT_14_05_10,
    received_ms: int | None = None,
    late: bool = False,
) -> Record:
    kind = "text" if isinstance(said, str) else "readings"
    body = cbor.encode([said] if isinstance(said, str) else said)
    return Record(seq, node, 1, seq, 1, kind, body, at_ms, at_ms if received_ms is None else received_ms, late)


def _content(*shown: Record, timezone: tzinfo = BERLIN, sealed_ms: int | None = None) -> dict[str, object]:
    return event_content(shown, NODES, txn_id="ab.1.msg", timezone=timezone, sealed_ms=sealed_ms)


def test_one_record_of_readings_is_this_content() -> None:
    assert _content(_record(CLIMATE)) == {
        "msgtype": "m.notice",
        "body": "garden: 21.37 °C, 45.2 %RH, 3.98 V",
        "format": "org.matrix.custom.html",
        "formatted_body": "<strong data-mx-profile-fallback>garden: </strong>21.37 °C, 45.2 %RH, 3.98 V",
        "m.mentions": {},
        "com.beeper.per_message_profile": {"id": "7", "displayname": "garden", "has_fallback": True},
        "eu.comatrix.id": "ab.1.msg",
        "eu.comatrix.telemetry": {
            "v": 1,
            "records": [
                {
                    "node": "garden",
                    "id": 7,
                    "enr": 1,
                    "seq": 20,
                    "t": AT_14_05_10,
                    "readings": [
                        {"n": "temperature", "u": "Cel", "v": "21.37"},
                        {"n": "humidity", "u": "%RH", "v": "45.2"},
                        {"n": "battery", "u": "V", "v": "3.98"},
                    ],
                }
            ],
        },
    }


def test_several_records_of_a_node_are_the_newest_and_the_ones_before_with_their_times() -> None:
    minutes = [_record({0: 2100 + n, 2: 398}, seq=20 + n, at_ms=AT_14_05_10 + n * 60_000) for n in range(3)]
    content = _content(*minutes)
    assert content["body"] == (
        "garden: 14:07:10  21.02 °C, 3.98 V\n    before: 14:05:10 21.00 °C, 3.98 V; 14:06:10 21.01 °C, 3.98 V"
    )
    assert content["formatted_body"] == (
        "<strong data-mx-profile-fallback>garden: </strong>14:07:10 21.02 °C, 3.98 V"
        "<ul><li>before: 14:05:10 21.00 °C, 3.98 V; 14:06:10 21.01 °C, 3.98 V</li></ul>"
    )
    assert PROFILE_KEY in content


def test_a_node_with_a_voice_of_its_own_does_not_say_its_name() -> None:
    content = event_content([_record(CLIMATE)], NODES, txn_id="ab.1.msg", timezone=BERLIN, own_voice=True)
    assert content["body"] == content["formatted_body"] == "21.37 °C, 45.2 %RH, 3.98 V"
    assert PROFILE_KEY not in content


def test_many_nodes_have_a_line_each_however_much_they_say() -> None:
    said = [
        _record({0: 2000 + minute}, node=node, seq=minute, at_ms=AT_14_05_10 + minute * 60_000)
        for minute in range(10)
        for node in (7, 8)
    ]
    content = _content(*said)
    lines = str(content["body"]).splitlines()
    assert [line[:20] for line in lines] == [
        "garden 14:14:10  20.",
        "    before: 14:05:10",
        "<shed> 14:14:10  20.",
        "    before: 14:05:10",
    ]
    for minute in range(10):
        assert str(content["body"]).count(f"14:{5 + minute:02}:10") == 2
        assert str(content["body"]).count(f"20.{minute:02} °C") == 2
    assert str(content["formatted_body"]).count("<li>") == 4


def test_a_text_stands_by_itself_among_readings() -> None:
    content = _content(_record(CLIMATE), _record("door\n    before: 99 °C", seq=21), _record({0: 2138}, seq=22))
    assert str(content["body"]).splitlines() == [
        "garden: 14:05:10  21.38 °C",
        "    before: 14:05:10 21.37 °C, 45.2 %RH, 3.98 V",
        "    14:05:10  door",
        "            before: 99 °C",
    ]
    assert content["formatted_body"] == (
        "<strong data-mx-profile-fallback>garden: </strong>14:05:10 21.38 °C"
        "<ul><li>before: 14:05:10 21.37 °C, 45.2 %RH, 3.98 V</li><li>14:05:10 door<br>    before: 99 °C</li></ul>"
    )


def test_several_nodes_are_named_in_their_lines_and_the_bot_speaks() -> None:
    content = _content(_record(CLIMATE), _record({5: 415}, node=8))
    assert content["body"] == "garden 14:05:10  21.37 °C, 45.2 %RH, 3.98 V\n<shed> 14:05:10  co2 415 ppm"
    assert content["formatted_body"] == (
        "<ul><li><strong>garden</strong> 14:05:10 21.37 °C, 45.2 %RH, 3.98 V</li>"
        "<li><strong>&lt;shed&gt;</strong> 14:05:10 co2 415 ppm</li></ul>"
    )
    assert PROFILE_KEY not in content


def test_a_late_record_says_so_and_when_it_was() -> None:
    content = _content(_record({0: 2137}, late=True))
    assert content["body"] == "garden: 14:05:10  21.37 °C (late)"
    assert content["eu.comatrix.telemetry"]["records"][0]["late"] is True  # type: ignore[index]


@pytest.mark.parametrize(
    ("age_ms", "body"),
    [
        (59_999, "garden: 21.37 °C"),
        (60_000, "garden: 14:05:10  21.37 °C"),
        (24 * 3_600_000, "garden: 2024-06-01 14:05:10  21.37 °C"),
    ],
)
def test_an_old_reading_says_when_it_was_measured(age_ms: int, body: str) -> None:
    assert _content(_record({0: 2137}, received_ms=AT_14_05_10 + age_ms))["body"] == body
    assert _content(_record({0: 2137}), sealed_ms=AT_14_05_10 + age_ms)["body"] == body


def test_times_are_those_of_the_configured_zone() -> None:
    assert "12:05:10" in str(_content(_record(CLIMATE, late=True), timezone=UTC)["body"])


@pytest.mark.parametrize("at_ms", [-(10**18), 10**18, 253_402_300_799_999])
def test_an_impossible_time_is_no_reason_to_fail(at_ms: int) -> None:
    content = _content(_record({0: 2137}, at_ms=at_ms, received_ms=AT_14_05_10))
    assert "time unknown" in str(content["body"]) and "21.37 °C" in str(content["body"])
    assert canonical_json(content)


@pytest.mark.parametrize(
    ("readings", "words"),
    [
        ({77: 123}, "word 77: 123"),
        ({12: 1}, "motion 1"),
        ({6: 312}, "soil moisture 31.2 %"),
        ({8: -12_000}, "voltage -12.000 V"),
        ({0: 2137, 37: 1200}, "21.37 °C, dew point 12.00 °C"),
        ({23: 4}, "dropped 4"),
        ({50: 52_520_008}, "latitude 52.520008 °"),
    ],
)
def test_every_reading_is_named_unless_its_unit_says_it(readings: dict[int, int], words: str) -> None:
    assert _content(_record(readings))["body"] == "garden: " + words


def test_an_unknown_word_has_its_number_in_the_typed_data() -> None:
    telemetry = _content(_record({77: -123}))["eu.comatrix.telemetry"]
    assert telemetry["records"][0]["readings"] == [{"n": "word_77", "v": "-123"}]  # type: ignore[index]


@pytest.mark.parametrize(
    ("scaled", "digits", "text"),
    [
        (2137, 2, "21.37"),
        (398, 2, "3.98"),
        (-5, 2, "-0.05"),
        (-100, 2, "-1.00"),
        (0, 1, "0.0"),
        (-7, 0, "-7"),
        ((1 << 53) - 1, 6, "9007199254.740991"),
    ],
)
def test_decimals_are_exact(scaled: int, digits: int, text: str) -> None:
    assert decimal_string(scaled, digits) == text


def test_a_text_is_shown_as_it_is_and_escaped_where_it_is_html() -> None:
    content = _content(_record("door <b>open</b> & '@room'\nsecond line"))
    assert content["body"] == "garden: door <b>open</b> & '@room'\nsecond line"
    assert content["formatted_body"] == (
        "<strong data-mx-profile-fallback>garden: </strong>"
        "door &lt;b&gt;open&lt;/b&gt; &amp; &#39;@room&#39;<br>second line"
    )
    assert content["m.mentions"] == {}


def test_a_text_among_others_cannot_pass_for_another_record() -> None:
    content = _content(_record("hello\ngarden 14:05:10  99.00 °C", node=8), _record(CLIMATE))
    assert str(content["body"]).splitlines() == [
        "<shed> 14:05:10  hello",
        "        garden 14:05:10  99.00 °C",
        "garden 14:05:10  21.37 °C, 45.2 %RH, 3.98 V",
    ]
    assert str(content["formatted_body"]).count("<li>") == 2


@pytest.mark.parametrize("said", ["", "\x01\x02", "\u202e"])
def test_a_text_of_nothing_is_still_shown(said: str) -> None:
    assert _content(_record(said))["body"] == "garden: (empty text)"


def test_a_node_that_is_not_known_is_named_by_its_number() -> None:
    assert _content(_record(CLIMATE, node=99))["body"] == "node 99: 21.37 °C, 45.2 %RH, 3.98 V"


@pytest.mark.parametrize(
    ("kind", "body"),
    [("hello", cbor.encode({0: "1.0"})), ("readings", b"\xff"), ("readings", b""), ("text", cbor.encode({0: 1}))],
)
def test_what_cannot_be_shown_is_mentioned_and_counted(kind: str, body: bytes) -> None:
    content = _content(Record(1, 7, 1, 20, 1, kind, body, AT_14_05_10, AT_14_05_10, False))
    assert content["body"] == f"garden: sent something that is not shown here ({kind})"
    entry = content["eu.comatrix.telemetry"]["records"][0]  # type: ignore[index]
    assert (entry["id"], entry["seq"], entry["kind"]) == (7, 20, kind)


def test_an_integer_beyond_json_is_a_decimal_string() -> None:
    record = Record(1, 7, 1, 1 << 53, 1, "readings", cbor.encode({0: 1}), 1 << 60, AT_14_05_10, False)
    entry = _content(record)["eu.comatrix.telemetry"]["records"][0]  # type: ignore[index]
    assert (entry["seq"], entry["t"]) == ("9007199254740992", "1152921504606846976")


def test_html_is_left_out_where_it_would_make_the_event_too_large() -> None:
    long = [_record("&" * records.MAX_TEXT, seq=seq) for seq in range(12)]
    content = _content(*long)
    assert "formatted_body" not in content and "format" not in content
    assert len(canonical_json(content)) < MAX_BYTES_WITH_HTML
    assert str(content["body"]).count("&" * records.MAX_TEXT) == 12


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("a\x00b", "a\ufffdb"),
        ("a\x1b[31mb\x7f\x9b", "a[31mb"),
        ("a\r\nb\rc\u2028d\u2029e\u0085f", "a\nb\nc\nd\ne\nf"),
        ("a\u202eb\u2066c\u200fd\u061ce", "abcde"),
        ("a\ud800b", "a\ufffdb"),
        ("tab\tstays", "tab\tstays"),
        ("👨\u200d🌾 ñ", "👨\u200d🌾 ñ"),
    ],
)
def test_text_is_cleaned_of_what_harms(text: str, cleaned: str) -> None:
    assert clean_text(text) == cleaned


@pytest.mark.parametrize("character", ["a", "ü", "€", "🌱"])
def test_a_long_text_is_cut_at_a_character_with_an_ellipsis(character: str) -> None:
    cut = clean_text(character * (MAX_TEXT_BYTES + 1))
    assert MAX_TEXT_BYTES - 4 <= len(cut.encode()) <= MAX_TEXT_BYTES
    assert cut == character * (len(cut) - 1) + "…"
    assert clean_text("x" * MAX_TEXT_BYTES) == "x" * MAX_TEXT_BYTES


@pytest.mark.parametrize(
    ("name", "cleaned"),
    [("garden\nshed", "garden shed"), ("  a  b ", "a b"), ("", "?"), ("\u202e", "?"), ("x" * 65, "x" * 63 + "…")],
)
def test_a_name_is_one_line(name: str, cleaned: str) -> None:
    assert clean_name(name) == cleaned


def test_html_is_escaped() -> None:
    assert escape_html('<a href="x">&amp;\'\n') == "&lt;a href=&quot;x&quot;&gt;&amp;amp;&#39;<br>"


@pytest.mark.parametrize(("number", "name"), [(8, "<shed>"), (9, "node 9")])
def test_a_text_to_a_node_says_to_whom(number: int, name: str) -> None:
    body = cbor.encode([-number, "water\nlow"])
    record = Record(20, 7, 1, 20, 1, "node_text", body, AT_14_05_10, AT_14_05_10, False)
    content = _content(record)
    assert content["body"] == f"garden: to {name}: water\nlow"
    assert content["eu.comatrix.telemetry"]["records"][0]["kind"] == "node_text"  # type: ignore[index]
