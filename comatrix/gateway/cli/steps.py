"""Next steps as they can be pasted: with the `--home` of the command they follow."""

import re
import shlex
from collections.abc import Sequence

import click

COMMAND = re.compile(r"(?<![\w./-])comatrix (?=[a-z])")


def home_of(args: Sequence[str]) -> str | None:
    """The --home among the options before the command."""
    words = iter(args)
    for word in words:
        if word == "--home":
            return next(words, None)
        if word.startswith("--home="):
            return word.removeprefix("--home=")
        if not word.startswith("-"):
            return None
    return None


def placed(step: str, home: str | None) -> str:
    """`step` for the gateway in `home`; help is the same everywhere."""
    if not home or step.endswith(" --help"):
        return step
    return COMMAND.sub(lambda _: f"comatrix --home {shlex.quote(home)} ", step)


def here(step: str) -> str:
    """`step` for the place of the command that runs."""
    ctx = click.get_current_context(silent=True)
    home = None if ctx is None else ctx.find_root().obj
    return placed(step, home if isinstance(home, str) else None)
