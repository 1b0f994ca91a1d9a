"""A next step can be pasted: it names the place the command before it named."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from comatrix.gateway.cli.main import cli
from comatrix.gateway.cli.steps import home_of, placed


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, list(words))


def last(text: str) -> str:
    return text.splitlines()[-1]


@pytest.mark.parametrize("option", [["--home", "{}"], ["--home={}"]])
def test_an_error_s_next_step_repeats_the_place(tmp_path: Path, option: list[str]) -> None:
    home = tmp_path / "my home"
    said = run(*(word.format(home) for word in option), "node", "list")
    assert (said.exit_code, last(said.stderr)) == (2, f"next: comatrix --home '{home}' init")


def test_doctor_and_status_repeat_it_too(tmp_path: Path) -> None:
    assert f"next: comatrix --home {tmp_path} init\n" in run("--home", str(tmp_path), "doctor").stdout
    assert "--force" not in run("--home", str(tmp_path), "doctor").stdout  # there is nothing to overwrite
    (tmp_path / "comatrix.toml").write_text('[homeserver]\nurl = "http://127.0.0.1:9"\nuser = "@cx:localhost"\n')
    for words, step in (
        (["status"], f"Next: comatrix --home {tmp_path} gateway run"),
        (["node", "list"], f"No nodes yet. Next: comatrix --home {tmp_path} node add garden --room"),
        (["tail"], f"Nothing came yet. Next: comatrix --home {tmp_path} node list"),
    ):
        said = run("--home", str(tmp_path), *words)
        assert step in last(said.stdout), said.output


def test_without_the_option_a_step_stays_as_it_is() -> None:
    assert home_of(["node", "add", "--home"]) is None
    assert placed("comatrix init", None) == "comatrix init"


def test_every_command_of_a_step_is_placed_and_nothing_else() -> None:
    assert placed("comatrix queue retry 1, or comatrix queue drop 1", "/x") == (
        "comatrix --home /x queue retry 1, or comatrix --home /x queue drop 1"
    )
    for other in ("systemctl restart comatrix", "ls -l /var/comatrix init", "comatrix node add --help", ""):
        assert placed(other, "/x") == other
