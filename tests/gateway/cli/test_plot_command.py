"""comatrix plot: a file on this machine, named after what it shows."""

import json
import time
from pathlib import Path

import pytest

from comatrix.codec import records as said
from comatrix.gateway.edges.store.appender import Appender
from comatrix.gateway.edges.store.store import Store
from comatrix.gateway.model import NewRecord
from tests.gateway.cli.conftest import Comatrix
from tests.support.png_reader import read


@pytest.fixture
def garden(ready: Comatrix, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Comatrix:
    """One node that said 21.37 a minute ago."""
    monkeypatch.chdir(tmp_path)
    assert ready("room", "create", "Garden", "--invite", "@me:localhost").exit_code == 0
    result = ready("node", "add", "garden", "--room", "#garden:localhost", "--gateway-address", "pi.local:5683")
    assert result.exit_code == 0, result.output
    at_ms = time.time_ns() // 1_000_000 - 60_000
    body = said.encode(said.Readings({0: 2137}))
    new = NewRecord(1, 1, 1, 1, "readings", body, at_ms, at_ms, None, b"12345678")
    with Store.open(tmp_path / "home" / "comatrix.db", at_ms) as store:
        store.write(lambda connection: Appender().append(connection, [(new, None, None)]))
    return ready


def test_it_writes_the_picture_and_says_the_same_in_words(garden: Comatrix, tmp_path: Path) -> None:
    result = garden("plot", "garden", "temperature", "--span", "7d")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("garden: temperature °C, last 7 d: min 21.37 °C")
    assert result.stdout.endswith("Wrote garden-temperature-7d.png\n")
    assert read((tmp_path / "garden-temperature-7d.png").read_bytes()).width == 1000


def test_the_file_may_be_named(garden: Comatrix, tmp_path: Path) -> None:
    result = garden("plot", "garden", "temperature", "--out", "x.png", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["file"] == "x.png"
    assert (tmp_path / "x.png").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("shed", "temperature"), "There is no node 'shed'."),
        (("garden", "temprature"), "Nothing is measured that is called 'temprature'."),
        (("garden", "humidity"), "garden has sent no humidity in the last 24 h. garden sends: temperature."),
        (("garden", "temperature", "--span", "24x"), '"24x" is no time span'),
    ],
)
def test_what_cannot_be_drawn_is_said(garden: Comatrix, tmp_path: Path, words: tuple[str, ...], told: str) -> None:
    result = garden("plot", *words)
    assert result.exit_code == 2
    assert told in result.stderr and "next: comatrix " in result.stderr
    assert list(tmp_path.glob("*.png")) == []
