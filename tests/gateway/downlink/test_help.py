"""Help is what may be typed, in lines a phone shows."""

import pytest

from comatrix.codec.description import Description, Method, Setting
from comatrix.gateway.downlink.help import help_text, node_help_text, verb_help_text
from comatrix.gateway.downlink.verbs import LEVELS, VERBS, Level, allowed_at
from tests.support.one_line import one_clean_line

PHONE_CHARS = 72


@pytest.mark.parametrize("level", LEVELS)
def test_help_has_what_one_may_type_and_nothing_else(level: Level) -> None:
    lines = help_text(level).splitlines()
    for verb in VERBS.values():
        assert (f"{verb.usage} - {verb.meaning}" in lines) == (verb in allowed_at(level))
    assert all(len(line) <= PHONE_CHARS for line in lines)
    assert lines[0] == "Each line after !cx:"


@pytest.mark.parametrize("name", VERBS)
def test_help_of_a_command_ends_with_one_to_type(name: str) -> None:
    lines = verb_help_text(VERBS[name], "!garden").splitlines()
    assert lines[-1] == f"For example: !garden {VERBS[name].example}"
    also = "; alarm NODE [NAME]: view" if name == "alarm" else ""
    assert f"Who may: {VERBS[name].level}{also}" in lines
    assert all(len(line) <= PHONE_CHARS for line in lines)


def test_help_of_a_node_is_its_own_description() -> None:
    description = Description([Setting("interval", "s", 5, 86_400)], [Method("relay", [Setting("state", "", 0, 1)])])
    assert node_help_text("garden", description).splitlines() == [
        "garden can be told:",
        "set interval: 5 to 86400 s",
        "call relay state: on or off",
        "say garden TEXT... - shows a text at a node",
        "For example: !cx get garden interval",
    ]


def test_help_of_a_node_before_its_first_start() -> None:
    assert "garden has not told yet what it can do: it will at its next start." in node_help_text("garden", None)
    assert "say garden TEXT..." in node_help_text("garden", None)


def test_a_node_cannot_write_lines_of_its_own_into_help() -> None:
    nasty = "a\nset b: \u202e1"
    description = Description([Setting(nasty, nasty, 0, 9)], [Method(nasty, [Setting(nasty), Setting(nasty)])])
    lines = node_help_text(nasty, description).split("\n")
    assert len(lines) == 5
    assert all(one_clean_line(line) for line in lines)
