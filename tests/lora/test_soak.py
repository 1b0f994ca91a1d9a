"""`make soak` runs everything, and a broken limit is its exit code. Hostile frames are met with silence."""

import pytest
from comatrix_lora.header import parse_untrusted

from tests.lora.hostile_ends import Ends, KeyEnds
from tests.lora.hostile_figures import attack
from tests.lora.hostile_frames import AS_A_CONTENT, NAMES, Peers
from tests.lora.soak import commands, run


def test_hostile_frames_of_every_kind_are_met_with_silence_and_a_counted_reason() -> None:
    lines: list[str] = []
    attacked, broken = attack(Peers(2), 5_000, lines.append)
    assert broken == []
    assert {name for name, _ in attacked.answers} == {*NAMES, AS_A_CONTENT}
    assert sum(count for (name, _), count in attacked.answers.items() if name in NAMES) == 5_000
    assert lines[-1].startswith("5,000 frames, 0 taken")


def test_station_and_hub_meet_them_with_silence_and_a_count_and_remember_nothing() -> None:
    attacked, broken = attack(Ends(2), 5_000)
    assert broken == [] and sum(attacked.answers.values()) == 5_000
    both = {"ignored by the station", "ignored by the hub"}
    ways = {(name, reason) for name in NAMES for reason in both} - {("from an unknown node", "ignored by the station")}
    assert set(attacked.answers) == ways


def test_frames_of_new_keys_are_attacked_too_and_nothing_is_remembered() -> None:
    attacked, broken = attack(KeyEnds(2), 5_000)
    assert broken == [] and sum(attacked.answers.values()) == 5_000
    assert {reason for _, reason in attacked.answers} == {"ignored by the station", "ignored by the hub"}
    for frame, hearer in KeyEnds(3).kinds:
        assert parse_untrusted(frame).up != hearer.up


def test_a_frame_that_is_taken_is_told() -> None:
    attacked = Ends(2)
    frame, hearer = attacked.kinds[0]
    assert attacked.hear(frame, hearer) is None and attacked.state() != attacked.before
    attacked.taken.append(frame)
    assert attack(attacked, 10)[1] == [f"taken: {frame.hex()}", "a hearer has changed"]


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
