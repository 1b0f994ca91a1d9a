"""RAK3172 in its point-to-point mode: AT commands of RUI3, data in hex; and its firmware before RUI3.

RAKwireless "RUI3 AT Command Manual" (P2P Instructions; status codes; ATZ) and "RAK3172 Deprecated AT Command Manual"
(firmware 1.0.4 and older: values without a name in front, events on two lines, no PRECV=65533).
"""

import re

from comatrix.gateway.radio.dialect import (
    Accepted,
    Booted,
    Command,
    Fault,
    Heard,
    Line,
    Said,
    Script,
    StoppedListening,
    TxDone,
)
from comatrix.gateway.radio.reading import Lines, printable
from comatrix.gateway.radio.settings import RadioSettings

MAX_FRAME = 250  # 2 to 500 hex digits
LISTEN_AND_SEND, LISTEN_ONLY, STOP = 65533, 65534, 0
BANDWIDTHS_HZ = (125_000, 250_000, 500_000, 7_800, 10_400, 15_625, 20_833, 31_250, 41_667, 62_500)
BANDWIDTH_KHZ = {125_000: "125", 250_000: "250", 500_000: "500"}  # every firmware takes these as they are
BANDWIDTH_TEXT = {hz: BANDWIDTH_KHZ.get(hz, str(code)) for code, hz in enumerate(BANDWIDTHS_HZ)}

# "RUI3 AT Command Format": status codes.
ERRORS = {
    "AT_ERROR": "the module failed",
    "AT_PARAM_ERROR": "a value it does not take",
    "AT_BUSY_ERROR": "the module is busy",
    "AT_TEST_PARAM_OVERFLOW": "the line is too long",
    "AT_NO_CLASSB_ENABLE": "class B is off",
    "AT_NO_NETWORK_JOINED": "it is in LoRaWAN mode",
    "AT_RX_ERROR": "reception failed",
    "AT_MODE_NO_SUPPORT": "not in this mode",
    "AT_COMMAND_NOT_FOUND": "unknown command",
    "AT_UNSUPPORTED_BAND": "another variant of the module is for this frequency",
    "AT_DUTYCYCLE_RESTRICTED": "its duty cycle is used up",
}
GARBLED = {"AT_ERROR", "AT_PARAM_ERROR", "AT_COMMAND_NOT_FOUND", "AT_TEST_PARAM_OVERFLOW"}
BUSY = "AT_BUSY_ERROR"

STATUS = re.compile(rb"(AT_[A-Z_]+)$")
OK = re.compile(rb"(?:^|[^A-Za-z])OK$")
BANNER = re.compile(rb"Current Work Mode:|^RAKwireless RAK")
DONE = re.compile(rb"\+EVT:TXP2P[ _]DONE$")
TIMEOUT = re.compile(rb"\+EVT:RXP2P RECEIVE TIMEOUT$")
HEARD = re.compile(
    rb"\+EVT:RXP2P[:,] ?(?:RSSI )?(-?\d{1,4})[:,] ?(?:SNR )?(-?\d{1,3})(?::((?:[0-9A-Fa-f]{2}){1,255}))?$"
)
DATA = re.compile(rb"\+EVT:((?:[0-9A-Fa-f]{2}){1,255})$")
OLD_VERSION = re.compile(r"V1\.", re.IGNORECASE)


def read_untrusted(line: bytes, levels: tuple[int, int] | None = None) -> Said | tuple[int, int]:
    """What one line says. RSSI and SNR alone, of the older form, are handed back for the next line's `levels`."""
    heard = HEARD.search(line)
    if heard is not None:
        rssi_dbm, snr_db = int(heard[1]), int(heard[2])
        return (rssi_dbm, snr_db) if heard[3] is None else Heard(bytes.fromhex(heard[3].decode()), rssi_dbm, snr_db)
    data = DATA.search(line)
    if data is not None and levels is not None:
        return Heard(bytes.fromhex(data[1].decode()), *levels)
    for pattern, said in ((OK, Accepted()), (DONE, TxDone()), (TIMEOUT, StoppedListening()), (BANNER, Booted())):
        if pattern.search(line):
            return said
    status = STATUS.search(line)
    if status is None:
        return Line(printable(line))
    name = status[1].decode()
    return Fault(ERRORS.get(name, name), busy=name == BUSY, garbled=name in GARBLED)


class RakStream:
    """Cuts what the module writes into what it says."""

    unfinished = False

    def __init__(self) -> None:
        self._lines = Lines()
        self._levels: tuple[int, int] | None = None

    def feed(self, data: bytes) -> list[Said]:
        """Whatever is complete by now."""
        said: list[Said] = []
        for line in self._lines.feed(data):
            one = read_untrusted(line, self._levels)
            self._levels = one if isinstance(one, tuple) else None
            if not isinstance(one, tuple):
                said.append(one)
        return said

    def resynchronise(self) -> list[Said]:
        """A line ends at the next line's end."""
        return []


class Rak3172:
    """The module in its point-to-point mode."""

    kind = "RAK3172"
    reset = b"ATZ"
    max_frame = MAX_FRAME

    def __init__(self, settings: RadioSettings) -> None:
        """Raises ValueError where the module has no such bandwidth or power."""
        if settings.bandwidth_hz not in BANDWIDTH_TEXT:
            raise ValueError(f"the module has no bandwidth of {settings.bandwidth_hz} Hz")
        if not 5 <= settings.power_dbm <= 22:
            raise ValueError("the module's power is 5 to 22 dBm")
        self.settings = settings
        self.version = ""
        self.says_done = True
        self._listen = LISTEN_AND_SEND

    def stream(self) -> RakStream:
        """A fresh reader."""
        return RakStream()

    def setup(self) -> Script:
        """The change to point-to-point mode starts RUI3 anew, and with it this script."""
        yield Command(b"AT")
        self.version = (yield asked("VER", r"[ -~]*\d[ -~]*")).value
        if OLD_VERSION.match(self.version):
            self._listen, self.says_done = LISTEN_ONLY, False
        if (yield asked("NWM", r"\d")).value != "0":
            yield Command(b"AT+NWM=0", timeout_ms=3000)
        yield told(STOP)  # while it listens it refuses new parameters
        if parameters_of((yield asked("P2P", r"[\d:]+")).value) != parameters_of(self._parameters()):
            yield Command(f"AT+P2P={self._parameters()}".encode())
        yield told(self._listen)

    def check(self) -> Script:
        """To stop listening would lose the frame that is coming in: a module that listens already says it is busy."""
        mode = (yield asked("NWM", r"\d")).value
        if mode == "0" and parameters_of((yield asked("P2P", r"[\d:]+")).value) == parameters_of(self._parameters()):
            yield Command(told(self._listen).line, optional=True)
        else:
            yield from self.setup()

    def _parameters(self) -> str:
        s = self.settings
        bandwidth = BANDWIDTH_TEXT[s.bandwidth_hz]
        return f"{s.frequency_hz}:{s.sf}:{bandwidth}:{s.coding_rate - 5}:{s.preamble}:{s.power_dbm}"

    def before_send(self) -> Script:
        """Where listening and sending exclude each other, stop listening."""
        if self._listen == LISTEN_ONLY:
            yield told(STOP)

    def send(self, frame: bytes) -> bytes:
        """AT+PSEND in hex."""
        return b"AT+PSEND=" + frame.hex().upper().encode()

    def after_send(self) -> Script:
        """And listen again."""
        if self._listen == LISTEN_ONLY:
            yield told(LISTEN_ONLY)

    def stopped_listening(self) -> None:
        """To a firmware that does not know 65533 it was a time in milliseconds."""
        self._listen = LISTEN_ONLY

    def airtime_ms(self, frame: bytes) -> int:
        """Nothing is added."""
        return self.settings.airtime_ms(len(frame))

    def frame_of(self, payload: bytes) -> bytes:
        """As it came."""
        return payload


def asked(name: str, value: str) -> Command:
    """`AT+NAME=?`, answered by `AT+NAME=value` (older firmware: `value`) and OK."""
    return Command(f"AT+{name}=?".encode(), rf"(?:AT\+{name}=|^)({value})")


def told(listen: int) -> Command:
    """`AT+PRECV=`."""
    return Command(f"AT+PRECV={listen}".encode())


def parameters_of(text: str) -> RadioSettings | None:
    """`AT+P2P`'s value as settings; the bandwidth is a number of kHz or its code. None: no such value."""
    words = text.split(":")
    if len(words) != 6 or not all(word.isdecimal() for word in words):
        return None
    frequency_hz, sf, bandwidth, coding, preamble, power_dbm = map(int, words)
    known = {int(name): hz for hz, name in BANDWIDTH_TEXT.items()} | dict(enumerate(BANDWIDTHS_HZ))
    try:
        return RadioSettings(frequency_hz, sf, known[bandwidth], coding + 5, preamble, power_dbm)
    except (KeyError, ValueError):
        return None
