"""The reference page of the commands, made from the commands' own texts.

python -m comatrix.gateway.cli.page docs/reference/commands.md
"""

import sys
from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path

import click

from comatrix.gateway.cli.main import cli

INTRO = """# Commands

`comatrix` reaches a running gateway over its Unix socket (mode 0660, so the socket's group may command it). With none
running, a command opens the database itself, under its exclusive lock.

Every error goes to standard error and ends with the next command to type. Exit codes: 0 ok, 1 failed, 2 wrong usage or
configuration, 3 the homeserver or the gateway did not answer, 130 Ctrl-C. `--json` prints one JSON value on one line in
ASCII (`tail` and `decode` one object a line); keys may be added to it, never renamed or removed. Times in it are Unix
milliseconds.

This page is made from the commands' own texts by `make docs`.
"""


def walk(command: click.Command, ctx: click.Context) -> Iterator[tuple[str, click.Command, click.Context]]:
    """(path, command, its context) of the command and all below it."""
    yield ctx.command_path, command, ctx
    if isinstance(command, click.Group):
        for name in command.list_commands(ctx):
            below = command.get_command(ctx, name)
            assert below is not None
            yield from walk(below, click.Context(below, info_name=name, parent=ctx))


def everything() -> Iterator[tuple[str, click.Command, click.Context]]:
    """The whole tree, from `comatrix` down."""
    return walk(cli, click.Context(cli, info_name="comatrix"))


def markdown() -> str:
    """docs/reference/commands.md."""
    return INTRO + "".join(_section(*one) for one in everything())


def _section(path: str, command: click.Command, ctx: click.Context) -> str:
    usage = " ".join(part for part in command.collect_usage_pieces(ctx) if part)
    lines = [f"\n## {path}\n", f"`{path} {usage}`\n", _text(command)]
    rows = [_row(option, ctx) for option in command.params if isinstance(option, click.Option)]
    if rows:
        lines += ["\n| option | what it does |\n|---|---|", *rows, ""]
    return "\n".join(lines) if rows else "\n".join(lines) + "\n"


def _text(command: click.Command) -> str:
    """The docstring; an example marked for click (\\b) becomes a code block."""
    blocks = cleandoc(command.help or "").split("\n\n")
    return "\n\n".join(f"```\n{block[2:]}\n```" if block.startswith("\b\n") else block for block in blocks)


def _row(option: click.Option, ctx: click.Context) -> str:
    found = option.get_help_record(ctx)
    assert found is not None
    names, text = found
    return f"| `{names.replace('|', ' or ')}` | {text.replace('|', ' or ')} |"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(markdown(), encoding="utf-8")
