"""Readings leave as CSV and JSON lines: exact, in the span, without a homeserver, and with bounded memory."""

import csv
import io
import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from comatrix.codec import records as said
from comatrix.gateway.cli.main import cli
from comatrix.gateway.edges.store import nodes, rooms
from comatrix.gateway.edges.store.appender import Appender
from comatrix.gateway.edges.store.store import Store
from comatrix.gateway.model import NewRecord

START_MS = 1_767_225_600_000  # 2026-01-01T00:00Z
CONFIGURATION = '[homeserver]\nurl = "http://127.0.0.1:1"\nuser = "@cx:example.org"\n'  # nobody listens there
Export = Callable[..., Result]


def filled(home: Path, bodies: list[tuple[int, bytes]]) -> None:
    """(node, body), one a minute."""
    home.mkdir(exist_ok=True)
    (home / "comatrix.toml").write_text(CONFIGURATION)
    with Store.open(home / "comatrix.db", 0) as store:
        room = store.write(lambda connection: rooms.add(connection, "!a:b"))
        for name in ("garden", "-shed"):
            store.write(lambda connection, name=name: nodes.add(connection, name, room.id, now_ms=0))  # type: ignore[misc]
        new = []
        for at, (node, body) in enumerate(bodies):
            at_ms = START_MS + at * 60_000
            record = NewRecord(node, 1, at, room.id, "readings", body, at_ms, at_ms, None, b"12345678")
            new.append((record, None, None))
        store.write(lambda connection: Appender().append(connection, new))


@pytest.fixture
def export(tmp_path: Path) -> Export:
    reading = said.encode(said.Readings({0: 2137, 1: 501}))
    frost = said.encode(said.Readings({0: -5}))
    filled(tmp_path / "home", [(1, reading), (2, frost), (1, frost), (1, reading)])

    def run(*words: str) -> Result:
        result = CliRunner().invoke(cli, ["--home", str(tmp_path / "home"), "export", *words])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    return run


def rows(result: Result) -> list[dict[str, str]]:
    assert result.exit_code == 0, result.stderr
    return list(csv.DictReader(io.StringIO(result.stdout)))


def test_csv_holds_each_reading_exactly(export: Export) -> None:
    found = rows(export())
    assert [(one["node"], one["word"], one["value"]) for one in found[:3]] == [
        ("garden", "temperature", "21.37"),
        ("garden", "humidity", "50.1"),
        ("'-shed", "temperature", "-0.05"),  # no spreadsheet takes it for a formula
    ]
    assert found[0]["time"] == "2026-01-01T00:00:00.000Z" and found[0]["unit"] == "Cel"
    assert len(found) == 6


def test_json_lines_hold_the_same_as_texts(export: Export) -> None:
    lines = [json.loads(line) for line in export("--format", "jsonl").stdout.splitlines()]
    assert lines[2] == {
        "time": "2026-01-01T00:01:00.000Z",
        "node": "-shed",
        "word": "temperature",
        "value": "-0.05",
        "unit": "Cel",
        "seq": 1,
        "received": "2026-01-01T00:01:00.000Z",
        "late": False,
    }


def test_what_came_behind_newer_ones_is_marked(export: Export, tmp_path: Path) -> None:
    with Store.open(tmp_path / "home" / "comatrix.db", 0) as store:
        store.write(lambda connection: connection.execute("UPDATE record SET late = 1 WHERE seq = 1"))
    lines = [json.loads(line) for line in export("--format", "jsonl").stdout.splitlines()]
    assert {line["seq"] for line in lines if line["late"]} == {1}


def test_node_word_and_span_choose(export: Export) -> None:
    assert [one["value"] for one in rows(export("--node", "garden", "--word", "humidity"))] == ["50.1", "50.1"]
    span = ("--since", "2026-01-01T00:01", "--until", "2026-01-01T00:02:00")
    assert [one["value"] for one in rows(export(*span))] == ["-0.05", "-0.05"]
    assert rows(export("--since", "2026-01-01T00:04")) == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--node", "barn"), "There is no node"),
        (("--word", "temprature"), "Nothing is measured that is called"),
        (("--since", "yesterday"), "is no moment"),
    ],
)
def test_what_cannot_be_exported_is_said(export: Export, words: tuple[str, ...], told: str, tmp_path: Path) -> None:
    refused = export(*words, str(tmp_path / "x.csv"))
    assert refused.exit_code == 2 and told in refused.stderr and "next: comatrix" in refused.stderr
    assert not list(tmp_path.glob("x.csv*")), "half a file"


def test_a_file_is_written_whole(export: Export, tmp_path: Path) -> None:
    assert export(str(tmp_path / "x.csv")).stdout == ""
    assert (tmp_path / "x.csv").read_text() == export().stdout


def test_tail_and_plot_need_no_homeserver_either(export: Export, tmp_path: Path) -> None:
    home = str(tmp_path / "home")
    tail = CliRunner().invoke(cli, ["--home", home, "tail"])
    assert tail.exit_code == 0 and "temperature 21.37" in tail.stdout
    plot = CliRunner().invoke(cli, ["--home", home, "plot", "garden", "temperature"])
    assert plot.exit_code == 2 and "has sent no temperature in the last 24 h" in plot.stderr  # those are older


def test_memory_does_not_grow_with_the_log(tmp_path: Path) -> None:
    filled(tmp_path / "home", [(1, said.encode(said.Readings({0: at % 100}))) for at in range(8_000)])
    words = ["--home", str(tmp_path / "home"), "export", str(tmp_path / "x.csv")]
    CliRunner().invoke(cli, [*words, "--node", "-shed"])  # what is imported is not counted
    tracemalloc.start()
    try:
        assert CliRunner().invoke(cli, words).exit_code == 0
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len((tmp_path / "x.csv").read_text().splitlines()) == 8_001
    assert peak < 2_000_000
