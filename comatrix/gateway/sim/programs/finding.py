"""Where a node's program and the pins of its board are."""

from dataclasses import dataclass
from pathlib import Path
from types import CodeType

import comatrix_node

from comatrix.gateway.errors import UsageError
from comatrix.gateway.flashing import pins

FIRMWARE = Path(comatrix_node.__file__ or "").resolve().parents[1]  # examples/ and boards/ stand there in a clone
NEXT_STEP = "docs/reference/scenarios.md"


@dataclass(frozen=True, slots=True)
class Found:
    """`code`: main.py, compiled. `pins`: those of pins.py, by name."""

    code: CodeType
    pins: dict[str, int]

    def need(self, pin: str) -> None:
        """Raises UsageError: the board has none of that name."""
        if pin not in self.pins:
            raise UsageError(f"The board has no pin {pin}; it has {', '.join(self.pins)}.", NEXT_STEP)


def find(program: str, board: str, folder: Path | None) -> Found:
    """The file named, from the scenario's `folder` or the clone. Raises UsageError: none, no Python, no such board."""
    places = [place / program for place in (folder, FIRMWARE) if place is not None]
    for path in places:
        if path.is_file():
            return Found(_compiled(path, program), _pins(board))
    raise UsageError(f"There is no program {' or '.join(map(str, places))}.", NEXT_STEP)


def _compiled(path: Path, name: str) -> CodeType:
    try:
        return compile(path.read_text(encoding="utf-8"), name, "exec")
    except (OSError, UnicodeDecodeError, ValueError, SyntaxError) as error:
        raise UsageError(f"{path} is no program: {error}.", NEXT_STEP) from None


def _pins(board: str) -> dict[str, int]:
    known = pins.tables(FIRMWARE / "boards")
    if board not in known:
        raise UsageError(f"There is no pin table {board}; there are {', '.join(known) or 'none here'}.", NEXT_STEP)
    return known[board].pins
