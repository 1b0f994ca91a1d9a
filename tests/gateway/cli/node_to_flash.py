"""A node's file and two "compiled" modules in a folder, to be put on the board whose flash is `flash` in it."""

import json
from pathlib import Path

SECRET = "ab" * 16
NODE = {"v": 1, "node": 3, "name": "garden", "secret": SECRET, "enrolment": 1, "gateway": "pi", "interval_s": 60}


def make_node(folder: Path) -> None:
    (folder / "flash").mkdir()
    (folder / "flash" / "main.py").write_text("print('old')\n")
    (folder / "flash" / "state").write_text("counters")
    (folder / "garden.json").write_text(json.dumps(NODE))
    (folder / "mpy").mkdir()
    for name in ("one", "two"):
        (folder / "mpy" / f"{name}.mpy").write_bytes(name.encode() * 400)


def words(port: str, folder: Path, *more: str) -> list[str]:
    """What is typed to put it there, without the gateway."""
    file = str(folder / "garden.json")
    return ["node", "flash", port, "--config", file, "--firmware", str(folder / "mpy"), "--wait", "0", *more]


def on_board(folder: Path) -> set[str]:
    return {path.name for path in (folder / "flash").iterdir()}
