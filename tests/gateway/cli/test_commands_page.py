"""Every command and option is documented."""

from pathlib import Path

import click
import pytest

from comatrix.gateway.cli.page import everything, markdown

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "commands.md"
COMMANDS = list(everything())
READS = ("list", "show", "status", "tail", "queue", "check")


def test_the_reference_page_is_fresh() -> None:
    assert PAGE.read_text(encoding="utf-8") == markdown(), "run: make docs"


@pytest.mark.parametrize(("path", "command", "ctx"), COMMANDS, ids=[path for path, _, _ in COMMANDS])
def test_every_command_and_option_is_on_it_and_explained(path: str, command: click.Command, ctx: click.Context) -> None:
    section = PAGE.read_text(encoding="utf-8").split(f"\n## {path}\n", 1)[1].split("\n## ", 1)[0]
    assert command.help
    for option in command.params:
        if isinstance(option, click.Option):
            assert option.help, option.name
            assert all(name in section for name in option.opts)


@pytest.mark.parametrize("path", [path for path, _, _ in COMMANDS if path.rpartition(" ")[2] in READS])
def test_every_read_has_json(path: str) -> None:
    (command,) = [command for where, command, _ in COMMANDS if where == path]
    assert "--json" in [name for option in command.params for name in option.opts]


def test_no_option_takes_a_secret() -> None:
    names = {name for _, command, _ in COMMANDS for option in command.params for name in option.opts}
    assert not names & {"--password", "--token", "--secret", "--access-token"}
