"""Reyax RYLR998 and RYLR896: AT commands, data of a declared length.

Reyax "LoRa AT Command Guide" for RYLR998/RYLR498 (56312E33, 23 October 2023) and for RYLR896/RYLR406 (56322E33, 28 July
2022). The module puts 8 bytes of its own on the air in front of the data, so a radio of another make cannot hear it.
"""

import base64
import binascii
import re

from comatrix.gateway.radio.dialect import Accepted, Booted, Command, Fault, Heard, Line, Said, Script, nothing
from comatrix.gateway.radio.reading import printable
from comatrix.gateway.radio.settings import RadioSettings

MAX_DATA = 240
AIR_OVERHEAD = 8
LONGEST = 512  # more without an end is noise
BANDWIDTHS_HZ = (7_800, 10_400, 15_600, 20_800, 31_250, 41_700, 62_500, 125_000, 250_000, 500_000)
BANDWIDTH_CODE = {hz: code for code, hz in enumerate(BANDWIDTHS_HZ)}

# "Response: Error Result Codes" of both guides.
ERRORS = {
    1: "the command has no CR LF at its end",
    2: 'the command does not begin with "AT"',
    3: 'the command has no "="',
    4: "unknown command, or a value out of range",
    5: "the data has another length than declared",
    10: "the transmission takes too long",
    11: "reception took too long",
    12: "a frame with a wrong checksum was heard",
    13: f"more than {MAX_DATA} bytes of data",
    14: "the module cannot write its flash memory",
    15: "unknown failure",
    17: "the last transmission is not over",
    18: "this preamble is not allowed",
    19: "a frame with a wrong header was heard",
    20: "this time of the power saving mode is not allowed",
}
ABOUT_RECEPTION = {11, 12, 19}  # they answer no command
GARBLED = {1, 2, 3, 4, 5}
BUSY = 17

HEAD = b"+RCV="
HEADER = re.compile(rb"\+RCV=(\d{1,5}),(\d{1,3}),")
HEADER_MAX = len(b"+RCV=65535,240,")
TAIL = re.compile(rb",(-?\d{1,4}),(-?\d{1,4})\r?\n")
TAIL_MAX = len(b",-9999,-9999\r\n")
SIMPLE = (
    (re.compile(rb"\+OK$"), Accepted()),
    (re.compile(rb"\+READY$"), Booted()),
)
ERROR = re.compile(rb"\+ERR=(\d{1,3})$")


def next_untrusted(buffer: bytes) -> tuple[Said | None, int]:
    """The first thing the module said and how many bytes hold it, noise before it included; 0 bytes: more must come.

    Data is cut by its declared length: it may hold commas, CR LF and whatever looks like a message.
    """
    start, end = buffer.find(HEAD), buffer.find(b"\n")
    if start == 0:
        return _data(buffer)
    if start > 0 and (end < 0 or start < end):
        return Line(printable(buffer[:start])), start
    if end < 0:
        return None, 0
    return _line(buffer[:end].rstrip(b"\r")), end + 1


def _data(buffer: bytes) -> tuple[Said | None, int]:
    header = HEADER.match(buffer)
    if header is None or int(header[2]) > MAX_DATA:
        broken = header is not None or len(buffer) >= HEADER_MAX or b"\n" in buffer
        return (Line("+RCV?"), len(HEAD)) if broken else (None, 0)
    end = header.end() + int(header[2])
    tail = TAIL.match(buffer, end)
    if tail is None:
        return (Line("+RCV?"), len(HEAD)) if len(buffer) >= end + TAIL_MAX or b"\n" in buffer[end:] else (None, 0)
    return Heard(buffer[header.end() : end], int(tail[1]), int(tail[2])), tail.end()


def _line(line: bytes) -> Said:
    for pattern, said in SIMPLE:
        if pattern.search(line):
            return said
    error = ERROR.search(line)
    if error is None or int(error[1]) in ABOUT_RECEPTION:
        return Line(printable(line))
    code = int(error[1])
    return Fault(ERRORS.get(code, f"error {code}"), busy=code == BUSY, garbled=code in GARBLED)


class RylrStream:
    """Cuts what the module writes into what it says."""

    def __init__(self) -> None:
        self._buffer = b""

    @property
    def unfinished(self) -> bool:
        """Whether a `+RCV=` has begun."""
        return self._buffer.startswith(HEAD)

    def feed(self, data: bytes) -> list[Said]:
        """Whatever is complete by now."""
        self._buffer += data
        said: list[Said] = []
        at = 0
        while True:
            one, taken = next_untrusted(self._buffer[at : at + LONGEST])
            if one is None:
                break
            said.append(one)
            at += taken
        self._buffer = self._buffer[at:]
        if len(self._buffer) >= LONGEST:
            self._buffer = self._buffer[-len(HEAD) :]
        return said

    def resynchronise(self) -> list[Said]:
        """The data that was declared did not come: what did is read as lines."""
        self._buffer = self._buffer[len(HEAD) :]
        return self.feed(b"")


class Rylr:
    """`binary_safe`: the module was seen to pass all byte values both ways; else frames travel as base64."""

    kind = "RYLR"
    says_done = False
    reset = b"AT+RESET"

    def __init__(
        self,
        settings: RadioSettings,
        *,
        network_id: int = 18,
        address: int = 0,
        destination: int = 0,
        binary_safe: bool = False,
    ) -> None:
        """Raises ValueError where the module has no such bandwidth, network, preamble or address."""
        if settings.bandwidth_hz not in BANDWIDTH_CODE:
            raise ValueError(f"the module has no bandwidth of {settings.bandwidth_hz} Hz")
        if network_id != 18 and settings.preamble != 12:
            raise ValueError("in networks other than 18 the module's preamble is 12")
        if not (0 <= network_id <= 18 and 0 <= address <= 65535 and 0 <= destination <= 65535):
            raise ValueError("network_id is 0 to 18, an address 0 to 65535")
        self.settings = settings
        self.version = ""
        self.network_id, self.address, self.destination = network_id, address, destination
        self.binary_safe = binary_safe
        self.max_frame = MAX_DATA if binary_safe else MAX_DATA * 3 // 4

    def stream(self) -> RylrStream:
        """A fresh reader."""
        return RylrStream()

    def setup(self) -> Script:
        """Asks before it sets: the module keeps what is set in flash memory."""
        yield Command(b"AT")
        self.version = (yield asked("VER", r"[ -~]+")).value
        for name, wanted in self._wanted():
            if (yield asked(name, r"[0-9,]+")).value != wanted:
                yield Command(f"AT+{name}={wanted}".encode())

    def check(self) -> Script:
        """Setup asks and sets only what differs."""
        return self.setup()

    def _wanted(self) -> list[tuple[str, str]]:
        s = self.settings
        return [
            ("MODE", "0"),
            ("NETWORKID", str(self.network_id)),  # before the preamble: network 18 alone may have one other than 12
            ("ADDRESS", str(self.address)),
            ("BAND", str(s.frequency_hz)),
            ("PARAMETER", f"{s.sf},{BANDWIDTH_CODE[s.bandwidth_hz]},{s.coding_rate - 4},{s.preamble}"),
            ("CRFOP", str(s.power_dbm)),
        ]

    def before_send(self) -> Script:
        """Nothing: the module sends from reception."""
        return nothing()

    def send(self, frame: bytes) -> bytes:
        """AT+SEND with the data as it is on the air."""
        data = self._data_of(frame)
        return f"AT+SEND={self.destination},{len(data)},".encode() + data

    def after_send(self) -> Script:
        """Nothing: it listens again by itself."""
        return nothing()

    def stopped_listening(self) -> None:
        """It never does."""

    def airtime_ms(self, frame: bytes) -> int:
        """Of the data and what the module adds."""
        return self.settings.airtime_ms(len(self._data_of(frame)) + AIR_OVERHEAD)

    def _data_of(self, frame: bytes) -> bytes:
        return frame if self.binary_safe else base64.b64encode(frame)

    def frame_of(self, payload: bytes) -> bytes:
        """The frame; what is no base64 is handed on as it came, for the layer above to tell."""
        if self.binary_safe:
            return payload
        try:
            frame = base64.b64decode(payload, validate=True)
        except binascii.Error:
            return payload
        return frame if base64.b64encode(frame) == payload else payload


def asked(name: str, value: str) -> Command:
    """`AT+NAME?`, answered by `+NAME=value` alone."""
    return Command(f"AT+{name}?".encode(), rf"\+{name}=({value})", value_ends=True)
