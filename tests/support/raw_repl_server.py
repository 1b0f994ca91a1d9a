"""For MicroPython's unix port: what a board does at its serial port, at this process's standard input and output.

main.py of the working folder runs first, unless the last reset was a soft one from the raw REPL (argument `raw`).
machine.reset() ends the process, and whoever started it starts it again.
"""
# ruff: noqa: PTH123, SIM115  MicroPython has neither

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SOFT_RESET = 42


class Machine:
    @staticmethod
    def reset() -> None:
        raise SystemExit(0)


class Files:
    """open() of a board whose flash can be full."""

    def __init__(self, file: "Any", room: "list[int]") -> None:
        self.file = file
        self.room = room

    def write(self, data: bytes) -> "Any":
        if len(data) > self.room[0]:
            raise OSError(28)
        self.room[0] -= len(data)
        return self.file.write(data)

    def close(self) -> None:
        self.file.close()


def say(data: bytes) -> None:
    sys.stdout.buffer.write(data)


def line() -> "tuple[bytes, bytes]":
    """What comes before Ctrl-D, or the control byte that came instead."""
    code = bytearray()
    while True:
        try:
            byte = sys.stdin.buffer.read(1)
        except KeyboardInterrupt:
            code = bytearray()
            continue
        if not byte:
            raise SystemExit(0)
        if byte in (b"\x01", b"\x02"):
            return byte, b""
        if byte == b"\x04":
            return byte, bytes(code)
        code += byte


def run(code: bytes, names: "dict[str, Any]") -> None:
    say(b"OK")
    error: BaseException | None = None
    try:
        exec(compile(str(code, "utf-8"), "<stdin>", "exec"), names)
    except SystemExit:
        raise
    except BaseException as raised:  # noqa: BLE001 - the board tells it, whatever it is
        error = raised
    say(b"\x04")
    if error is not None:
        sys.print_exception(error, sys.stdout)  # type: ignore[attr-defined]
    say(b"\x04>")


def main_program() -> None:
    try:
        with open("main.py") as file:
            source = file.read()
    except OSError:
        return
    try:
        exec(compile(source, "main.py", "exec"), {"__name__": "__main__"})
    except KeyboardInterrupt as error:
        sys.print_exception(error, sys.stdout)  # type: ignore[attr-defined]
    except Exception as error:  # noqa: BLE001 - the same
        sys.print_exception(error, sys.stdout)  # type: ignore[attr-defined]


def names() -> "dict[str, Any]":
    found: dict[str, Any] = {"__name__": "__main__"}
    try:
        with open("../flash_size") as file:
            room = [int(file.read())]
    except OSError:
        return found
    found["open"] = lambda path, mode="r": Files(open(path, mode), room) if mode == "wb" else open(path, mode)
    return found


def repl(raw: bool) -> None:
    known = names()
    sys.modules["machine"] = Machine  # type: ignore[assignment]
    if raw:
        say(b"raw REPL; CTRL-B to exit\r\n>")
    else:
        say(b"MicroPython on a pty\r\n>>> ")
    while True:
        byte, code = line()
        if byte == b"\x01":
            raw = True
            say(b"raw REPL; CTRL-B to exit\r\n>")
        elif byte == b"\x02":
            raw = False
            say(b"\r\n>>> ")
        elif raw and code:
            run(code, known)
        else:
            say(b"OK\r\nMPY: soft reboot\r\n")
            raise SystemExit(SOFT_RESET if raw else 0)


raw = len(sys.argv) > 1
if not raw:
    main_program()
repl(raw)
