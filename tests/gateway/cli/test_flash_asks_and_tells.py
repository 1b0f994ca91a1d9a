"""`comatrix node flash`: what it asks before it deletes, how a password is typed, and how far it is."""

import json
from pathlib import Path

import pytest

from tests.gateway.cli.conftest import Comatrix
from tests.gateway.cli.node_to_flash import NODE, SECRET, on_board, words
from tests.support.emulated_board import PtyBoard
from tests.support.typed_at_terminal import typed_at_terminal

PASSWORD = "correct horse battery"


BEFORE = {"main.py", "state"}
AFTER = {"main.py", "config.json", "one.mpy", "two.mpy"}


@pytest.mark.slow
def test_nothing_is_deleted_before_a_yes(node_board: PtyBoard, comatrix: Comatrix, tmp_path: Path) -> None:
    refused = comatrix(*words(node_board.path, tmp_path, "--erase"), input="n\n")
    assert refused.exit_code == 130 and "its counters too?" in refused.stderr and "Nothing was done" in refused.stderr
    assert on_board(tmp_path) == BEFORE
    erased = comatrix(*words(node_board.path, tmp_path, "--erase", "--json"), input="y\n")
    assert erased.exit_code == 0, erased.output
    assert len(json.loads(erased.stdout)["write"]) == 4  # the question does not stand in what a program reads
    assert on_board(tmp_path) == AFTER


@pytest.mark.parametrize("erase", [("flash", "--erase", "--node", "garden"), ("erase",)])
def test_where_nobody_can_answer_nothing_is_deleted(
    erase: tuple[str, ...], comatrix: Comatrix, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "garden.json").write_text(json.dumps(NODE))
    (tmp_path / "one.mpy").write_bytes(b"one")
    firmware = ("--firmware", str(tmp_path)) if erase[0] == "flash" else ()
    told = comatrix("node", erase[0], "/dev/ttyUSB7", *erase[1:], *firmware, input="")
    assert told.exit_code == 2 and "Nobody is there to answer" in told.stderr
    assert told.stderr.strip().endswith("--yes")


@pytest.mark.slow
def test_what_is_wrong_is_said_before_anything_is_deleted(
    node_board: PtyBoard, comatrix: Comatrix, tmp_path: Path
) -> None:
    for wrong, said in ((("--board", "t_bone"), "no pin table"), (("--firmware", str(tmp_path / "flash")), "no .mpy")):
        told = comatrix(*words(node_board.path, tmp_path, "--erase", "--yes", *wrong))
        assert told.exit_code == 2 and said in told.stderr
    for option, step in ((("--erase",), "--erase --node NAME"), (("--wifi", "home"), "node config")):
        told = comatrix("node", "flash", node_board.path, "--yes", *option)
        assert told.exit_code == 2 and step in told.stderr
    assert on_board(tmp_path) == BEFORE


@pytest.mark.slow
def test_a_password_is_typed_without_echo_and_shown_nowhere(node_board: PtyBoard, tmp_path: Path) -> None:
    typed = [(b"Wi-Fi password", PASSWORD.encode() + b"\n")]
    code, shown = typed_at_terminal(words(node_board.path, tmp_path, "--wifi", "home"), tmp_path, typed)
    assert code == 0, shown
    assert PASSWORD not in shown and SECRET not in shown
    kept = json.loads((tmp_path / "flash" / "config.json").read_text())
    assert kept["wifi"] == {"ssid": "home", "password": PASSWORD}
    typed = [(b"Wi-Fi password", b"another\n")]
    code, shown = typed_at_terminal(["node", "config", node_board.path, "--wifi", "home"], tmp_path, typed)
    assert code == 0 and "another" not in shown and "(hidden)" in shown, shown
    assert json.loads((tmp_path / "flash" / "config.json").read_text())["wifi"]["password"] == "another"


@pytest.mark.slow
def test_a_password_may_come_by_a_pipe(node_board: PtyBoard, comatrix: Comatrix, tmp_path: Path) -> None:
    piped = comatrix(*words(node_board.path, tmp_path, "--wifi", "home", "--json"), input=PASSWORD + "\n")
    assert piped.exit_code == 0 and json.loads(piped.stdout) and PASSWORD not in piped.output, piped.output
    assert json.loads((tmp_path / "flash" / "config.json").read_text())["wifi"]["password"] == PASSWORD
    nobody = comatrix(*words(node_board.path, tmp_path, "--wifi", "home"), input="")
    assert nobody.exit_code == 2 and "Wi-Fi password: nobody is there to answer" in nobody.stderr


@pytest.mark.slow
def test_progress_is_a_bar_on_a_terminal_and_a_line_a_file_elsewhere(
    node_board: PtyBoard, comatrix: Comatrix, tmp_path: Path
) -> None:
    plain = comatrix(*words(node_board.path, tmp_path))
    assert plain.exit_code == 0, plain.output
    written = [line for line in plain.stdout.splitlines() if line.startswith("Writing ")]
    assert written == ["Writing one.mpy", "Writing two.mpy", "Writing config.json"]
    assert "\x1b" not in plain.output and "\r" not in plain.output
    (tmp_path / "mpy" / "two.mpy").write_bytes(b"2" * 3000)
    code, shown = typed_at_terminal(words(node_board.path, tmp_path), tmp_path)
    assert code == 0 and "Writing two.mpy" in shown, shown
    assert "[####" in shown and "100%" in shown and "3000/3000" in shown
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")  # the cursor is back
