"""What README and start.md have a person type who has a board: their very lines, from `init` to the board's hello."""

import re
import shlex
import sys
from pathlib import Path

import pytest

from tests.gateway.cli.conftest import PASSWORD, Comatrix, Loopback
from tests.gateway.cli.gateway_beside import gateway_beside
from tests.support.emulated_board import PtyBoard
from tests.support.micropython import ROOT

pytestmark = pytest.mark.slow
WIFI = "the password of the Wi-Fi\n"


def shown(page: str, heading: str) -> list[str]:
    """The `comatrix` lines of a section's blocks."""
    section = (ROOT / page).read_text(encoding="utf-8").split(heading)[1]
    blocks = "\n".join(re.findall(r"^```\n(.*?)^```", section, re.MULTILINE | re.DOTALL))
    return [line for line in blocks.splitlines() if line.startswith("comatrix ")]


def typed(comatrix: Comatrix, line: str, here: dict[str, str], asked: str | None = None) -> str:
    """What a line prints, with what is this test's own in it."""
    for old, new in here.items():
        line = line.replace(old, new)
    words = shlex.split(line, comments=True)[1:]
    done = comatrix(*words, input=asked)
    assert done.exit_code == 0, f"{line}\n{done.output}"
    return done.output


def test_the_readmes_lines_end_with_a_board_that_says_hello(
    comatrix: Comatrix, homeserver: Loopback, board: PtyBoard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    init, room, add, run, find, flash = shown("README.md", "## With a board and a homeserver")[:6]
    assert run.split()[1:3] == ["gateway", "run"]
    here = {"https://matrix.example.org": homeserver.url, "@cx:example.org": "cx", "example.org": "localhost"}
    here["/dev/ttyUSB0"] = board.path
    before_comment, hash_, _ = init.partition("   # ")
    assert hash_
    typed(comatrix, f"{before_comment} --password-file -", here, PASSWORD + "\n")  # at a terminal: test_readme_path
    typed(comatrix, room, here)
    with gateway_beside(tmp_path / "home") as port:  # gateway run
        typed(comatrix, add.partition("   # ")[0] + f" --gateway-address 127.0.0.1:{port}", here)
        comatrix(*shlex.split(find, comments=True)[1:])  # no board at USB here, perhaps
        assert "garden says hello" in typed(comatrix, flash, here, WIFI)
    assert (tmp_path / "flash" / "config.json").exists(), sys.argv


def test_the_line_of_the_start_page_ends_with_a_board_that_says_hello(
    ready: Comatrix, board: PtyBoard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (flash,) = shown("docs/start.md", "## 4.")[:1]
    with gateway_beside(tmp_path / "home") as port:
        typed(ready, "comatrix room create garden", {})
        typed(ready, f"comatrix node add garden --room '#garden:localhost' --gateway-address 127.0.0.1:{port}", {})
        assert "garden says hello" in typed(ready, flash, {"PORT": board.path}, WIFI)


def test_the_doctor_of_the_start_page_answers(ready: Comatrix) -> None:
    assert "comatrix doctor" in shown("docs/start.md", "## 2.")
    done = ready("doctor")
    assert done.exit_code in (0, 1) and len(done.output.splitlines()) > 5, done.output
