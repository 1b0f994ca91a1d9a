"""`comatrix sim` as it is typed."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from comatrix.gateway.cli.main import cli

SHORT = '[scenario]\nduration = "3min"\ndrain = "1min"\n[link.desk]\n[[node]]\nname = "desk"\nlink = "desk"\n'


@pytest.fixture
def short(tmp_path: Path) -> str:
    path = tmp_path / "short.toml"
    path.write_text(SHORT)
    return str(path)


def test_the_list_names_what_is_shipped() -> None:
    told = CliRunner().invoke(cli, ["sim", "--list"]).output
    assert "one-node" in told and "One node on the desk" in told


def test_figures_are_told_in_words_and_as_json_and_as_a_page(short: str, tmp_path: Path) -> None:
    told = CliRunner().invoke(cli, ["sim", short])
    assert told.exit_code == 0 and "readings   3 measured, 3 in the room" in told.output
    page = tmp_path / "page.html"
    as_json = CliRunner().invoke(cli, ["sim", short, "--seed", "7", "--json", "--html", str(page)])
    figures = json.loads(as_json.output)
    assert (figures["seed"], figures["delivered"]) == (7, 3)
    assert page.read_text().startswith("<!doctype html>")


def test_without_a_scenario_it_says_where_they_are() -> None:
    told = CliRunner().invoke(cli, ["sim"])
    assert told.exit_code == 2
    assert "comatrix sim --list" in told.output


def test_a_capture_is_written_and_one_that_cannot_be_is_told(short: str, tmp_path: Path) -> None:
    capture = tmp_path / "run.pcapng"
    assert CliRunner().invoke(cli, ["sim", short, "--pcap", str(capture)]).exit_code == 0
    assert capture.read_bytes()[:4] == b"\x0a\x0d\x0d\x0a"
    told = CliRunner().invoke(cli, ["sim", short, "--pcap", str(tmp_path / "no" / "run.pcapng")])
    assert told.exit_code == 2 and "cannot be written" in told.output
