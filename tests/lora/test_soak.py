"""`make soak` runs everything, and a broken limit is its exit code. Hostile frames are met with silence."""

import pytest

from tests.lora.hostile_figures import NAMES, attack
from tests.lora.soak import commands, run


def test_hostile_frames_of_every_kind_are_met_with_silence_and_a_counted_reason() -> None:
    lines: list[str] = []
    attacked, broken = attack(5_000, 2, lines.append)
    assert broken == []
    assert {name for name, _ in attacked.answers} == {*NAMES, "as a content"}
    assert sum(count for (name, _), count in attacked.answers.items() if name in NAMES) == 5_000
    assert lines[-1].startswith("5,000 frames, 0 taken")


def test_a_broken_figure_stops_none_of_the_others_and_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    codes = run({"no such figure": ["json.tool", "/nowhere"], "good": ["json.tool", "--help"]})
    assert codes["no such figure"] and codes["good"] == 0
    shown = capfd.readouterr().out
    assert "BROKEN after" in shown and "ok after" in shown


def test_each_figure_gets_what_was_given() -> None:
    given = commands(11, 22, 33, 55, 44)
    assert given["history"][1:] == ["--readings", "11", "--seed", "44"]
    assert given["station and hub"][1:] == ["--readings", "11", "--seed", "44", "--processes", "2"]
    assert given["commands"][1:] == ["--commands", "55", "--seed", "44", "--processes", "2"]
    assert given["fragments"][1:] == ["--transfers", "22", "--seed", "44"]
    assert given["hostile frames"][1:] == ["--frames", "33", "--seed", "44"]
