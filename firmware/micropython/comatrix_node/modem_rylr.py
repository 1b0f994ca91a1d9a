"""Reyax RYLR998 and RYLR896 for `modem_at`: data of a declared length, behind 8 bytes of the module's own on the air.

Reyax "LoRa AT Command Guide" for RYLR998/RYLR498 (23 October 2023) and for RYLR896/RYLR406 (28 July 2022).
"""

from binascii import a2b_base64, b2a_base64

from comatrix_node.modem_at import BOOTED, BUSY, ERROR, FRAME, LINE, OK

_MOST = 240
_OVERHEAD = 8
_LONGEST = 512  # more without an end is noise
_HEAD = b"+RCV="
_BANDWIDTHS_HZ = (7800, 10400, 15600, 20800, 31250, 41700, 62500, 125000, 250000, 500000)
_OF_RECEPTION = (11, 12, 19)  # error codes that answer no command
_SENDING = 17

TYPE_CHECKING = False
if TYPE_CHECKING:
    from comatrix_node.lora_config import Radio
    from comatrix_node.modem_at import Script

    Said = tuple[int, bytes]


def next_untrusted(buffer: bytes) -> "tuple[Said | None, int]":
    """The first thing said, and how many bytes hold it with the noise before; 0: more must come. Raises nothing.

    Data is cut by its declared length: it may hold whatever looks like a message."""
    start, end = buffer.find(_HEAD), buffer.find(b"\n")
    if start == 0:
        return _frame(buffer)
    if start > 0 and (end < 0 or start < end):
        return (LINE, b""), start
    if end < 0:
        return (None, 0) if len(buffer) < _LONGEST else ((LINE, b""), len(buffer) - len(_HEAD))
    return _line(buffer[:end].rstrip(b"\r")), end + 1


def _frame(buffer: bytes) -> "tuple[Said | None, int]":
    """+RCV=address,length,data,RSSI,SNR. What is none is taken for noise up to its head."""
    noise = (LINE, b""), len(_HEAD)
    comma = buffer.find(b",", 5, 11)
    start = buffer.find(b",", comma + 1, comma + 5) + 1 if comma > 0 else 0
    if start <= 0:
        return noise if len(buffer) > 14 or b"\n" in buffer else (None, 0)
    size = _number(buffer[comma + 1 : start - 1])
    if size is None or size > _MOST or _number(buffer[5:comma]) is None:
        return noise
    tail = buffer[start + size : start + size + 14]
    end = tail.find(b"\n")
    if end < 0:
        return noise if len(tail) == 14 or tail[:1] not in (b"", b",") else (None, 0)
    levels = tail[:end].rstrip(b"\r").split(b",")
    if len(levels) != 3 or levels[0] or None in [_number(one.lstrip(b"-")) for one in levels[1:]]:
        return noise
    return (FRAME, buffer[start : start + size]), start + size + end + 1


def _line(line: bytes) -> "Said":
    if line.endswith(b"+OK"):
        return OK, b""
    if line.endswith(b"+READY"):
        return BOOTED, b""
    at = line.rfind(b"+ERR=")
    code = _number(line[at + 5 :]) if at >= 0 else None
    if code is None or code in _OF_RECEPTION:
        return LINE, line
    return BUSY if code == _SENDING else ERROR, b""


def _number(digits: bytes) -> "int | None":
    return int(digits) if digits.isdigit() and len(digits) < 6 else None


class Rylr:
    """`limit`: bytes of the longest frame."""

    reset = b"AT+RESET"
    sleep = b"AT+MODE=1"
    listen = b""
    value_ends = True
    says_done = False

    def __init__(self, radio: "Radio") -> None:
        self.radio = radio
        self.limit = _MOST if radio.binary_safe else _MOST * 3 // 4
        self._buffer = b""

    def on_air(self, size: int) -> int:
        """Bytes on the air of a frame of `size` bytes."""
        return _OVERHEAD + (size if self.radio.binary_safe else (size + 2) // 3 * 4)

    def feed(self, data: bytes) -> "list[Said]":
        """Whatever is complete by now."""
        self._buffer += data
        found = []
        while True:
            said, taken = next_untrusted(self._buffer)
            if said is None:
                return found
            self._buffer = self._buffer[taken:]
            if said[0] == FRAME and not self.radio.binary_safe:
                said = FRAME, _decoded(said[1])
            if said[1] != b"" or said[0] < FRAME:
                found.append(said)

    def forget(self) -> None:
        """Another life of the module, or of the port."""
        self._buffer = b""

    def unfinished(self) -> bool:
        """Whether data has begun."""
        return self._buffer.startswith(_HEAD)

    def resynchronise(self) -> "list[Said]":
        """The data that was declared did not come: what did is read as lines."""
        self._buffer = self._buffer[len(_HEAD) :]
        return self.feed(b"")

    def value(self, name: bytes, line: bytes) -> "bytes | None":
        """The value in an answer `+NAME=value`."""
        at = line.rfind(b"+" + name + b"=")
        return line[at + len(name) + 2 :] if at >= 0 else None

    def setup(self, sf: int, less_db: int) -> "Script":
        """Ask before setting: the module writes what is set into its flash memory."""
        yield b"AT", None
        wanted = [(b"MODE", b"0"), (b"NETWORKID", b"%d" % self.radio.network_id), (b"ADDRESS", b"0")]
        wanted += [(b"BAND", b"%d" % self.radio.frequency_hz)]
        for name, value in wanted + self._tuned(sf, less_db):
            if (yield b"AT+" + name + b"?", name) != value:
                yield b"AT+" + name + b"=" + value, None

    def tune(self, sf: int, less_db: int) -> "Script":
        """Another spreading factor or power."""
        for name, value in self._tuned(sf, less_db):
            yield b"AT+" + name + b"=" + value, None

    def _tuned(self, sf: int, less_db: int) -> "list[tuple[bytes, bytes]]":
        radio = self.radio
        code = _BANDWIDTHS_HZ.index(radio.bandwidth_hz)
        modulation = b"%d,%d,%d,%d" % (sf, code, radio.coding_rate - 4, radio.preamble)
        power_dbm = max(radio.least_dbm, radio.power_dbm - less_db)
        return [(b"PARAMETER", modulation), (b"CRFOP", b"%d" % power_dbm)]

    def before(self) -> "Script":
        """Nothing: it sends from reception."""
        yield from ()

    after = before

    def stopped_listening(self) -> None:
        """It never does."""

    def line(self, frame: bytes) -> bytes:
        """To every module of the network."""
        data = frame if self.radio.binary_safe else b2a_base64(frame).strip()
        return b"AT+SEND=0,%d," % len(data) + data


def _decoded(data: bytes) -> bytes:
    """Base64 -> the frame; b"" where it is none."""
    try:
        frame = a2b_base64(data)
    except ValueError:
        return b""
    return frame if b2a_base64(frame).strip() == data else b""
