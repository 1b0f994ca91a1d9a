"""What docs/start.md has a person type at a gateway that is set up does what the page says."""

import re
import shlex
import time
from pathlib import Path

import pytest

from comatrix.codec import records as said
from comatrix.gateway.edges.store.appender import Appender
from comatrix.gateway.edges.store.store import Store
from comatrix.gateway.model import NewRecord
from tests.gateway.cli.conftest import Comatrix

PAGE = (Path(__file__).parents[3] / "docs" / "start.md").read_text(encoding="utf-8")
BLOCKS = "\n".join(re.findall(r"^```\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
ELSEWHERE = ("node flash", "doctor")  # a board; the doctor has tests of its own


def commands() -> list[list[str]]:
    """Those without sudo, for the homeserver of the test, and the backup that stands in a sentence."""
    typed = [line.removeprefix("comatrix ") for line in BLOCKS.splitlines() if line.startswith("comatrix ")]
    typed += re.findall(r"`comatrix (backup \S+)`", PAGE)
    here = [line.replace("example.org", "localhost") for line in typed if not line.startswith(ELSEWHERE)]
    return [shlex.split(line) for line in here]


def first_reading(database: Path) -> None:
    at_ms = time.time_ns() // 1_000_000 - 60_000
    new = NewRecord(1, 1, 1, 1, "readings", said.encode(said.Readings({0: 2137})), at_ms, at_ms, None, b"12345678")
    with Store.open(database, at_ms) as store:
        store.write(lambda connection: Appender().append(connection, [(new, None, None)]))


def test_every_command_of_the_page_works_in_its_order(
    ready: Comatrix, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = []
    for words in commands():
        if words[0] == "tail":
            first_reading(tmp_path / "home" / "comatrix.db")
        done = ready(*words)
        assert done.exit_code == 0, (words, done.output)
        ran.append(words[0])
    assert ran == ["status", "room", "node", "tail", "plot", "export", "backup"]
    assert "21.37" in (tmp_path / "day.csv").read_text()
    assert (tmp_path / "cx.tar.gz").exists() and (tmp_path / "garden.json").exists()
