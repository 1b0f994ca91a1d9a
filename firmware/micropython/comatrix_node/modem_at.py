"""A radio module that is told by AT commands, sans-IO: it is set up, sends one frame at a time, and is never waited for.

What differs between modules is in their dialect (modem_rylr, modem_rak): `setup()`, `tune()`, `before()`, `after()`
yield commands (line, name of the value asked for or None) and are sent that value; `feed()` reads what it says.
"""

# What a dialect reads: (kind, value).
OK, ERROR, BUSY, BOOTED, DONE, STOPPED, FRAME, LINE = 0, 1, 2, 3, 4, 5, 6, 7
_TOLD, _ACCEPTED = 1, 2
_ANSWER_MS = 1000
_BUSY_MS = 100
_BOOT_MS = 1000
_STALE_MS = 500  # a frame that was begun has come by then
_TRIES = 3
_BUSY_TRIES = 30
_LATE_MS = 1000  # so long beyond its airtime a frame is over, whatever the module says
_WATCH_MS = 300000
_LONGEST_PAUSE_MS = 30000
_UNREAD = 4  # frames; who waits for one answer at a time needs no more, and others' noise must not fill the memory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any

    Command = tuple[bytes, "bytes | None"]
    Script = Generator[Command, bytes, None]


class AtModem:
    """`airtime_ms(bytes, sf)`: of a frame. `heard` holds frames; `ended`: when the last one sent was over, or None.

    A frame that the module refuses, or forgets in a restart, ends likewise: whether it was heard only an answer tells.
    """

    def __init__(self, dialect: "Any", airtime_ms: "Any", baud: int) -> None:
        self.dialect = dialect
        self.heard: "list[bytes]" = []
        self.ended: "int | None" = None
        self._airtime_ms = airtime_ms
        self._baud = baud
        self._out = b""
        self._due: "int | None" = None
        self._stale: "int | None" = None
        self._script: "Script | None" = None
        self._command: "Command | None" = None
        self._value = b""
        self._tries = 0
        self._busy = False
        self._sending = 0
        self._airtime = 0  # of that frame, ms, with the time to write it
        self._until = 0  # its end, if it began at once
        self._failures = 0  # resets in a row
        self._wanted: "tuple[int, int] | None" = None
        self._tuned: "tuple[int, int] | None" = None

    def opened(self, now: int) -> None:
        """The port is there: the module is set up."""
        self.dialect.forget()
        self._stale = None
        self._begin(now)

    def closed(self, now: int) -> None:
        """The port is gone."""
        self._script = self._command = self._due = self._tuned = None
        self._out = b""
        self._over(now)

    def ready(self) -> bool:
        """Whether a frame can be sent now."""
        return self._script is None and not self._sending and self._failures == 0 and self._tuned is not None

    def tune(self, sf: int, less_db: int, now: int) -> None:
        """Send and receive so from now on."""
        self._wanted = (sf, less_db)
        if self._tuned is not None and self._tuned != self._wanted and self.ready():
            self._run(self._tunes(), now)

    def transmit(self, frame: bytes, now: int) -> None:
        """Send it as tuned; only when `ready`."""
        self.ended = None
        self._run(self._sends(frame), now)

    def bytes_to_write(self) -> bytes:
        """What the module is to be told now."""
        data, self._out = self._out, b""
        return data

    def next_deadline(self) -> "int | None":
        """When `handle_timer` is due."""
        if self._due is None or self._stale is None:
            return self._stale if self._due is None else self._due
        return min(self._due, self._stale)

    def receive(self, data: bytes, now: int) -> None:
        """What the module said, in pieces as they come."""
        for kind, value in self.dialect.feed(data):
            self._said(kind, value, now)
        self._stale = now + _STALE_MS if self.dialect.unfinished() else None

    def handle_timer(self, now: int) -> None:
        """Time went on."""
        if self._stale is not None and self._stale <= now:
            for kind, value in self.dialect.resynchronise():
                self._said(kind, value, now)
            self._stale = now + _STALE_MS if self.dialect.unfinished() else None
        if self._due is not None and self._due <= now:
            self._due = None
            self._late(now)

    def _said(self, kind: int, value: bytes, now: int) -> None:
        if kind == FRAME:
            if len(self.heard) < _UNREAD:
                self.heard.append(value)
        elif kind == BOOTED:
            self._over(now)
            self._begin(now)
        elif kind == STOPPED:
            self.dialect.stopped_listening()
            if self.ready():
                self._run(self.dialect.after(), now)
        elif self._sending:
            self._of_sending(kind, now)
        elif self._command is not None:
            self._of_command(self._command, kind, value, now)

    def _of_sending(self, kind: int, now: int) -> None:
        """One module says OK when it begins, another when it has sent; the frame is over at the later of both ends."""
        if kind == OK and (self.dialect.says_done or now < self._until):
            self._sending = _ACCEPTED
            if not self.dialect.says_done:
                self._due = self._until
        elif kind in (OK, DONE, ERROR, BUSY):
            self._over(now)
            self._next(b"", now)

    def _of_command(self, command: "Command", kind: int, value: bytes, now: int) -> None:
        line, name = command
        if kind == LINE and name is not None:
            found = self.dialect.value(name, value)
            if found is not None:
                self._value = found
                if self.dialect.value_ends:
                    self._next(found, now)
        elif (kind == OK and not (name and self.dialect.value_ends)) or (kind == BUSY and line == self.dialect.listen):
            self._next(self._value, now)
        elif kind == ERROR:
            self._again(now)
        elif kind == BUSY:
            self._busy = True
            self._due = now + _BUSY_MS  # then it is said again

    def _again(self, now: int) -> None:
        """Say it again, or give up: a reset, and all from the beginning."""
        self._tries += 1
        if self._tries < (_BUSY_TRIES if self._busy else _TRIES):
            self._say(now)
        else:
            self._failed(now)

    def _failed(self, now: int) -> None:
        self._over(now)
        self._script = self._command = self._tuned = None
        self._write(self.dialect.reset)
        self._due = now + min(_BOOT_MS << min(self._failures, 10), _LONGEST_PAUSE_MS)
        self._failures += 1

    def _late(self, now: int) -> None:
        if self._sending:
            known = self._sending == _ACCEPTED
            self._over(now)
            if known:
                self._next(b"", now)
            else:
                self._begin(now)
        elif self._command is not None:
            self._again(now)
        else:
            self._begin(now)  # after a reset, or to look whether all is still as it was told

    def _over(self, now: int) -> None:
        if self._sending:
            self._sending = 0
            self.ended = now

    def _begin(self, now: int) -> None:
        self._tuned = None
        self._run(self._sets_up(), now)

    def _sets_up(self) -> "Script":
        if self._wanted is None:
            self._wanted = (self.dialect.radio.sf, 0)
        wanted = self._wanted
        yield from self.dialect.setup(wanted[0], wanted[1])
        self._tuned = wanted
        self._failures = 0

    def _tunes(self) -> "Script":
        wanted = self._wanted
        assert wanted is not None
        yield from self.dialect.tune(wanted[0], wanted[1])
        self._tuned = wanted

    def _sends(self, frame: bytes) -> "Script":
        yield from self.dialect.before()
        assert self._tuned is not None
        line = self.dialect.line(frame)
        # Ten bits a byte at the serial port, then the air.
        self._airtime = len(line) * 10000 // self._baud + self._airtime_ms(len(frame), self._tuned[0])
        self._sending = _TOLD
        yield line, None
        yield from self.dialect.after()

    def _run(self, script: "Script", now: int) -> None:
        self._script = script
        self._command = None
        self._next(None, now)

    def _next(self, value: "bytes | None", now: int) -> None:
        assert self._script is not None
        self._value = b""
        self._tries = 0
        self._busy = False
        try:
            self._command = self._script.send(value)
        except StopIteration:
            self._script = self._command = None
            self._due = now + _WATCH_MS
            if self._wanted != self._tuned:
                self._run(self._tunes(), now)
            return
        self._say(now)

    def _say(self, now: int) -> None:
        assert self._command is not None
        self._write(self._command[0])
        self._due = now + _ANSWER_MS
        if self._sending == _TOLD:
            self._until = now + self._airtime
            self._due = self._until + _LATE_MS

    def _write(self, line: bytes) -> None:
        self._out += line + b"\r\n"
