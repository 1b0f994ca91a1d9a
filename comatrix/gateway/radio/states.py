"""A driver and its states: one table. docs/reference/radio-states.md is made from it."""

from enum import Enum


class State(Enum):
    """Where a driver stands."""

    CLOSED = "no port"
    SETTLING = "the module has just started, or is taken as if: a moment of silence is waited for"
    ASKING = "a script runs (setup, or back to listening); one command is out"
    READY = "listens"
    PREPARING = "the script before a transmission runs"
    SENDING = "the frame's command is out, not yet taken"
    ON_AIR = "taken; its airtime is not over"
    BUSY = "the module was busy; the frame is tried again"
    RESETTING = "the module did not answer and was told to start anew"
    DEAF = "not even that helped; it is tried again, later each time"


class What(Enum):
    """What happens to it."""

    OPENED = "the port is open"
    PORT_LOST = "the port is gone"
    BOOTED = "the module's banner"
    TIMER = "the time is over"
    ANSWERED = "the command is answered"
    ALL_ANSWERED = "the script is through"
    AGAIN = "no answer, or garbled; tries are left"
    EXHAUSTED = "no tries are left"
    HOPELESS = "nor did starting anew help"
    FRAME = "a frame waits"
    ACCEPTED = "the module took the frame"
    DONE = "the module says the transmission is over"
    TOO_BUSY = "the module is busy"
    REFUSED = "the module refuses the frame"
    STOPPED = "the module stopped listening"


class Do(Enum):
    """What is then to be done."""

    SETTLE = "wait for silence"
    START_OVER = "wait for silence; what was on air is unknown, what was not taken stays"
    LET_GO = "what may be on air is unknown, what waits stays"
    SET_UP = "begin the setup"
    CHECK = "ask whether the module is there and set as it was"
    NEXT = "write the script's next command"
    REPEAT = "write the command again"
    TELL_READY = "tell that it listens, if that is news"
    PREPARE = "begin the script before a transmission"
    TRANSMIT = "write the frame's command"
    WAIT_AIRTIME = "wait for its airtime"
    TELL_SENT = "tell that it was sent, listen again"
    BACK_OFF = "wait before it is tried again"
    LISTEN = "go on"
    TELL_REFUSED = "tell that it never went"
    GIVE_UP_FRAME = "tell that it is unknown, and look whether the module is there"
    RESET = "tell the module to start anew"
    GIVE_UP = "tell that the radio is lost, wait longer each time"


S, W, D = State, What, Do
OPEN = [state for state in State if state is not State.CLOSED]

TABLE: dict[tuple[State, What], tuple[State, Do]] = {
    (S.CLOSED, W.OPENED): (S.SETTLING, D.SETTLE),
    **{(state, W.PORT_LOST): (S.CLOSED, D.LET_GO) for state in State},
    **{(state, W.BOOTED): (S.SETTLING, D.START_OVER) for state in OPEN},
    (S.SETTLING, W.TIMER): (S.ASKING, D.SET_UP),
    (S.ASKING, W.ANSWERED): (S.ASKING, D.NEXT),
    (S.ASKING, W.ALL_ANSWERED): (S.READY, D.TELL_READY),
    (S.ASKING, W.AGAIN): (S.ASKING, D.REPEAT),
    (S.ASKING, W.EXHAUSTED): (S.RESETTING, D.RESET),
    (S.ASKING, W.HOPELESS): (S.DEAF, D.GIVE_UP),
    (S.READY, W.FRAME): (S.PREPARING, D.PREPARE),
    (S.READY, W.TIMER): (S.ASKING, D.CHECK),
    (S.READY, W.STOPPED): (S.ASKING, D.SET_UP),
    (S.PREPARING, W.ANSWERED): (S.PREPARING, D.NEXT),
    (S.PREPARING, W.ALL_ANSWERED): (S.SENDING, D.TRANSMIT),
    (S.PREPARING, W.AGAIN): (S.PREPARING, D.REPEAT),
    (S.PREPARING, W.EXHAUSTED): (S.RESETTING, D.RESET),
    (S.PREPARING, W.HOPELESS): (S.DEAF, D.GIVE_UP),
    (S.SENDING, W.ACCEPTED): (S.ON_AIR, D.WAIT_AIRTIME),
    (S.SENDING, W.DONE): (S.ASKING, D.TELL_SENT),
    (S.SENDING, W.TOO_BUSY): (S.BUSY, D.BACK_OFF),
    (S.SENDING, W.AGAIN): (S.SENDING, D.TRANSMIT),
    (S.SENDING, W.REFUSED): (S.ASKING, D.TELL_REFUSED),
    (S.SENDING, W.TIMER): (S.ASKING, D.GIVE_UP_FRAME),
    (S.ON_AIR, W.DONE): (S.ASKING, D.TELL_SENT),
    (S.ON_AIR, W.TIMER): (S.ASKING, D.TELL_SENT),
    (S.BUSY, W.TIMER): (S.READY, D.LISTEN),
    (S.RESETTING, W.TIMER): (S.DEAF, D.GIVE_UP),
    (S.DEAF, W.TIMER): (S.ASKING, D.SET_UP),
}
