"""docs/reference/commands-in-rooms.md and docs/howto/command-nodes.md say what verbs, grammar and states do."""

import re
from pathlib import Path

import pytest

from comatrix.codec.description import Description, Setting
from comatrix.gateway.downlink import catalogue, grammar, items, quantities, states, units
from comatrix.gateway.downlink.replies import REACTIONS
from comatrix.gateway.downlink.verbs import LEVELS, VERBS
from comatrix.gateway.errors import UsageError

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "reference" / "commands-in-rooms.md").read_text(encoding="utf-8")
HOWTO = (DOCS / "howto" / "command-nodes.md").read_text(encoding="utf-8")
GARDEN = Description([Setting("interval", "s", 5, 86_400)])


def test_the_table_is_the_table() -> None:
    rows = [f"| `{one.usage}` | {one.level} | {one.meaning} | `!cx {one.example}` |" for one in VERBS.values()]
    assert re.findall(r"^\| `.*` \| (?:view|operate|admin) \|.*$", PAGE, re.MULTILINE) == rows


def test_options_and_their_commands_are_named() -> None:
    assert re.findall(r"^\| `(\w+)=", PAGE, re.MULTILINE) == ["ttl", "priority"]
    named = re.search(r"behind the command's word, for (.*):", PAGE)
    assert named is not None
    assert set(re.findall(r"`(\w+)`", named[1])) == {verb.name for verb in VERBS.values() if verb.options}


def test_limits_are_those_of_the_code() -> None:
    assert f"At most {grammar.MAX_BYTES:,} bytes and {grammar.MAX_WORDS} words" in PAGE
    assert f"at most {quantities.MAX_TEXT_BYTES} bytes, {items.MAX_TEXT_BYTES} for `say`" in PAGE
    spans = [quantities.span_words(ms) for ms in (grammar.MIN_TTL_MS, grammar.MAX_TTL_MS)]
    assert f"{spans[0]} to {spans[1]}, always with a unit" in PAGE


@pytest.mark.parametrize("kind", units.KINDS[:-3])
def test_units_are_named(kind: units.Kind) -> None:
    for unit in kind.own:
        assert f"`{unit.replace('µ', 'u')}`" in PAGE


def test_what_it_shows_as_answered_is_answered_so() -> None:
    shown = re.findall(r"^(!cx .*)\n  (.*)$", PAGE, re.MULTILINE)
    assert len(shown) == 3
    for line, told in shown:
        with pytest.raises(UsageError) as error:
            parsed = grammar.read_untrusted(line)
            assert parsed is not None
            catalogue.order(GARDEN, parsed.verb, parsed.name, parsed.words, node=parsed.node)
        assert error.value.text == told


def test_every_command_it_shows_is_one() -> None:
    shown = re.findall(r"`(!cx [^`\n]+)`", PAGE) + re.findall(r"^(!cx .*)$(?!\n  )", PAGE, re.MULTILINE)
    assert len(shown) > len(VERBS)
    for line in shown:
        assert grammar.read_untrusted(line) is not None, line


def test_the_page_for_people_shows_commands_that_are_and_says_who_may() -> None:
    shown = re.findall(r"`(!cx [^`\n]+)`", HOWTO)
    assert shown
    for line in shown:
        assert grammar.read_untrusted(line) is not None, line
    for level in LEVELS:
        (row,) = re.findall(rf"^\| {level} \| \d+.*\| `([a-z ]+)` \|$", HOWTO, re.MULTILINE)
        there = {verb.name for verb in VERBS.values() if verb.level == level}
        assert set(row.split()) == there


def test_the_page_for_people_explains_every_state_and_its_reaction() -> None:
    for state in states.STATES:
        (row,) = [line for line in HOWTO.splitlines() if line.startswith(f"| {state.replace('_', ' ')}")]
        assert row.split("|")[3].strip() == REACTIONS.get(state, ""), state
