"""What the drivers of all modules share: what a module can say, what is told to it, and what a module's manners are."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Protocol

from comatrix.gateway.radio.settings import RadioSettings


@dataclass(frozen=True, slots=True)
class Accepted:
    """The module took the command."""


@dataclass(frozen=True, slots=True)
class Fault:
    """It did not. `busy`: it will when its transmission is over. `garbled`: it did not understand what arrived."""

    words: str
    busy: bool = False
    garbled: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """Anything else: a value that was asked for, an echo, noise."""

    text: str


@dataclass(frozen=True, slots=True)
class Heard:
    """A frame from the air, as it stood on the serial line."""

    payload: bytes
    rssi_dbm: int
    snr_db: int


@dataclass(frozen=True, slots=True)
class TxDone:
    """The transmission is over."""


@dataclass(frozen=True, slots=True)
class Booted:
    """The module has just started: what it was doing is forgotten."""


@dataclass(frozen=True, slots=True)
class StoppedListening:
    """The module left reception by itself."""


Said = Accepted | Fault | Line | Heard | TxDone | Booted | StoppedListening


@dataclass(frozen=True, slots=True)
class Command:
    """A line to the module.

    `value`: a pattern whose group is the value asked for. `value_ends`: no status comes behind it.
    `optional`: refused or unanswered, the script goes on; at once if the module is busy.
    """

    line: bytes
    value: str = ""
    value_ends: bool = False
    optional: bool = False
    timeout_ms: int = 1000


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a command."""

    ok: bool
    value: str = ""


# Yields commands, gets their answers. Where a command that is not optional fails, the script is abandoned.
Script = Generator[Command, Answer, None]


class Stream(Protocol):
    """Cuts what arrives into what was said, within a bounded buffer."""

    def feed(self, data: bytes) -> list[Said]:
        """Whatever is complete by now."""

    @property
    def unfinished(self) -> bool:
        """Whether a message has begun whose end is due soon."""

    def resynchronise(self) -> list[Said]:
        """Its end did not come: give up its beginning and read on behind it."""


class Dialect(Protocol):
    """One kind of module."""

    kind: str
    version: str
    settings: RadioSettings
    max_frame: int
    says_done: bool
    reset: bytes

    def stream(self) -> Stream:
        """A fresh reader of what the module says."""

    def setup(self) -> Script:
        """From whatever state the module is in to listening with the settings."""

    def check(self) -> Script:
        """Whether the module is still set up; if not, it is. A frame on its way should not be lost by it."""

    def before_send(self) -> Script:
        """What a transmission needs first."""

    def send(self, frame: bytes) -> bytes:
        """The line that transmits the frame."""

    def after_send(self) -> Script:
        """What listening needs behind a transmission."""

    def airtime_ms(self, frame: bytes) -> int:
        """How long the frame is on air."""

    def frame_of(self, payload: bytes) -> bytes:
        """The frame in what was heard."""

    def stopped_listening(self) -> None:
        """The module left reception by itself: another way to listen is taken at the next setup."""


def nothing() -> Script:
    """A script without a command."""
    yield from ()
