"""A RAK3172 with RUI3, or with firmware 1.0.4 where `manners.old`: see comatrix/gateway/radio/rak3172.py."""

import re
from collections.abc import Callable

from comatrix.gateway.demo.modem.machine import Manners, Modem, OnAir
from comatrix.gateway.radio.rak3172 import BANDWIDTHS_HZ, LISTEN_AND_SEND, LISTEN_ONLY, STOP, parameters_of
from comatrix.gateway.radio.settings import RadioSettings

ONE_PACKET = 65535
HEX = re.compile(r"(?:[0-9A-Fa-f]{2}){1,250}")
RUI3_BANNER = (
    b"\r\nRAKwireless RAK3172\r\n------------------------------------------------------\r\n"
    b"Version: RUI_4.0.6_RAK3172-E\r\nCurrent Work Mode: %b.\r\n"
)
OLD_BANNER = b"========\r\nRAK3172-H Version:v1.0.4\r\nCurrent Work Mode: %b.\r\n"


class RakModem(Modem):
    """Mode and parameters survive a restart, listening does not."""

    def __init__(
        self, on_air: OnAir, manners: Manners | None = None, random: Callable[[int], int] = lambda n: n - 1
    ) -> None:
        super().__init__(on_air, manners, random)
        self.settings = RadioSettings(868_000_000, 7, 125_000, 5, 8, 14)
        self.mode = "1"
        self.listening = STOP
        self._window = 0

    def _read(self, now: int) -> None:
        for line in self._lines():
            self._command(line.decode("latin-1"), now)

    def _command(self, line: str, now: int) -> None:
        if line == "AT":
            self._status("OK", now)
        elif line == "ATZ":
            self.restart(now)
        elif not line.startswith("AT+") or "=" not in line:
            self._status("AT_COMMAND_NOT_FOUND", now)
        else:
            name, value = line[3:].split("=", 1)
            if value == "?":
                self._ask(name, now)
            else:
                self._tell(name, value, now)

    def _ask(self, name: str, now: int) -> None:
        s = self.settings
        index = BANDWIDTHS_HZ.index(s.bandwidth_hz)
        bandwidth = s.bandwidth_hz // 1000 if self.manners.old else index
        value = {
            "VER": "V1.0.4" if self.manners.old else "RUI_4.0.6_RAK3172-E",
            "NWM": self.mode,
            "PRECV": str(self.listening),
            "BAUD": "9600" if self.manners.old else "115200",
            "P2P": f"{s.frequency_hz}:{s.sf}:{bandwidth}:{s.coding_rate - 5}:{s.preamble}:{s.power_dbm}",
        }.get(name)
        if value is None:
            self._status("AT_COMMAND_NOT_FOUND", now)
        else:
            self._say(("" if self.manners.old else f"AT+{name}=").encode() + value.encode() + b"\r\n", now)
            self._status("OK", now)

    def _tell(self, name: str, value: str, now: int) -> None:
        if name == "NWM":
            self._change_mode(value, now)
        elif name not in ("P2P", "PRECV", "PSEND"):
            self._status("AT_COMMAND_NOT_FOUND", now)
        elif self.mode != "0":
            self._status("AT_MODE_NO_SUPPORT", now)
        elif name == "P2P":
            self._set(value, now)
        elif name == "PRECV":
            self._listen(value, now)
        else:
            self._send(value, now)

    def _change_mode(self, value: str, now: int) -> None:
        if value not in ("0", "1", "2"):
            self._status("AT_PARAM_ERROR", now)
            return
        changed, self.mode = value != self.mode, value
        self._status("OK", now)
        if changed and not self.manners.old:
            self._at(now + self.manners.answer_ms + 1, self.restart)

    def _set(self, value: str, now: int) -> None:
        found = parameters_of(value)
        if self.listening != STOP:
            self._say(b"P2P_RX_ON already, please disable P2P RX before setting.\r\n", now)
            self._status("AT_BUSY_ERROR", now)
        elif found is None or not 5 <= found.power_dbm <= 22:
            self._status("AT_PARAM_ERROR", now)
        else:
            self.settings = found
            self._status("OK", now)

    def _listen(self, value: str, now: int) -> None:
        if not (value.isdecimal() and int(value) <= 65535):
            self._status("AT_PARAM_ERROR", now)
        elif self._transmits(now) or (self.listening == LISTEN_ONLY and value != "0"):
            self._status("AT_BUSY_ERROR", now)
        else:
            self.listening = int(value)
            self._window += 1
            if STOP < self.listening < (LISTEN_ONLY if self.manners.old else LISTEN_AND_SEND):
                self._at(now + self.listening, lambda at, window=self._window: self._listened(window, at))  # type: ignore[misc]
            self._status("OK", now)

    def _listened(self, window: int, now: int) -> None:
        if window == self._window:
            self.listening = STOP
            self._say(b"+EVT:RXP2P RECEIVE TIMEOUT\r\n", now)

    def _send(self, value: str, now: int) -> None:
        free = self.listening == STOP or (self.listening == LISTEN_AND_SEND and not self.manners.old)
        if HEX.fullmatch(value) is None:
            self._status("AT_PARAM_ERROR", now)
        elif self._transmits(now) or not free:
            self._status("AT_BUSY_ERROR", now)
        else:
            self._transmit(bytes.fromhex(value), now, self._sent)
            self._status("OK", now)

    def _sent(self, now: int) -> None:
        if not self.manners.old:
            self._say(b"+EVT:TXP2P DONE\r\n", now)

    def _listens(self) -> bool:
        return self.mode == "0" and self.listening != STOP

    def _hear(self, frame: bytes, rssi_dbm: int, snr_db: int, now: int) -> None:
        text = frame.hex().upper().encode()
        if self.manners.old:
            self._say(b"+EVT:RXP2P, RSSI %d, SNR %d\r\n+EVT:%b\r\n" % (rssi_dbm, snr_db, text), now)
        else:
            self._say(b"+EVT:RXP2P:%d:%d:%b\r\n" % (rssi_dbm, snr_db, text), now)
        if self.listening == ONE_PACKET:
            self.listening = STOP

    def _banner(self, now: int) -> None:
        self.listening = STOP
        banner = OLD_BANNER if self.manners.old else RUI3_BANNER
        self._write(banner % (b"LoRa P2P" if self.mode == "0" else b"LoRaWAN"))

    def _status(self, word: str, now: int) -> None:
        self._say(b"\r\n" * self.manners.old + word.encode() + b"\r\n", now)
