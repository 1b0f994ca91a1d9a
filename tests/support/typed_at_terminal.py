"""A command typed at a terminal of its own: what it shows, and what is typed when it asks."""

import os
import pty
import select
import sys
import time
from collections.abc import Sequence
from pathlib import Path

MAIN = "from comatrix.gateway.cli.main import main; main()"
PATIENCE_S = 30.0


def typed_at_terminal(
    words: Sequence[str], folder: Path, answers: Sequence[tuple[bytes, bytes]] = ()
) -> tuple[int, str]:
    """Exit code, and all that stood on the terminal, an echo of what was typed too. `answers`: (when this is shown,
    type that), in their order."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(folder)
        os.environ["COMATRIX_HOME"] = str(folder / "home")
        os.execv(sys.executable, [sys.executable, "-c", MAIN, *words])
    shown, waiting, until = b"", list(answers), time.monotonic() + PATIENCE_S
    searched = 0
    while time.monotonic() < until:
        if not select.select([terminal], [], [], 0.2)[0]:
            continue
        try:
            data = os.read(terminal, 4096)
        except OSError:  # EIO: it is over
            break
        shown += data
        if waiting and waiting[0][0] in shown[searched:]:
            searched = len(shown)
            time.sleep(0.05)  # echo is switched off after the question
            os.write(terminal, waiting.pop(0)[1])
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), shown.decode(errors="replace")
