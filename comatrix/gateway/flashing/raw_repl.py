"""MicroPython's raw REPL as a state machine (docs.micropython.org, reference/repl.html, "Raw mode").

    -> Ctrl-C Ctrl-C Ctrl-A      <- "raw REPL; CTRL-B to exit\\r\\n>"
    -> code Ctrl-D               <- "OK" output Ctrl-D traceback Ctrl-D ">"
    -> Ctrl-D                    <- soft reset, then the first line again
    -> Ctrl-B                    the friendly REPL

Raw paste (1.14 and newer) is not used: boards with 1.9 are spoken to as well. One operation at a time; each ends with
exactly one event. `now` is in milliseconds of a clock that never goes back.
"""

from collections import deque
from dataclasses import dataclass

INTERRUPT, RAW, FRIENDLY, END = b"\x03", b"\x01", b"\x02", b"\x04"
KNOCK = b"\r" + INTERRUPT + INTERRUPT + RAW
BANNER = b"raw REPL; CTRL-B to exit\r\n>"
ACCEPTED = b"OK"
# A UART without flow control loses what its board does not take in time: a micro:bit keeps 64 bytes.
PIECE, PAUSE_MS = 32, 10
QUICK_PIECE = 128  # as fast as 115,200 baud are
KNOCK_AGAIN_MS = 500
SETTLED_MS = 60  # after the banner: a second one may be on its way, and would be taken for an answer
SOFT_RESET_MS = 3_000  # boot.py runs in it
MOST_HEARD = 1 << 20  # of one answer


@dataclass(frozen=True, slots=True)
class Entered:
    """The board waits for code. `heard`: what it said before, such as its own program's output."""

    heard: bytes


@dataclass(frozen=True, slots=True)
class Ran:
    """Code has ended. `error` is a traceback, empty where it ended well."""

    output: bytes
    error: bytes


@dataclass(frozen=True, slots=True)
class Failed:
    """The operation did not end in time, or said too much. `heard`: the last that came."""

    reason: str
    heard: bytes


Event = Entered | Ran | Failed


class RawRepl:
    """One board."""

    def __init__(self) -> None:
        self._state = "idle"  # entering, settling, accepting, running
        self._heard = bytearray()
        self._unsent = bytearray()
        self._send_at = 0
        self._piece = PIECE
        self._knock_at = 0
        self._settled_at = 0
        self._end_at = 0
        self._events: deque[Event] = deque()

    def enter(self, now: int, within_ms: int = 5_000) -> None:
        """Reach the raw REPL from whatever the board does. Ends with Entered or Failed."""
        self._begin("entering", KNOCK, now, within_ms)
        self._knock_at = now + KNOCK_AGAIN_MS

    def soft_reset(self, now: int, within_ms: int = 10_000) -> None:
        """From the raw REPL: a fresh heap, without the board's main.py. Ends with Entered or Failed."""
        self._begin("entering", END, now, within_ms)
        self._knock_at = now + SOFT_RESET_MS

    def execute(self, code: str, now: int, within_ms: int = 10_000) -> None:
        """From the raw REPL. Ends with Ran or Failed."""
        self._begin("accepting", code.encode() + END, now, within_ms)

    def hurry(self) -> None:
        """From now on send as fast as the line: the board is no small one."""
        self._piece = QUICK_PIECE

    def leave(self, now: int) -> None:
        """To the friendly REPL. No event."""
        self._begin("idle", b"\r" + FRIENDLY, now, 0)

    def _begin(self, state: str, data: bytes, now: int, within_ms: int) -> None:
        if self._state != "idle":
            raise ValueError("one operation at a time")
        self._state = state
        self._heard.clear()
        self._unsent += data
        # Sending takes its time, which is not the board's.
        self._end_at = now + within_ms + len(self._unsent) // self._piece * PAUSE_MS

    def receive_untrusted(self, data: bytes, now: int) -> None:
        """Bytes of the port, in any pieces. Raises nothing."""
        if self._state == "idle":
            return
        self._heard += data
        if len(self._heard) > MOST_HEARD:
            self._fail("it says too much")
        elif self._state == "entering" and BANNER in self._heard:
            self._state, self._settled_at = "settling", now + SETTLED_MS
        elif self._state == "settling":
            self._settled_at = now + SETTLED_MS
        elif self._state == "accepting" and ACCEPTED in self._heard:
            del self._heard[: self._heard.index(ACCEPTED) + len(ACCEPTED)]
            self._state = "running"
        if self._state == "running":
            self._look_for_end()

    def _look_for_end(self) -> None:
        parts = bytes(self._heard).split(END, 2)
        if len(parts) == 3 and parts[2][:1] == b">":
            self._conclude(Ran(parts[0], parts[1]))

    def handle_timer(self, now: int) -> None:
        """To be called at `next_deadline()`, and whenever else."""
        if self._state == "settling" and now >= self._settled_at:
            self._conclude(Entered(bytes(self._heard[: self._heard.index(BANNER)])))
        elif self._state not in ("idle", "settling") and now >= self._end_at:
            self._fail("it did not answer in time")
        elif self._state == "entering" and now >= self._knock_at and not self._unsent:
            self._unsent += KNOCK
            self._knock_at = now + KNOCK_AGAIN_MS

    def _fail(self, reason: str) -> None:
        self._conclude(Failed(reason, bytes(self._heard[-4096:])))

    def _conclude(self, event: Event) -> None:
        self._state = "idle"
        self._unsent.clear()
        self._events.append(event)

    def data_to_send(self, now: int) -> bytes:
        """What the port is to take now; may be empty."""
        if not self._unsent or now < self._send_at:
            return b""
        piece = bytes(self._unsent[: self._piece])
        del self._unsent[: self._piece]
        self._send_at = now + PAUSE_MS
        return piece

    def next_deadline(self) -> int | None:
        """When something is due without bytes from the port; None: nothing is."""
        due = [self._send_at] if self._unsent else []
        if self._state == "settling":
            due.append(self._settled_at)
        elif self._state != "idle":
            due += [self._end_at] + ([self._knock_at] if self._state == "entering" and not self._unsent else [])
        return min(due, default=None)

    def next_event(self) -> Event | None:
        """How an operation ended."""
        return self._events.popleft() if self._events else None
