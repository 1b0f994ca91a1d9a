"""Boards at a pseudo terminal: the unix port with a raw REPL on it, or a machine of QEMU's with its own."""

import contextlib
import os
import pty
import select
import signal
import subprocess
import threading
import time
import tty
from pathlib import Path
from typing import Any

SERVER = Path(__file__).with_name("raw_repl_server.py")
SOFT_RESET = 42  # the server's exit code; any other is a reset
INTERRUPT = b"\x03"
APART_S = 0.2  # the unix port ends at a second interrupt while the first is not handled


class PtyBoard:
    """A process whose standard input and output are the far end of `path`, in a thread; restarted when it ends.

    `interrupts`: Ctrl-C is a signal to it, for the unix port."""

    def __init__(self, command: list[str], folder: Path, *, interrupts: bool, path: str = "") -> None:
        self._command, self._folder, self._interrupts = command, folder, interrupts
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)
        self.environment = {**os.environ, "MICROPYPATH": f"{path or folder}:.frozen"}
        self.starts = 0
        self.said = b""
        self._raw = False
        self._interrupted = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def _work(self) -> None:
        while not self._over.is_set():
            self.starts += 1
            process = subprocess.Popen(
                [*self._command, *(["raw"] if self._raw else [])],
                cwd=self._folder,
                env=self.environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                bufsize=0,
            )
            try:
                self._carry(process)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                self._raw = process.wait() == SOFT_RESET

    def _carry(self, process: "subprocess.Popen[bytes]") -> None:
        assert process.stdin and process.stdout
        while not self._over.is_set():
            either: list[Any] = [self._master, process.stdout]
            ready, _, _ = select.select(either, [], [], 0.05)
            if process.stdout in ready:
                data = os.read(process.stdout.fileno(), 4096)
                if not data:
                    return
                self.said = (self.said + data)[-100_000:]
                os.write(self._master, data)
            if self._master in ready:
                with contextlib.suppress(BrokenPipeError):
                    self._hand_over(process, os.read(self._master, 4096))

    def _hand_over(self, process: "subprocess.Popen[bytes]", data: bytes) -> None:
        assert process.stdin
        if self._interrupts and INTERRUPT in data:
            data = data.replace(INTERRUPT, b"")
            if time.monotonic() > self._interrupted + APART_S:
                self._interrupted = time.monotonic()
                process.send_signal(signal.SIGINT)
        process.stdin.write(data)

    def close(self) -> None:
        """The board is gone, its port too."""
        self._over.set()
        self._thread.join(10)
        os.close(self._master)
        os.close(self._slave)


if __name__ == "__main__":  # a board for a trial: docs/howto/flash-a-board.md
    import sys

    from tests.support.micropython import real_micropython

    flash = Path(sys.argv[1]).resolve()
    flash.mkdir(parents=True, exist_ok=True)
    board = PtyBoard([*real_micropython().command, str(SERVER.resolve())], flash, interrupts=True)
    print(f"An empty board at {board.path}, its files in {flash}. Ctrl-C unplugs it.", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        signal.pause()
    board.close()
