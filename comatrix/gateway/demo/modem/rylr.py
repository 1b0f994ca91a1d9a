"""A Reyax RYLR998, or RYLR896 where `manners.old`: see comatrix/gateway/radio/rylr.py for the guides.

The older one says +OK when the transmission is over. What the module puts on the air in front of the data is not
published; here it is 8 bytes with the network, both addresses and the length.
"""

import re
import struct
from collections.abc import Callable
from dataclasses import replace

from comatrix.gateway.demo.modem.machine import Manners, Modem, OnAir
from comatrix.gateway.radio.rylr import BANDWIDTH_CODE, BANDWIDTHS_HZ, MAX_DATA
from comatrix.gateway.radio.settings import RadioSettings

SEND = re.compile(rb"AT\+SEND=(\d{1,5}),(\d{1,3}),")
HEADER = struct.Struct(">2sBHHB")
MARK = b"RY"
QUIET_MS = 500  # a line that is not ended by then is refused


class RylrModem(Modem):
    """Settings survive a restart, as in its flash memory."""

    def __init__(
        self, on_air: OnAir, manners: Manners | None = None, random: Callable[[int], int] = lambda n: n - 1
    ) -> None:
        super().__init__(on_air, manners, random)
        old = self.manners.old
        self.settings = RadioSettings(915_000_000, 12 if old else 9, 125_000, 5, 4 if old else 12, 15 if old else 22)
        self.version = "RYLR89C_V1.2.7" if old else "RYLR998_REYAX_V1.2.2"
        self.values = {"MODE": "0", "IPR": "115200", "NETWORKID": "0" if old else "18", "ADDRESS": "0"}
        self._last_byte = 0

    def _read(self, now: int) -> None:
        self._last_byte = now
        while self._input and self._one(now):
            pass
        if self._input:
            self._at(now + QUIET_MS, self._quiet)

    def _quiet(self, now: int) -> None:
        if self._input and now - self._last_byte >= QUIET_MS:
            self._input.clear()
            self._error(1, now)

    def _one(self, now: int) -> bool:
        """Take one command out of what came; False: more must come."""
        send = SEND.match(bytes(self._input))
        if send is not None and self.manners.stops_at != b"\r\n":
            end = send.end() + int(send[2])
            if len(self._input) < end + 2:
                return False
            whole = self._input[end : end + 2] == b"\r\n"
            data = bytes(self._input[send.end() : end])
            del self._input[: end + 2]
            self._send(int(send[1]), data, whole, now)
            return True
        end = self._input.find(b"\r\n")
        if end < 0:
            return False
        line = bytes(self._input[:end])
        del self._input[: end + 2]
        if send is not None:
            data = line[send.end() :]
            self._send(int(send[1]), data, len(data) == int(send[2]), now)
        elif line:
            self._command(line.decode("latin-1"), now)
        return True

    def _send(self, destination: int, data: bytes, whole: bool, now: int) -> None:
        if not whole:
            self._error(5, now)
        elif len(data) > MAX_DATA:
            self._error(13, now)
        elif self._transmits(now):
            self._error(17, now)
        else:
            if self.manners.stops_at:
                data = data.split(self.manners.stops_at)[0]
            header = HEADER.pack(
                MARK, int(self.values["NETWORKID"]), destination, int(self.values["ADDRESS"]), len(data)
            )
            self._transmit(header + data, now, self._sent)
            if not self.manners.old:
                self._say(b"+OK\r\n", now)

    def _sent(self, now: int) -> None:
        if self.manners.old:
            self._say(b"+OK\r\n", now)

    def _command(self, line: str, now: int) -> None:
        if not line.startswith("AT"):
            self._error(2, now)
        elif line == "AT":
            self._say(b"+OK\r\n", now)
        elif line == "AT+RESET":
            self._say(b"+RESET\r\n", now)
            self._at(now + self.manners.answer_ms + 1, self.restart)
        elif line.endswith("?"):
            value = self._value(line[3:-1])
            self._error(4, now) if value is None else self._say(f"+{line[3:-1]}={value}\r\n".encode(), now)
        elif "=" not in line:
            self._error(3 if self.manners.old else 4, now)
        else:
            name, value = line[3:].split("=", 1)
            try:
                self._set(name, value)
            except (KeyError, ValueError, IndexError):
                self._error(4, now)
            else:
                self._say(b"+IPR=" + value.encode() + b"\r\n" if name == "IPR" else b"+OK\r\n", now)

    def _value(self, name: str) -> str | None:
        s = self.settings
        return {
            "VER": self.version,
            "BAND": str(s.frequency_hz),
            "PARAMETER": f"{s.sf},{BANDWIDTH_CODE[s.bandwidth_hz]},{s.coding_rate - 4},{s.preamble}",
            "CRFOP": str(s.power_dbm),
            **self.values,
        }.get(name)

    def _set(self, name: str, value: str) -> None:
        """Raises KeyError, ValueError or IndexError for what it does not take."""
        if name == "PARAMETER":
            sf, bandwidth, coding, preamble = (int(word) for word in value.split(","))
            if not (7 <= sf <= 12 and 1 <= coding <= 4 and 4 <= preamble <= 25):
                raise ValueError
            hz = BANDWIDTHS_HZ[bandwidth]
            self.settings = replace(self.settings, sf=sf, bandwidth_hz=hz, coding_rate=coding + 4, preamble=preamble)
        elif name == "BAND":
            self.settings = replace(self.settings, frequency_hz=int(value))
        elif name == "CRFOP":
            if not 0 <= int(value) <= (15 if self.manners.old else 22):
                raise ValueError
            self.settings = replace(self.settings, power_dbm=int(value))
        else:
            most = {"MODE": 2, "IPR": 115200, "NETWORKID": 18, "ADDRESS": 65535}[name]
            if not 0 <= int(value) <= most:
                raise ValueError
            self.values[name] = str(int(value))

    def _listens(self) -> bool:
        return self.values["MODE"] == "0"

    def _hear(self, frame: bytes, rssi_dbm: int, snr_db: int, now: int) -> None:
        """Only what a module of its make sent to its network, and to it or to all."""
        if len(frame) < HEADER.size:
            return
        mark, network, destination, source, size = HEADER.unpack_from(frame)
        data = frame[HEADER.size :]
        if (mark, network, size) != (MARK, int(self.values["NETWORKID"]), len(data)):
            return
        if destination in (0, int(self.values["ADDRESS"])):
            self._say(b"+RCV=%d,%d,%b,%d,%d\r\n" % (source, size, data, rssi_dbm, snr_db), now)

    def _banner(self, now: int) -> None:
        self._write(b"+READY\r\n")

    def _error(self, code: int, now: int) -> None:
        self._say(f"+ERR={code}\r\n".encode(), now)
