"""RAK3172 point to point for `modem_at`: RUI3, and the firmware before it; data in hex.

RAKwireless "RUI3 AT Command Manual" (P2P Instructions, status codes) and "RAK3172 Deprecated AT Command Manual".
"""

from binascii import hexlify, unhexlify

from comatrix_node.modem_at import BOOTED, BUSY, DONE, ERROR, FRAME, LINE, OK, STOPPED

_LONGEST = 640  # of a line
_NAMED_KHZ = (125000, 250000, 500000)  # every firmware takes these in kHz
_CODES_HZ = (125000, 250000, 500000, 7800, 10400, 15625, 20833, 31250, 41667, 62500)
_AND_SEND, _ONLY = b"AT+PRECV=65533", b"AT+PRECV=65534"
_STOP = b"AT+PRECV=0"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from comatrix_node.lora_config import Radio
    from comatrix_node.modem_at import Script

    Said = tuple[int, bytes]


def read_untrusted(line: bytes) -> "Said":
    """What one line says; noise may stand in front. Raises nothing."""
    at = line.rfind(b"+EVT:")
    if at >= 0:
        return _event(line[at + 5 :])
    if line.endswith(b"OK"):
        return OK, b""
    at = line.rfind(b"AT_")
    if at >= 0:
        return BUSY if line[at:] == b"AT_BUSY_ERROR" else ERROR, b""
    if b"Current Work Mode:" in line or line.startswith(b"RAKwireless RAK"):
        return BOOTED, b""
    return LINE, line


def _event(text: bytes) -> "Said":
    if text.startswith(b"TXP2P"):
        return DONE, b""
    if text.endswith(b"RECEIVE TIMEOUT"):
        return STOPPED, b""
    # RXP2P:RSSI:SNR:data; older firmware has the data alone in a line of its own.
    data = text.split(b":")[-1]
    if text.startswith(b"RXP2P") and text.find(b":") < 0:
        return LINE, b""
    try:
        return FRAME, unhexlify(data)
    except ValueError:
        return LINE, b""


class Rak:
    """`limit`: bytes of the longest frame."""

    reset = b"ATZ"
    sleep = _STOP
    limit = 250
    value_ends = False

    def __init__(self, radio: "Radio") -> None:
        self.radio = radio
        self.says_done = True
        self.listen = _AND_SEND
        self._buffer = b""

    def on_air(self, size: int) -> int:
        """Bytes on the air of a frame of `size` bytes."""
        return size

    def feed(self, data: bytes) -> "list[Said]":
        """Whatever is complete by now."""
        lines = (self._buffer + data).replace(b"\r", b"\n").split(b"\n")
        self._buffer = lines.pop()[-_LONGEST:]
        said = [read_untrusted(line) for line in lines if line]
        return [one for one in said if one[1] or one[0] < FRAME]

    def forget(self) -> None:
        """Another life of the port."""
        self._buffer = b""

    def unfinished(self) -> bool:
        """A line ends at the next one's end."""
        return False

    def resynchronise(self) -> "list[Said]":
        """Nothing is ever cut by length."""
        return []

    def value(self, name: bytes, line: bytes) -> "bytes | None":
        """The value in `AT+NAME=value`; older firmware says `value` alone."""
        at = line.rfind(b"AT+" + name + b"=")
        if at >= 0:
            found = line[at + len(name) + 4 :]
            return found if found != b"?" else None
        return line if line[:1] == b"V" or line.replace(b":", b"").isdigit() else None

    def setup(self, sf: int, less_db: int) -> "Script":
        """The change to point-to-point mode starts RUI3 anew, and with it this script."""
        yield b"AT", None
        if (yield b"AT+VER=?", b"VER")[:3].upper() == b"V1.":
            self.listen = _ONLY
            self.says_done = False
        if (yield b"AT+NWM=?", b"NWM") != b"0":
            yield b"AT+NWM=0", None
        wanted = self._parameters(sf, less_db)
        if (yield b"AT+P2P=?", b"P2P").split(b":") not in (self._words(wanted, True), self._words(wanted, False)):
            yield from self._set(wanted)
        yield self.listen, None

    def tune(self, sf: int, less_db: int) -> "Script":
        """Another spreading factor or power: not while it listens."""
        yield from self._set(self._parameters(sf, less_db))
        yield self.listen, None

    def _set(self, wanted: "list[int]") -> "Script":
        yield _STOP, None
        yield b"AT+P2P=" + b":".join(self._words(wanted, self.radio.bandwidth_hz in _NAMED_KHZ)), None

    def _parameters(self, sf: int, less_db: int) -> "list[int]":
        radio = self.radio
        power_dbm = max(radio.least_dbm, radio.power_dbm - less_db)
        return [radio.frequency_hz, sf, radio.bandwidth_hz, radio.coding_rate - 5, radio.preamble, power_dbm]

    def _words(self, wanted: "list[int]", named: bool) -> "list[bytes]":
        """The parameters as they are said, the bandwidth in kHz or as its code."""
        bandwidth_hz = wanted[2]
        code = bandwidth_hz // 1000 if named else _CODES_HZ.index(bandwidth_hz)
        return [b"%d" % one for one in wanted[:2] + [code] + wanted[3:]]

    def before(self) -> "Script":
        """Where listening and sending exclude each other, stop listening."""
        if self.listen == _ONLY:
            yield _STOP, None

    def after(self) -> "Script":
        """And listen again."""
        if self.listen == _ONLY:
            yield _ONLY, None

    def stopped_listening(self) -> None:
        """To a firmware that does not know 65533 it was a time in milliseconds."""
        self.listen = _ONLY

    def line(self, frame: bytes) -> bytes:
        """In hex."""
        return b"AT+PSEND=" + hexlify(frame).upper()
