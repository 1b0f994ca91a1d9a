"""comatrix radio airtime: the cost of a message, in words and in JSON, and what no radio can do said in words."""

import json
from typing import Any

import pytest

from tests.gateway.cli.conftest import Comatrix


def told(comatrix: Comatrix, *words: str) -> Any:
    result = comatrix("radio", "airtime", *words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_it_tells_airtime_free_bytes_and_messages_an_hour(comatrix: Comatrix) -> None:
    result = comatrix("radio", "airtime", "--sf", "7", "--bw", "125000", "--cr", "5", "--payload", "15")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == "15 bytes at SF7, 125 kHz, 4/5: 46.336 ms (46336 us)"
    assert lines[1] == "Full: the next takes 51.456 ms."
    assert lines[2].split("  ")[0] == "EU868, MHZ"
    assert [line.split()[0] for line in lines[3:]] == [
        "863-865",
        "865-868",
        "868-868.6",
        "868.7-869.2",
        "869.4-869.65",
        "869.7-870",
    ]
    # 3.6 s, 36 s and 360 s an hour.
    assert [line.split()[-1] for line in lines[3:]] == ["77", "776", "776", "77", "7769", "776"]


def test_json_has_the_same(comatrix: Comatrix) -> None:
    found = told(comatrix, "--sf", "7", "--payload", "16")
    assert (found["airtime_us"], found["free_bytes"], found["next_step_us"]) == (51456, 3, 56576)
    assert found["bands"][4] == {
        "low_hz": 869400000,
        "high_hz": 869650000,
        "duty_ppm": 100000,
        "dwell_ms": None,
        "too_long": False,
        "max_payload": 255,
        "messages_per_hour": 360_000_000 // 51456,
    }


@pytest.mark.parametrize(
    ("words", "us"),
    [
        # Of tests/vectors/lora_airtime.json, whose sources are named there.
        ("--sf 8 --cr 6 --payload 10 --preamble 12 --implicit-header", 86528),
        ("--sf 8 --cr 6 --payload 3 --no-crc", 53760),
        ("--sf 7 --payload 50 --ldro on", 128256),
        ("--sf 10 --payload 37 --ldro off", 493568),
        ("--sf 5 --bw 500000 --payload 1 --preamble 2", 1680),
        # By hand, as AN1200.13 has it: 12.25 + 8 + 4 * 5 symbols of 512 us.
        ("--sf 6 --payload 10 --implicit-header --family sx127x", 20608),
    ],
)
def test_every_option_counts(comatrix: Comatrix, words: str, us: int) -> None:
    assert told(comatrix, *words.split())["airtime_us"] == us


def test_what_exceeds_the_dwell_time_is_too_long(comatrix: Comatrix) -> None:
    words = ("--sf", "10", "--payload", "25", "--region")
    assert comatrix("radio", "airtime", *words, "US915").stdout.splitlines()[-1].split("  ")[-1] == (
        "too long: at most 24 bytes"
    )
    (band,) = told(comatrix, *words, "AS923")["bands"]
    assert (band["too_long"], band["max_payload"], band["dwell_ms"], band["messages_per_hour"]) == (True, 24, 400, 0)
    result = comatrix("radio", "airtime", "--sf", "12", "--payload", "1", "--region", "AU915")
    assert result.stdout.rstrip().endswith("too long at any size")


def test_what_exceeds_a_whole_hour_is_too_long(comatrix: Comatrix) -> None:
    bands = told(comatrix, "--sf", "12", "--payload", "255")["bands"]
    assert [band["too_long"] for band in bands] == [True, False, False, True, False, False]
    assert bands[0]["max_payload"] < 255
    limit = told(comatrix, "--sf", "12", "--payload", str(bands[0]["max_payload"]))
    assert limit["airtime_us"] <= 3_600_000 < limit["next_step_us"]
    assert limit["free_bytes"] == 0


def test_no_duty_cycle_is_said(comatrix: Comatrix) -> None:
    result = comatrix("radio", "airtime", "--sf", "7", "--payload", "255", "--region", "IN865")
    assert "No packet is larger." in result.stdout
    assert result.stdout.rstrip().endswith("no limit by duty cycle")
    (band,) = told(comatrix, "--sf", "7", "--payload", "255", "--region", "IN865")["bands"]
    assert band["messages_per_hour"] is None


@pytest.mark.parametrize(
    ("payload", "line"),
    [
        ("14", "1 byte costs nothing more; the next takes 51.456 ms."),
        ("16", "3 bytes cost nothing more; the next takes 56.576 ms."),
        ("254", "1 byte more, the most there can be, costs nothing."),
    ],
)
def test_what_costs_nothing_is_said_in_words(comatrix: Comatrix, payload: str, line: str) -> None:
    assert comatrix("radio", "airtime", "--sf", "7", "--payload", payload).stdout.splitlines()[1] == line


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--sf 5 --payload 15 --family sx127x", "error: SX127x has no spreading factor 5."),
        ("--sf 6 --payload 15 --family sx127x", "error: SX127x has spreading factor 6 with an implicit header only."),
        ("--sf 7 --payload 15 --bw 7800", "error: SX126x has no bandwidth of 7800 Hz; it has 7810, 10420, "),
        ("--sf 7 --payload 15 --bw 125", "error: SX126x has no bandwidth of 125 Hz; it has 7810, "),
        ("--sf 4 --payload 15", "--sf"),
        ("--sf 7 --payload 256", "--payload"),
        ("--sf 7 --payload 15 --cr 9", "--cr"),
        ("--sf 7 --payload 15 --region EU433", "EU868"),
        ("--sf 7", "--payload"),
    ],
)
def test_what_no_radio_can_do_is_said_in_words(comatrix: Comatrix, words: str, said: str) -> None:
    result = comatrix("radio", "airtime", *words.split())
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stderr.rstrip().endswith("next: comatrix radio airtime --help")
    assert result.stdout == ""


def test_a_mistyped_command_is_named(comatrix: Comatrix) -> None:
    result = comatrix("radio", "airtme")
    assert result.exit_code == 2
    assert "Did you mean 'airtime'?" in result.stderr
