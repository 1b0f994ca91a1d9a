"""Finds out which module answers on a serial line, and how it is set, without changing anything."""

import re
from collections.abc import Generator
from dataclasses import dataclass, field

from comatrix.gateway.radio.rak3172 import parameters_of
from comatrix.gateway.radio.reading import Lines, matched, printable
from comatrix.gateway.radio.rylr import BANDWIDTHS_HZ
from comatrix.gateway.radio.settings import RadioSettings

WAIT_MS = 600
MOST_LINES = 40
ANSWER_ENDS = re.compile(r"(?:^|\W)OK$|\+ERR=\d+$|^\+[A-Z0-9]+=|AT_[A-Z_]+$")
RYLR_PARAMETERS = ("BAND", "PARAMETER", "NETWORKID", "ADDRESS", "CRFOP", "IPR", "MODE")
RAK_PARAMETERS = ("NWM", "P2P", "BAUD")


@dataclass(frozen=True, slots=True)
class Found:
    """A module: "RYLR" or "RAK3172", its firmware, its parameters by the names of its commands, and what they mean.

    `settings` is None where they could not be read.
    """

    kind: str
    version: str
    parameters: dict[str, str] = field(default_factory=dict)
    settings: RadioSettings | None = None


Asking = Generator[str, list[str], Found | None]


def identify() -> Asking:
    """Yields lines to write, gets the lines of the answer, returns what was found."""
    yield "AT"  # what stood half written in the module is ended by it
    yield "AT"
    if version := _first(r"\+VER=(.+)", (yield "AT+VER?")):
        values = {}
        for name in RYLR_PARAMETERS:
            values[name] = _first(rf"\+{name}=(.*)", (yield f"AT+{name}?"))
        return Found("RYLR", version, _known(values), rylr_settings(values))
    lines = yield "AT+VER=?"
    version = _first(r"AT\+VER=(?!\?)(.+)", lines) or _first(r"^(V\d+\..*)", lines)
    if not version:
        return None
    values = {}
    for name in RAK_PARAMETERS:
        answer = yield f"AT+{name}=?"
        values[name] = _first(rf"AT\+{name}=(?!\?)(.+)", answer) or _first(r"^(\d[\d:]*)", answer)
    in_p2p = values["NWM"] == "0"
    return Found("RAK3172", version, _known(values), parameters_of(values["P2P"]) if in_p2p else None)


def rylr_settings(values: dict[str, str]) -> RadioSettings | None:
    """BAND, PARAMETER and CRFOP as settings; None: there are none such."""
    try:
        sf, bandwidth, coding, preamble = (int(word) for word in values["PARAMETER"].split(","))
        return RadioSettings(
            int(values["BAND"]), sf, BANDWIDTHS_HZ[bandwidth], coding + 4, preamble, int(values["CRFOP"])
        )
    except (ValueError, IndexError):
        return None


def _first(pattern: str, lines: list[str]) -> str:
    return next((value for line in lines if (value := matched(pattern, line)) is not None), "")


def _known(values: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in values.items() if value}


class Probe:
    """The script, with time and bytes: verbs as a driver's. `done` when `found` holds the result."""

    def __init__(self) -> None:
        self.done = False
        self.found: Found | None = None
        self._script = identify()
        self._lines = Lines()
        self._heard: list[str] = []
        self._out = b""
        self._deadline: int | None = None

    def opened(self, now: int) -> None:
        """The port is open: begin."""
        self._ask(next(self._script), now)

    def receive(self, data: bytes, now: int) -> None:
        """Bytes from the port."""
        for line in self._lines.feed(data):
            text = printable(line)
            if len(self._heard) < MOST_LINES:
                self._heard.append(text)
            if ANSWER_ENDS.search(text) and not self.done:
                self._answered(now)

    def bytes_to_write(self, now: int) -> bytes:
        """What is to be written now."""
        data, self._out = self._out, b""
        return data

    def next_deadline(self) -> int | None:
        """When `handle_timer` is due."""
        return self._deadline

    def handle_timer(self, now: int) -> None:
        """No answer is an answer too."""
        if self._deadline is not None and self._deadline <= now:
            self._answered(now)

    def _answered(self, now: int) -> None:
        heard, self._heard = self._heard, []
        try:
            self._ask(self._script.send(heard), now)
        except StopIteration as end:
            self.done, self.found, self._deadline = True, end.value, None

    def _ask(self, line: str, now: int) -> None:
        self._out += line.encode() + b"\r\n"
        self._deadline = now + WAIT_MS
