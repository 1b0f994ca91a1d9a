"""Every `comatrix` command that README and start.md show is one that exists, with options it has."""

import re
import shlex
from pathlib import Path

import click
import pytest

from comatrix.gateway.cli.main import cli

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "docs" / "howto").glob("*.md"))]


def written(page: str) -> list[list[str]]:
    """The words behind `comatrix` in each line of the blocks of code."""
    lines = [
        line for block in re.findall(r"^```\n(.*?)^```", page, re.MULTILINE | re.DOTALL) for line in block.splitlines()
    ]
    found = [re.match(r"(?:sudo (?:\w+=\S+ )*)?(?:\S*/)?comatrix ((?:[a-z]|--home ).*)", line) for line in lines]
    return [shlex.split(one[1].partition(" > ")[0], comments=True) for one in found if one]


def wrong(words: list[str]) -> str:
    """What click says of the command line, without running it; "" where it is a good one."""
    command: click.Command = cli
    ctx = click.Context(cli, info_name="comatrix")
    try:
        while isinstance(command, click.Group):
            if words[:1] == ["--home"]:
                words = words[2:]
            name, found, words = command.resolve_command(ctx, words)
            assert found is not None
            command, ctx = found, click.Context(found, info_name=name, parent=ctx)
        command.parse_args(click.Context(command, parent=ctx.parent), list(words))
    except click.exceptions.NoArgsIsHelpError:
        return "a command is missing"
    except click.ClickException as error:
        said = error.format_message()
        return "" if said.endswith("does not exist.") else said  # a file that an earlier line writes
    return ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_is_shown_could_be_typed(page: Path) -> None:
    for words in written(page.read_text(encoding="utf-8")):
        if "..." not in words:
            assert wrong(words) == "", " ".join(words)


def test_a_command_that_is_not_there_would_be_seen() -> None:
    page = "```\nsudo A=b comatrix stats  # x\ncomatrix tail --folow\n```\n"
    assert [bool(wrong(words)) for words in written(page)] == [True, True]
    assert len(written((ROOT / "docs" / "start.md").read_text(encoding="utf-8"))) > 8
