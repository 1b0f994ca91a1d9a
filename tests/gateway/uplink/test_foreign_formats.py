"""Payloads of foreign devices -> typed readings, exactly, and what is refused with which words."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import cbor2
import pytest

from comatrix.codec.record_types import Readings
from comatrix.errors import WireError
from comatrix.gateway.model import Record
from comatrix.gateway.uplink.formats import named, pack, senml
from comatrix.gateway.uplink.formats.profiles import cayenne_channel, profiles, text_quantity
from comatrix.gateway.uplink.formats.reading import Profile, reader
from comatrix.gateway.uplink.rendering import event_content
from comatrix.gateway.uplink.typed import decode

VECTORS = Path(__file__).parents[2] / "vectors"
NOW_MS = 1_700_000_000_000
NOW_S = NOW_MS // 1000
CBOR, JSON, SENML_JSON, SENML_CBOR, TEXT, CAYENNE = 60, 50, 110, 112, 0, 42


def read(content_format: int, payload: bytes, profile: Profile | None = None, now_ms: int = NOW_MS) -> list[Any]:
    """The moments, as maps."""
    profile = profile or Profile("temperature", content_format == CAYENNE)
    found = reader(content_format, profile)
    assert found is not None
    return [one.body() for one in found(payload, profile, now_ms)]


def refusal(content_format: int, payload: bytes, profile: Profile | None = None, now_ms: int = NOW_MS) -> str:
    """What the client is told."""
    with pytest.raises(WireError) as caught:
        read(content_format, payload, profile, now_ms)
    assert len(str(caught.value).encode()) <= 64
    return str(caught.value)


def senml_of(*records: dict[str, Any]) -> list[Any]:
    return read(SENML_JSON, json.dumps(records).encode())


@pytest.mark.parametrize(
    "vector", json.loads((VECTORS / "foreign_payloads.json").read_text()), ids=lambda v: v["source"]
)
def test_a_published_example_is_read_or_refused_in_words(vector: dict[str, Any]) -> None:
    payload = vector["text"].encode() if "text" in vector else bytes.fromhex(vector["hex"])
    channels = {int(channel): word for channel, word in vector.get("channels", {}).items()}
    profile = Profile(None, vector["format"] == CAYENNE, channels)
    now_ms = vector.get("now_s", NOW_S) * 1000
    if "refused" in vector:
        assert refusal(vector["format"], payload, profile, now_ms) == vector["refused"]
        return
    found = read(vector["format"], payload, profile, now_ms)
    assert found == [{int(word): value for word, value in one.items()} for one in vector["moments"]]


@pytest.mark.parametrize(
    ("text", "scaled"),
    [
        ("21.4", 2140),
        ("21.005", 2100),
        ("20.045", 2004),
        ("-0.005", 0),
        ("2.14e1", 2140),
        ("-40", -4000),
        ("1e-300", 0),
    ],
)
def test_a_decimal_is_scaled_exactly_and_halves_go_to_the_even_integer(text: str, scaled: int) -> None:
    if text == "1e-300":
        assert refusal(JSON, b'{"temperature": 1e-300}') == "number out of range"
        return
    assert read(JSON, b'{"temperature": %s}' % text.encode()) == [{0: scaled}]


def test_a_number_means_the_same_in_json_as_a_float_or_decimal_of_cbor() -> None:
    for number in (20.045, Decimal("20.045")):
        assert read(CBOR, cbor2.dumps({"temperature": number})) == [{0: 2004}]
    assert read(JSON, b'{"temperature": 20.045}') == [{0: 2004}]


def test_base_fields_hold_for_the_records_that_follow() -> None:
    base = {"bn": "shed:", "bu": "Cel", "bv": 20, "bt": NOW_S - 90}
    found = senml_of(
        base, {"n": "temperature", "v": 1.5}, {"n": "soil-temperature", "v": -1}, {"bv": 0, "n": "dew-point", "v": 3}
    )
    assert found == [{0: 2150, 35: 1900, 37: 300, -1: 90}]


def test_times_are_relative_below_two_to_the_28_and_absolute_above() -> None:
    assert senml_of({"n": "temperature", "v": 1, "t": -5}) == [{0: 100, -1: 5}]
    assert senml_of({"n": "temperature", "v": 1, "t": NOW_S - 5}) == [{0: 100, -1: 5}]
    assert senml_of({"n": "temperature", "v": 1}, {"n": "temperature", "v": 2, "t": -60}) == [
        {0: 200, -1: 60},
        {0: 100},
    ]


def test_a_clock_a_little_ahead_means_now_and_one_far_ahead_is_refused() -> None:
    assert senml_of({"n": "temperature", "v": 1, "t": 599}) == [{0: 100}]
    assert refusal(SENML_JSON, b'[{"n":"temperature","v":1,"t":601}]') == "a time in the future"


def test_units_are_converted_and_others_refused() -> None:
    assert senml_of({"n": "temperature", "u": "K", "v": 273.15}) == [{0: 0}]
    assert senml_of({"n": "pressure", "u": "Pa", "v": 101325}) == [{3: 10132}]
    assert senml_of({"n": "humidity", "u": "/", "v": 0.452}) == [{1: 452}]
    assert refusal(SENML_JSON, b'[{"n":"humidity","u":"Cel","v":1}]') == "humidity is not told in Cel"


def test_a_sum_of_power_is_energy_and_of_nothing_else() -> None:
    assert senml_of({"n": "power", "u": "W", "s": 3_600_000}) == [{11: 1000}]
    assert refusal(SENML_JSON, b'[{"n":"temperature","s":1}]') == "no word for a sum of temperature"


def test_booleans_say_yes_or_no_and_numbers_of_unknown_words_are_kept() -> None:
    assert senml_of({"n": "motion", "vb": True}, {"n": "word_300", "v": 7}) == [{12: 1, 300: 7}]
    assert senml_of({"n": "humidity", "vs": "out of range"}) == [{1: None}]
    assert refusal(SENML_JSON, b'[{"n":"humidity","vb":true}]') == "humidity is a number, not true or false"
    assert refusal(SENML_JSON, b'[{"n":"humidity","vs":"wet"}]') == "humidity is no number"


@pytest.mark.parametrize(
    ("content_format", "payload", "words"),
    [
        (SENML_JSON, b"[]", "no reading"),
        (SENML_JSON, b"{}", "SenML is an array of records"),
        (SENML_JSON, b'[{"n":"temperature"}]', "a record has one value"),
        (SENML_JSON, b'[{"n":"temperature","v":1,"vb":true}]', "a record has one value"),
        (SENML_JSON, b'[{"n":"temperature","v":1},{"n":"temperature","v":1}]', "temperature stands twice"),
        (SENML_JSON, b'[{"v":1}]', "not a SenML name: "),
        (SENML_JSON, b'[{"n":"temperature","v":"1"}]', "not a number"),
        (SENML_JSON, b'[{"n":"temperature","v":1,"bver":true}]', "unknown SenML version"),
        (SENML_JSON, b'[{"bn_":1,"n":"temperature","v":1}]', "must understand bn_"),
        (SENML_JSON, json.dumps([{"n": "x", "v": 1}] * 257).encode(), "more than 256 records"),
        (SENML_JSON, json.dumps([{"n": "count", "v": 1, "t": -i} for i in range(33)]).encode(), "more than 32 moments"),
        (JSON, json.dumps({f"word_{i}": 1 for i in range(32)}).encode(), "more than 31 readings at once"),
        (SENML_JSON, b'[{"n":"temperature","v":1,"t":-1e30}]', "a time too long ago"),
        (SENML_CBOR, cbor2.dumps([{0: "temperature", 2: Decimal("1e70")}]), "number out of range"),
        (SENML_CBOR, bytes.fromhex("81a2006b74656d706572617475726502c4821b7fffffffffffffff01"), "number out of range"),
        (JSON, b"[1]", "an array: SenML is format 110 or 112"),
        (JSON, b'{"temperature":{"v":1}}', "temperature is no number"),
        (JSON, b"[" * 1000, "nested too deep"),
        (JSON, b'{"temperature":' + b"9" * 5000 + b"}", "number too long"),
        (JSON, b'{"temperature":Infinity}', "not a finite number"),
        (JSON, b'\xff', "ill-formed UTF-8"),
        (JSON, b"", "not JSON"),
        (JSON, b'{"temperature": 1, "temperature": 2}', "a key stands twice"),
        (JSON, '{"wärme": 1}'.encode(), "unknown name w?rme"),
        (JSON, b'{"age": 5}', "no reading"),
        (JSON, b'{"age": -5, "temperature": 1}', "age out of range"),
        (JSON, b'{"temperature": 1e30}', "temperature out of range"),
        (JSON, b'{"' + b"x" * 500 + b'": 1}', "unknown name " + "x" * 51),
        (CBOR, cbor2.dumps({"temperature": 1, 0: 1}), "a name is a text"),
        (TEXT, b"21.4 lx", "temperature is not told in lx"),
        (TEXT, b"nan", "text is no number"),
        (TEXT, b"1" * 65, "text too long"),
        (CAYENNE, bytes.fromhex("0367"), "Cayenne: ends inside a field"),
        (CAYENNE, bytes.fromhex("03ff00"), "Cayenne: no word for type 255"),
        (CAYENNE, bytes.fromhex("02020100"), "Cayenne: declare a word for channel 2"),
        (CAYENNE, b"", "no reading"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_at_most_64_bytes(content_format: int, payload: bytes, words: str) -> None:
    assert refusal(content_format, payload) == words


@pytest.mark.parametrize("content_format", [CBOR, JSON, SENML_JSON, SENML_CBOR, TEXT, CAYENNE])
def test_hostile_bytes_are_refused_by_every_format(content_format: int) -> None:
    for one in json.loads((VECTORS / "hostile_inputs.json").read_text()):
        payload = bytes.fromhex(one["hex"])
        profile = Profile("temperature", content_format == CAYENNE)
        found = reader(content_format, profile)
        assert found is not None
        try:
            found(payload, profile, NOW_MS)
        except WireError as error:
            assert len(str(error).encode()) <= 64


def test_a_pack_is_told_apart_again_with_the_time_of_each_moment() -> None:
    moments = (Readings({0: 2050}, 65), Readings({0: 2140, 1: 452}, 5))
    body, age_s = pack.body(moments)
    assert age_s == 5
    record = Record(1, 7, 1, 3, 1, "readings", body, NOW_MS - 5000, NOW_MS, False)
    older, newest = pack.apart(record)
    assert (older.measured_ms, decode(older)) == (NOW_MS - 65_000, Readings({0: 2050}))
    assert (newest.measured_ms, decode(newest)) == (NOW_MS - 5_000, Readings({0: 2140, 1: 452}))
    assert decode(record) == Readings({0: 2140, 1: 452})


def test_the_room_sees_every_moment_of_a_pack() -> None:
    from datetime import UTC

    body, _ = pack.body((Readings({0: 2050}, 3600), Readings({0: 2140}, 0)))
    record = Record(1, 7, 1, 3, 1, "readings", body, NOW_MS, NOW_MS, False)
    content = event_content([record], {}, txn_id="x", timezone=UTC)
    assert [one["t"] for one in content["eu.comatrix.telemetry"]["records"]] == [NOW_MS - 3_600_000, NOW_MS]
    assert "20.50 °C" in content["body"]
    assert "21.40 °C" in content["body"]


def test_profiles_are_read_from_the_configuration() -> None:
    found = profiles(["cellar=temperature"], ["field", "field:3=soil-moisture"])
    assert found == {"cellar": Profile("temperature"), "field": Profile(None, True, {3: "soil-moisture"})}
    for check, wrong in ((text_quantity, "cellar"), (text_quantity, "cellar=warmth"), (cayenne_channel, "f:300=count")):
        with pytest.raises(ValueError, match="must"):
            check(wrong)


def test_a_map_with_integer_keys_is_a_nodes_own() -> None:
    assert named.read_cbor_untrusted(cbor2.dumps({0: 2140, -1: 9}))[0].body() == {0: 2140, -1: 9}


def test_labels_of_senml_cbor_are_integers() -> None:
    found = senml.read_cbor_untrusted(cbor2.dumps([{-2: "a:", -3: NOW_S, 0: "temperature", 2: 21.4, 6: -2}]), NOW_MS)
    assert [one.body() for one in found] == [{0: 2140, -1: 2}]
