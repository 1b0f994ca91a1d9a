"""The frame: quick help, errors that end with the next command, exit codes."""

import subprocess
import sys

import pytest
from click.testing import CliRunner, Result

from comatrix import __version__
from comatrix.gateway.cli.main import COMMANDS, RootGroup, cli
from comatrix.gateway.errors import GatewayError, Unreachable, UsageError

HEAVY = ("httpx", "cryptography", "sqlite3", "asyncio", "segno", "comatrix.codec.cbor", "ssl")


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, list(words))


@pytest.mark.parametrize("words", [["--help"], ["--version"]])
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    code = (
        "import sys\nfrom comatrix.gateway.cli.main import cli\n"
        f"sys.argv = ['comatrix', *{words!r}]\n"
        "try:\n    cli.main()\nexcept SystemExit as end:\n    assert not end.code\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.splitlines()[-1] == "[]"


def test_help_lists_every_command() -> None:
    shown = run("--help").stdout
    for name in COMMANDS:
        assert f"\n  {name} " in shown


def test_the_version() -> None:
    assert run("--version").stdout == f"comatrix {__version__}\n"


@pytest.mark.parametrize(
    ("words", "told", "next_step"),
    [
        (["nod"], "Did you mean 'node'?", "comatrix --help"),
        (["node", "ad"], "There is no command 'ad'. Did you mean 'add'?", "comatrix node --help"),
        (["room", "xyz"], "There is no command 'xyz'.", "comatrix room --help"),
        (["queue", "retri", "1"], "There is no command 'retri'. Did you mean 'retry'?", "comatrix queue --help"),
        (["config", "shw"], "There is no command 'shw'. Did you mean 'show'?", "comatrix config --help"),
        (["node", "add", "x"], "Missing option '--room'", "comatrix node add --help"),
        (["node", "list", "--jsn"], "No such option", "comatrix node list --help"),
        (["queue", "retry", "x"], "not a valid int", "comatrix queue retry --help"),
        (["completion", "tcsh"], "tcsh", "comatrix completion --help"),
    ],
)
def test_wrong_usage_exits_2_and_names_the_next_command(words: list[str], told: str, next_step: str) -> None:
    result = run(*words)
    assert result.exit_code == 2
    assert told in result.stderr
    assert result.stderr.splitlines()[-1] == f"next: {next_step}"
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (GatewayError("a", "b"), 1),
        (UsageError("a", "b"), 2),
        (Unreachable("a", "b"), 3),
        (KeyboardInterrupt(), 130),
        (FileNotFoundError(2, "No such file", "/nowhere"), 1),
    ],
)
def test_exit_codes(error: BaseException, code: int) -> None:
    root = RootGroup(lazy={"go": (f"{__name__}:go", "")})
    go.error = error  # type: ignore[attr-defined]
    result = CliRunner().invoke(root, ["go"])
    assert result.exit_code == code
    assert isinstance(result.exception, SystemExit)
    if code == 130:
        assert result.output.strip() == ""
    else:
        assert result.stderr.startswith("error: ") and "\nnext: " in result.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(shell: str) -> None:
    result = run("completion", shell)
    assert result.exit_code == 0
    assert "_COMATRIX_COMPLETE" in result.stdout


import click  # noqa: E402


@click.command()
def go() -> None:
    raise go.error  # type: ignore[attr-defined]


@pytest.mark.parametrize("words", [[], ["node"], ["decode"]])
def test_a_command_that_needs_another_shows_its_help_and_calls_nothing_an_error(words: list[str]) -> None:
    result = run(*words)
    assert result.exit_code == 2
    assert result.stderr.startswith("Usage: ") and "next:" not in result.stderr and "error:" not in result.stderr


def test_what_an_operation_refuses_ends_with_the_help_of_the_command_that_was_typed() -> None:
    assert cli.help_of(["--home", "x", "node", "move", "garden", "--room", "x"]) == "comatrix node move --help"
    assert cli.help_of(["--version"]) == "comatrix --help"
