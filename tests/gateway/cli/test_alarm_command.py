"""`comatrix alarm`, as a person types it."""

import json
from pathlib import Path

import pytest

from tests.gateway.cli.conftest import Comatrix


@pytest.fixture
def garden(ready: Comatrix, tmp_path: Path) -> Comatrix:
    """With a node in a room."""
    assert ready("room", "create", "garden").exit_code == 0
    out = ("--out", str(tmp_path / "garden.json"))
    added = ready("node", "add", "garden", "--room", "#garden:localhost", "--gateway-address", "pi:5683", *out)
    assert added.exit_code == 0, added.output
    return ready


def test_a_limit_is_set_listed_and_switched_off(garden: Comatrix) -> None:
    told = garden("alarm", "set", "garden", "battery", "below", "3.3V")
    assert told.exit_code == 0, told.output
    assert told.stdout.splitlines() == [
        "garden: battery below 3.30 V, hysteresis 0.16 V",
        "Next: comatrix alarm list garden",
    ]
    assert "below 3.30 V" in garden("alarm", "list").stdout
    off = garden("alarm", "off", "garden", "battery")
    assert off.stdout == "off: garden: battery below 3.30 V, hysteresis 0.16 V\n"
    assert garden("alarm", "list").stdout.startswith("No alarm is set.")
    assert garden("alarm", "off", "garden", "battery").exit_code == 2


def test_programs_read_json(garden: Comatrix) -> None:
    words = ("alarm", "set", "garden", "temperature", "below", "-5", "--hysteresis", "1", "--json")
    expected = {
        "node": "garden", "word": "temperature", "comparison": "<", "limit": "-5.00", "hysteresis": "1.00",
        "unit": "°C", "origin": "command line", "set_by": None, "state": "ok", "value": None, "since_ms": None,
    }  # fmt: skip
    assert json.loads(garden(*words).stdout) == expected
    assert json.loads(garden("alarm", "list", "garden", "--json").stdout) == [expected]
    assert json.loads(garden("alarm", "off", "garden", "--json").stdout) == [expected | {"instead": None}]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("set", "garden", "batery", "below", "3"), "Did you mean battery?"),
        (("set", "garden", "battery", "below", "3kg"), "another unit"),
        (("set", "shed", "battery", "below", "3"), "There is no node 'shed'"),
        (("set", "garden", "battery", "off"), "There is no limit"),
        (("list", "shed"), "There is no node 'shed'"),
        (("off", "garden"), "garden has no such alarm"),
    ],
)
def test_what_is_wrong_is_said_with_the_next_command(garden: Comatrix, words: tuple[str, ...], told: str) -> None:
    result = garden("alarm", *words)
    assert result.exit_code == 2
    assert told in result.stderr and result.stderr.splitlines()[-1].startswith("next: comatrix ")


def test_what_the_configuration_sets_comes_back_and_cannot_be_switched_off(
    garden: Comatrix, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMATRIX_ALARMS_LIMITS", "garden battery <3.3V")
    assert garden("alarm", "set", "garden", "battery", "below", "3.0V").exit_code == 0
    assert garden("alarm", "off", "garden").stdout.splitlines() == [
        "off: garden: battery below 3.00 V, hysteresis 0.15 V",
        "The configuration's limit holds again: battery below 3.30 V",
    ]
    assert " configuration" in garden("alarm", "list").stdout
    [one] = json.loads(garden("alarm", "list", "--json").stdout)
    assert (one["origin"], one["set_by"]) == ("configuration", None)
    refused = garden("alarm", "off", "garden", "battery")
    assert refused.exit_code == 2
    assert "The configuration sets that alarm of garden" in refused.stderr
