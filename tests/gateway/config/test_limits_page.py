"""docs/reference/limits.md names every limit that can be configured, with its default."""

import re
from dataclasses import fields
from pathlib import Path

from comatrix.gateway.config.settings import CommandsSettings, LimitsSettings
from comatrix.gateway.desk import pace, rights, verbs
from comatrix.gateway.desk.replying import EDIT_SPACING_MS
from comatrix.gateway.downlink import grammar, listing
from comatrix.gateway.edges import room_powers
from comatrix.gateway.edges.room_watch import gaps
from comatrix.gateway.edges.store import heard, mailbox
from comatrix.gateway.uplink.knocks import LISTED, MOST_NODES, MOST_STRANGERS

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "limits.md").read_text(encoding="utf-8")


def test_every_limit_stands_on_the_page_with_its_default() -> None:
    for setting in fields(LimitsSettings):
        (row, *_) = [line for line in PAGE.splitlines() if line.startswith("|") and f"`{setting.name}`" in line] or [""]
        assert re.search(rf"\b{setting.default}\b", row), f"{setting.name}: {row!r}"


def test_how_many_events_are_told_and_listed_stands_there_too() -> None:
    for number in (LISTED, MOST_NODES, MOST_STRANGERS):
        assert re.search(rf"\b{number}\b", PAGE)


def row(name: str) -> str:
    """The table row that begins so."""
    (found,) = [line for line in PAGE.splitlines() if line.startswith(f"| {name}")]
    return found


def test_what_people_may_do_stands_there_as_the_code_has_it() -> None:
    commands = CommandsSettings()
    for key, default in (("per_node", commands.per_node), ("ttl", commands.ttl), ("max_age", commands.max_age)):
        assert f"| {default}" in row(f"`{key}`")
    person = row("commands of one person")
    assert f"{pace.BURST} at once, {pace.A_MINUTE} a minute" in person and f"until {pace.AGAIN} " in person
    assert f"{grammar.MAX_BYTES:,} bytes, {grammar.MAX_WORDS} words" in row("a command |")
    assert f"| {verbs.MOST_OF_ALL} |" in row("nodes that one `all`")
    assert f"| {listing.MOST_LINES} |" in row("lines of a list")
    assert f"one in {EDIT_SPACING_MS // 1000} s" in row("edits of a reply")
    assert f"| {rights.MOST_TRIES}," in row("tries to learn who may")
    assert f"| {gaps.MAX_EVENTS:,} |" in row("of a room that was not followed")


def test_what_is_remembered_of_it_too() -> None:
    days = heard.KEPT_MS // 86_400_000
    assert f"{heard.KEPT_EVENTS:,}, for {days} days" in row("ids of messages")
    assert f"newest {mailbox.REMEMBERED:,}" in row("commands that are over")
    assert f"| {mailbox.HIGHEST_ID:,} |" in row("numbers of commands")
    assert f"| {room_powers.MAX_ROOMS:,} |" in row("rooms whose powers")
