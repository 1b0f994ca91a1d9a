"""The driver of a radio: the table of states, carried out. What differs between modules is in their `Dialect`."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from comatrix.gateway.radio.dialect import (
    Accepted,
    Answer,
    Booted,
    Command,
    Dialect,
    Fault,
    Heard,
    Line,
    Said,
    Script,
    StoppedListening,
    TxDone,
)
from comatrix.gateway.radio.events import Event, Identity, Lost, Ready, Received, Refused, Sent, Unknown
from comatrix.gateway.radio.reading import matched
from comatrix.gateway.radio.states import TABLE, Do, State, What

QUEUED = 64
UNREAD = 1024  # frames heard that nobody asked for yet
TRIES = 2
BUSY_TRIES = 20
RESETS_A_FRAME = 3
RESETS = 2
BOOTS = 5
SETTLE_MS = 150
STALE_MS = 500
WATCH_MS = 300_000
RESET_MS = 3000
BACK_OFF_MS = (1000, 60_000)
MARGIN_MS = 30
SLOWEST_BAUD = 9600


@dataclass(slots=True)
class Waiting:
    """A frame and how it fared so far."""

    frame: bytes
    token: object
    garbled: int = 0
    busy: int = 0
    resets: int = 0


class Driver:
    """A radio. Six verbs as everywhere, with bytes of a serial line; `opened` and `closed` tell of the port.

    `now`: int, milliseconds of a clock that never goes back.
    """

    def __init__(self, dialect: Dialect, watch_ms: int = WATCH_MS) -> None:
        self.dialect = dialect
        self.state = State.CLOSED
        self.unheard = 0  # frames dropped because nobody asked for events
        self._watch_ms = watch_ms
        self._stream = dialect.stream()
        self._out = bytearray()
        self._events: deque[Event] = deque()
        self._queue: deque[Waiting] = deque()
        self._deadline: int | None = None
        self._stale: int | None = None
        self._script: Script | None = None
        self._command: Command | None = None
        self._value = ""
        self._tries = 0
        self._written = self._resets = self._boots = 0
        self._reason = self._refusal = ""
        self._lost = self._ready = False
        self._back_off_ms = BACK_OFF_MS[0]

    @property
    def waiting(self) -> int:
        """Frames not yet ended in an event."""
        return len(self._queue)

    def opened(self, now: int) -> None:
        """The port is there."""
        self._stream = self.dialect.stream()
        self._stale = None
        self._out.clear()
        self._happen(What.OPENED, now)

    def closed(self, reason: str, now: int) -> None:
        """The port is gone, or could not be opened."""
        self._reason = reason
        self._out.clear()
        self._happen(What.PORT_LOST, now)

    def send(self, frame: bytes, token: object, now: int) -> None:
        """Transmit when it can be done; events tell what became of it."""
        if not 1 <= len(frame) <= self.dialect.max_frame:
            words = f"{len(frame)} bytes: this radio takes 1 to {self.dialect.max_frame}"
            self._events.append(Refused(words, token))
        elif len(self._queue) >= QUEUED:
            self._events.append(Refused(f"{QUEUED} frames wait already", token))
        else:
            self._queue.append(Waiting(bytes(frame), token))
            self._look(now)

    def receive(self, data: bytes, now: int) -> None:
        """Bytes from the port, in any pieces."""
        if self.state is State.CLOSED:
            return
        self._take(self._stream.feed(data), now)
        self._stale = now + STALE_MS if self._stream.unfinished else None

    def bytes_to_write(self, now: int) -> bytes:
        """What is to be written to the port now."""
        data = bytes(self._out)
        self._out.clear()
        return data

    def next_deadline(self) -> int | None:
        """When `handle_timer` is due."""
        due = [at for at in (self._deadline, self._stale) if at is not None]
        return min(due) if due else None

    def handle_timer(self, now: int) -> None:
        """Time went on."""
        if self._stale is not None and self._stale <= now:
            self._take(self._stream.resynchronise(), now)
            self._stale = now + STALE_MS if self._stream.unfinished else None
        if self._deadline is not None and self._deadline <= now:
            self._deadline = None
            self._time_is_over(now)

    def next_event(self) -> Event | None:
        """The oldest event not yet handed out."""
        return self._events.popleft() if self._events else None

    def _take(self, said: list[Said], now: int) -> None:
        for one in said:
            if self.state is State.READY:
                self._deadline = now + self._watch_ms
            if isinstance(one, Heard):
                self._hear(one)
            elif isinstance(one, Booted):
                self._reason = "the module started anew"
                self._happen(What.BOOTED, now)
            elif isinstance(one, TxDone):
                self._happen(What.DONE, now)
            elif isinstance(one, StoppedListening):
                self.dialect.stopped_listening()
                self._happen(What.STOPPED, now)
            elif self.state is State.SENDING:
                self._sending(one, now)
            elif self._command is not None:
                self._answer(self._command, one, now)

    def _hear(self, heard: Heard) -> None:
        if len(self._events) >= UNREAD:
            self.unheard += 1
            return
        frame = self.dialect.frame_of(heard.payload)
        self._events.append(Received(frame, heard.rssi_dbm, heard.snr_db))

    def _sending(self, said: Said, now: int) -> None:
        waiting = self._queue[0]
        if isinstance(said, Accepted):
            self._happen(What.ACCEPTED, now)
        elif isinstance(said, Fault):
            self._reason = said.words
            if said.busy and waiting.busy < BUSY_TRIES:
                self._happen(What.TOO_BUSY, now)
            elif said.garbled and waiting.garbled < TRIES - 1:
                waiting.garbled += 1
                self._happen(What.AGAIN, now)
            else:
                self._happen(What.REFUSED, now)

    def _answer(self, command: Command, said: Said, now: int) -> None:
        if isinstance(said, Accepted) and not command.value_ends:
            self._answered(Answer(True, self._value), now)
        elif isinstance(said, Line) and command.value and (value := matched(command.value, said.text)) is not None:
            self._value = value
            if command.value_ends:
                self._answered(Answer(True, value), now)
        elif isinstance(said, Fault):
            self._refusal = f"{command.line.decode('ascii')}: {said.words}"
            if said.busy and command.optional:
                self._answered(Answer(False), now)
            elif not said.busy:  # a busy one is asked again when its time is over
                self._reason = self._refusal
                self._failed(command, now)

    def _answered(self, answer: Answer, now: int) -> None:
        self._command = None
        self._deadline = None
        assert self._script is not None
        try:
            self._command = self._script.send(answer)
        except StopIteration:
            self._happen(What.ALL_ANSWERED, now)
            return
        self._tries = 0
        self._happen(What.ANSWERED, now)

    def _failed(self, command: Command, now: int) -> None:
        if self._tries < TRIES:
            self._happen(What.AGAIN, now)
        elif command.optional:
            self._answered(Answer(False), now)
        elif self._resets < RESETS:
            self._happen(What.EXHAUSTED, now)
        else:
            self._happen(What.HOPELESS, now)

    def _time_is_over(self, now: int) -> None:
        if self._command is not None:
            self._reason = self._refusal or f"no answer to {self._command.line.decode('ascii')}"
            self._failed(self._command, now)
        else:
            self._happen(What.TIMER, now)

    def _happen(self, what: What, now: int) -> None:
        """One row of the table; where it has none, the event means nothing now."""
        row = TABLE.get((self.state, what))
        if row is None:
            return
        before = self.state
        self.state, action = row
        if action in AFRESH:
            self._begin_again(action, before, now)
        else:
            ACTIONS[action](self, now)
        self._look(now)

    def _look(self, now: int) -> None:
        if self.state is State.READY and self._queue:
            self._happen(What.FRAME, now)

    def _set_up(self, now: int) -> None:
        self._run(self.dialect.setup(), now)

    def _check(self, now: int) -> None:
        self._run(self.dialect.check(), now)

    def _prepare(self, now: int) -> None:
        self._run(self.dialect.before_send(), now)

    def _wait_airtime(self, now: int) -> None:
        """A module that does not say when it is done takes the frame at once, or when its airtime is over."""
        airtime_ms = self.dialect.airtime_ms(self._queue[0].frame)
        if self.dialect.says_done:
            self._deadline = now + 2 * airtime_ms + 1000
        else:
            self._deadline = max(now, self._written + airtime_ms + MARGIN_MS)

    def _tell_sent(self, now: int) -> None:
        self._end(Sent(self._queue[0].token), now)

    def _tell_refused(self, now: int) -> None:
        self._end(Refused(self._reason, self._queue[0].token), now)

    def _back_off(self, now: int) -> None:
        self._queue[0].busy += 1
        self._deadline = now + self.dialect.airtime_ms(self._queue[0].frame) + MARGIN_MS

    def _give_up_frame(self, now: int) -> None:
        """A second try could put it on air twice."""
        token = self._queue.popleft().token
        self._events.append(Unknown("the module did not say whether it took the frame", token))
        self._set_up(now)

    def _reset(self, now: int) -> None:
        self._abandon()
        self._resets += 1
        self._write(self.dialect.reset)
        self._deadline = now + RESET_MS

    def _give_up(self, now: int) -> None:
        self._abandon()
        self._resets = 0
        self._tell_lost(self._reason)
        self._deadline = now + self._back_off_ms
        self._back_off_ms = min(2 * self._back_off_ms, BACK_OFF_MS[1])

    def _begin_again(self, action: Do, before: State, now: int) -> None:
        """Nothing is known of the module any more. A frame is on air if it was taken; a lost port leaves that open."""
        self._abandon()
        self._deadline = None if action is Do.LET_GO else now + SETTLE_MS
        if before is State.ON_AIR or (before is State.SENDING and action is Do.LET_GO):
            self._events.append(Unknown(self._reason, self._queue.popleft().token))
        elif before is State.SENDING:
            self._queue[0].resets += 1
            if self._queue[0].resets >= RESETS_A_FRAME:
                self._events.append(Refused("the module starts anew whenever it is to send it", self._queue[0].token))
                self._queue.popleft()
        if action is Do.START_OVER:
            self._ready = False
            self._boots += 1
            if self._boots > BOOTS:
                self._tell_lost("the module starts anew again and again: is its power supply strong enough?")
        elif action is Do.LET_GO:
            self._tell_lost(self._reason)

    def _run(self, script: Script, now: int) -> None:
        self._script = script
        self._tries = 0
        self._deadline = None
        try:
            self._command = next(script)
        except StopIteration:
            self._happen(What.ALL_ANSWERED, now)
            return
        self._write_command(now)

    def _write_command(self, now: int) -> None:
        assert self._command is not None
        self._tries += 1
        self._value = self._refusal = ""
        self._write(self._command.line)
        self._deadline = now + self._command.timeout_ms + _serial_ms(self._command.line)

    def _transmit(self, now: int) -> None:
        waiting = self._queue[0]
        line = self.dialect.send(waiting.frame)
        self._write(line)
        self._written = now + _serial_ms(line)
        self._deadline = self._written + self.dialect.airtime_ms(waiting.frame) + 2000

    def _end(self, event: Event, now: int) -> None:
        self._queue.popleft()
        self._events.append(event)
        self._run(self.dialect.after_send(), now)

    def _listen(self, now: int) -> None:
        self._script = self._command = None
        self._deadline = now + self._watch_ms
        self._back_off_ms = BACK_OFF_MS[0]
        self._resets = self._boots = 0
        if not self._ready:
            self._ready, self._lost = True, False
            self._events.append(Ready(Identity(self.dialect.kind, self.dialect.version, self.dialect.settings)))

    def _tell_lost(self, reason: str) -> None:
        if not self._lost:
            self._events.append(Lost(reason))
        self._lost, self._ready = True, False

    def _abandon(self) -> None:
        self._script = self._command = None

    def _write(self, line: bytes) -> None:
        self._out += line + b"\r\n"


AFRESH = {Do.SETTLE, Do.START_OVER, Do.LET_GO}
ACTIONS: dict[Do, Callable[[Driver, int], None]] = {
    Do.SET_UP: Driver._set_up,
    Do.CHECK: Driver._check,
    Do.NEXT: Driver._write_command,
    Do.REPEAT: Driver._write_command,
    Do.TELL_READY: Driver._listen,
    Do.LISTEN: Driver._listen,
    Do.PREPARE: Driver._prepare,
    Do.TRANSMIT: Driver._transmit,
    Do.WAIT_AIRTIME: Driver._wait_airtime,
    Do.TELL_SENT: Driver._tell_sent,
    Do.TELL_REFUSED: Driver._tell_refused,
    Do.BACK_OFF: Driver._back_off,
    Do.GIVE_UP_FRAME: Driver._give_up_frame,
    Do.RESET: Driver._reset,
    Do.GIVE_UP: Driver._give_up,
}


def _serial_ms(line: bytes) -> int:
    return len(line) * 10_000 // SLOWEST_BAUD
