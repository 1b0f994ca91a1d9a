"""`comatrix decode` explains what the gateway accepts, refuses what it refuses, and never stops at a bad line."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from comatrix.gateway.cli.main import cli

VECTORS = Path(__file__).parents[2] / "vectors"
APPENDIX_A = json.loads((VECTORS / "rfc8949_appendix_a.json").read_text())
HOSTILE = json.loads((VECTORS / "hostile_inputs.json").read_text())
CBOR = [case for case in HOSTILE if case["layer"] == "cbor"]
COAP = [case for case in HOSTILE if case["layer"] == "coap"]
# Well-formed CBOR that only a record's reader refuses: NUL in a text, a float, -2^64, null.
WELL_FORMED = {"cbor-81", "cbor-85", "cbor-89", "cbor-91"}
# What the message decoder itself must refuse, by what the vectors say is expected of it.
FORMAT_ERRORS = [case for case in COAP if "message format error" in case["expected"]] + [
    case for case in COAP if case["id"] in ("coap-01", "coap-03", "coap-05", "coap-37", "coap-41")
]
READING = "14a200190859011901c4"


def run(*words: str, lines: str | bytes | None = None) -> Result:
    return CliRunner().invoke(cli, list(words), input=lines)


def answers(*words: str, lines: str | bytes | None = None) -> list[dict[str, Any]]:
    """One JSON object a line, no NaN or Infinity among them."""

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    result = run(*words, "--json", lines=lines)
    found = [json.loads(line, parse_constant=refuse) for line in result.stdout.splitlines()]
    assert result.exit_code == (0 if all(answer["ok"] for answer in found) else 1)
    assert "Traceback" not in result.output
    return found


@pytest.mark.parametrize("case", CBOR, ids=lambda case: case["id"])
def test_no_hostile_cbor_is_a_record(case: dict[str, Any]) -> None:
    for resource in ([], ["--resource", "r"], ["--resource", "m"], ["--resource", "d"]):
        (answer,) = answers("decode", "record", case["hex"], *resource)
        assert not answer["ok"] and answer["error"]


@pytest.mark.parametrize("case", CBOR, ids=lambda case: case["id"])
def test_malformed_cbor_is_refused(case: dict[str, Any]) -> None:
    (answer,) = answers("decode", "cbor", case["hex"])
    assert answer["ok"] == (case["id"] in WELL_FORMED), case["why"]
    assert run("decode", "cbor", case["hex"]).exit_code == (0 if answer["ok"] else 1)


@pytest.mark.parametrize("case", FORMAT_ERRORS, ids=lambda case: case["id"])
def test_coap_format_errors_are_refused(case: dict[str, Any]) -> None:
    (answer,) = answers("decode", "coap", case["hex"])
    assert not answer["ok"] and answer["error"]


@pytest.mark.parametrize("case", COAP, ids=lambda case: case["id"])
def test_coap_in_words_agrees_with_json(case: dict[str, Any]) -> None:
    (answer,) = answers("decode", "coap", case["hex"])
    assert run("decode", "coap", case["hex"]).exit_code == (0 if answer["ok"] else 1)


def test_the_examples_of_rfc_8949_are_read_or_refused() -> None:
    lines = "\n".join(case["hex"] for case in APPENDIX_A) + "\n"
    found = answers("decode", "cbor", "-", lines=lines)
    assert len(found) == len(APPENDIX_A)
    accepted = 0
    for case, answer in zip(APPENDIX_A, found, strict=True):
        if answer["ok"] and "decoded" in case and isinstance(case["decoded"], int | float | str | list):
            assert answer["value"] == case["decoded"], case
            accepted += 1
    assert accepted > 40


def test_bytes_and_keys_that_are_no_text_stay_valid_json() -> None:
    assert answers("decode", "cbor", "a4010261310341ff056161f6")[0]["value"] == {
        "1": 3,
        "1'": 2,
        "h'ff'": 5,
        "a": None,
    }


def test_cbor_is_told_item_by_item_with_offsets() -> None:
    shown = run("decode", "cbor", "a200190859014101").stdout.splitlines()
    assert [line.split()[:2] for line in shown] == [
        ["0", "a2"],
        ["1", "00"],
        ["2", "190859"],
        ["5", "01"],
        ["6", "4101"],
    ]
    assert "map of 2 pairs" in shown[0] and "2137" in shown[2] and "h'01'" in shown[4]


def test_broken_cbor_is_told_up_to_where_it_breaks() -> None:
    result = run("decode", "cbor", "82a10041ff63c3a4")
    assert "h'ff'" in result.stdout
    assert result.stderr == "error: ends inside an item (at byte 6)\nnext: comatrix decode cbor --help\n"
    assert "not complete" in result.stdout.splitlines()[0]
    assert "here it goes wrong" in result.stdout.splitlines()[-1]


def test_a_text_cannot_move_the_cursor() -> None:
    shown = run("decode", "cbor", "661b5b324ac29b").stdout
    assert "\x1b" not in shown and "\x9b" not in shown and "\\u001b[2J\\u009b" in shown


def test_indefinite_lengths_only_where_asked() -> None:
    assert not answers("decode", "cbor", "9f0102ff")[0]["ok"]
    assert answers("decode", "cbor", "9f0102ff", "--foreign")[0]["value"] == [1, 2]


def test_a_sequence_only_where_asked() -> None:
    assert not answers("decode", "cbor", READING)[0]["ok"]
    assert answers("decode", "cbor", READING, "--sequence")[0]["value"] == [20, {"0": 2137, "1": 452}]
    assert answers("decode", "cbor", "", "--sequence")[0]["value"] == []


def test_each_line_of_input_has_one_answer_and_a_bad_one_ends_nothing() -> None:
    found = answers("decode", "cbor", "-", lines=b"01\n\nxyz\n\xff\xfe\n1\n0a \r\n02")
    assert [answer["ok"] for answer in found] == [True, False, False, False, False, True, True]
    assert found[2]["error"] == "not hexadecimal: 'xyz'"


def test_no_input_is_no_line() -> None:
    assert answers("decode", "cbor", "-", lines="") == []


def test_readings_have_names_units_and_exact_values() -> None:
    (answer,) = answers("decode", "record", READING)
    assert answer["value"] == {
        "record": "readings",
        "seq": 20,
        "age_s": 0,
        "readings": [
            {"word": 0, "name": "temperature", "value": "21.37", "unit": "Cel", "raw": 2137},
            {"word": 1, "name": "humidity", "value": "45.2", "unit": "%RH", "raw": 452},
        ],
    }
    shown = run("decode", "record", READING).stdout
    assert shown.startswith("readings, seq 20\n  temperature 21.37 °C")


@pytest.mark.parametrize(
    ("hex", "resource", "words"),
    [
        ("816568656c6c6f", None, 'to the default room: "hello"'),
        ("820161", None, ""),
        ("82026568656c6c6f", None, 'to room 2: "hello"'),
        ("820a01", None, "item 10: refused"),
        ("83050041ff", None, "item 5: done, value \"h'ff'\""),
        ("a1046400000000", "h", ""),
        ("a20063312e30041901a4", "h", "battery: 4.20 V"),
        ("1a65000000820503a10003", "answer", "asks for the self-description"),
        ("", "answer", "(carries nothing)"),
        ("8205183c", "command", "item 5: setting or method 60"),
        ("8381826269630080a0", "d", ""),
        ("838182626963617380a0", "d", 'setting 0: "ic" "s"'),
        ("a119ffff05", None, "word 65535 (not in this vocabulary): 5"),
        ("a2200a0005", None, "measured 10 s before"),
    ],
)
def test_every_record_in_words(hex: str, resource: str | None, words: str) -> None:
    result = run("decode", "record", hex, *(["--resource", resource] if resource else []))
    assert (words in result.stdout and words) or (result.exit_code == 1 and not words)


def test_coap_fields_and_options_are_told() -> None:
    (answer,) = answers("decode", "coap", "42021234abcdb172113cd1f600ff14a0")
    value = answer["value"]
    assert (value["type"], value["code"], value["code_name"], value["mid"]) == ("CON", "0.02", "POST", 0x1234)
    assert value["token"] == "h'abcd'" and value["payload"] == "h'14a0'"
    path, format, unknown = value["options"]
    assert (path["name"], path["value"], path["critical"], path["unsafe"]) == ("Uri-Path", "r", True, True)
    assert (format["value"], format["words"], format["critical"]) == (60, "application/cbor", False)
    assert unknown["critical"] and unknown["problem"] == "unknown to this gateway"
    shown = run("decode", "coap", "42021234abcdb172113cd1f600ff14a0").stdout
    assert 'Uri-Path = "r" (critical, unsafe, repeatable)' in shown and "0x1234" in shown
