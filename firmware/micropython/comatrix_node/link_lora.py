"""The LoRa link of a node over an AT module at a serial port: one frame at a time, nothing here waits for the module.

A link has `limit` (bytes of a frame), `on_air(size)` (bytes such a frame has on the air), `ready()`, `tune(sf, less_db)`,
`transmit(frame)`, `sent()` (whether that frame is over, told once), `receive(wait_ms)` and `close()`.
`link_driver` is the other one, for a chip on the board itself.
"""

import select

from comatrix_node.modem_at import AtModem

_AGAIN_MS = 1000  # until a port that is not there is looked for again
_PIECE = 64  # bytes of one read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from comatrix_node.lora_config import Radio


class SerialLink:
    """`dialect` (modem_rylr, modem_rak) at the port that `open_port()` opens; OSError: not there."""

    def __init__(
        self,
        dialect: "Any",
        airtime_ms: "Callable[[int, int], int]",
        clock: "Any",
        open_port: "Callable[[], Any]",
        baud: int = 115200,
        poller: "Any" = None,
    ) -> None:
        self.modem = AtModem(dialect, airtime_ms, baud)
        self.limit: "int" = dialect.limit
        self.on_air: "Callable[[int], int]" = dialect.on_air
        self._clock = clock
        self._open_port = open_port
        self._port: "Any" = None
        self._poller = poller or select.poll()
        self._look_ms = 0

    def sent(self) -> bool:
        """Whether the frame that was transmitted is over: told once."""
        over = self.modem.ended is not None
        self.modem.ended = None
        return over

    def ready(self) -> bool:
        """Whether a frame can be sent now."""
        return self.modem.ready()

    def tune(self, sf: int, less_db: int) -> None:
        """Send and receive so from now on, as soon as the module does."""
        self.modem.tune(sf, less_db, self._clock.now())
        self._write()

    def transmit(self, frame: bytes) -> None:
        """Send, or lose, one frame: what matters is sent again by the layers above."""
        self.modem.transmit(frame, self._clock.now())
        self._write()

    def receive(self, wait_ms: int) -> "bytes | None":
        """The next frame, or None: after `wait_ms`, or earlier where something else happened."""
        now = self._clock.now()
        if self._port is None and now >= self._look_ms:
            self._open(now)
        due = self.modem.next_deadline() if self._port is not None else self._look_ms
        if due is not None:
            wait_ms = min(wait_ms, due - now)
        if self._poller.poll(max(0, wait_ms)) and self._port is not None:
            self._read()
        self.modem.handle_timer(self._clock.now())
        self._write()
        return self.modem.heard.pop(0) if self.modem.heard else None

    def close(self) -> None:
        """The module sleeps, and the port is let go of."""
        if self._port is not None:
            self.modem.bytes_to_write()
            self._put(self.modem.dialect.sleep + b"\r\n")
            self._gone()

    def _open(self, now: int) -> None:
        try:
            self._port = self._open_port()
        except OSError:
            self._look_ms = now + _AGAIN_MS
            return
        self._poller.register(self._port, select.POLLIN)
        self.modem.opened(now)

    def _read(self) -> None:
        try:
            data = self._port.read(_PIECE) if hasattr(self._port, "any") else self._bytes()
        except OSError:
            data = b""
        if data:
            self.modem.receive(data, self._clock.now())
        elif data is not None:  # a terminal that has ended; a UART has merely nothing, and says None
            self._gone()

    def _bytes(self) -> bytes:
        """A file gives what is asked for or waits, so one byte after the other; raises OSError."""
        found = b""
        while len(found) < _PIECE:
            one = self._port.read(1)
            if not one:
                return found
            found += one
            if not self._poller.poll(0):
                break
        return found

    def _write(self) -> None:
        data = self.modem.bytes_to_write()
        if data and self._port is not None:
            self._put(data)

    def _put(self, data: bytes) -> None:
        try:
            self._port.write(data)
        except OSError:
            self._gone()

    def _gone(self) -> None:
        """The port is no more; the next `receive` looks for it."""
        now = self._clock.now()
        self._poller.unregister(self._port)
        port, self._port = self._port, None
        try:
            port.close() if hasattr(port, "close") else port.deinit()
        except OSError:
            pass
        self._look_ms = now + _AGAIN_MS
        self.modem.closed(now)


def serial(radio: "Radio", airtime_ms: "Callable[[int, int], int]", clock: "Any") -> SerialLink:
    """The link of an AT module as configured."""
    if radio.module == "rak3172":
        from comatrix_node.modem_rak import Rak as Dialect
    else:
        from comatrix_node.modem_rylr import Rylr as Dialect
    return SerialLink(Dialect(radio), airtime_ms, clock, lambda: _port(radio), radio.baud)


def _port(radio: "Radio") -> "Any":
    """The terminal of that path (set it raw: stty), or the board's UART. Raises OSError."""
    if isinstance(radio.uart, str):
        return open(radio.uart, "r+b", 0)
    from machine import UART  # type: ignore[import-not-found]

    pins = {name: radio.pins[name] for name in ("tx", "rx") if radio.pins[name] is not None}
    return UART(radio.uart, radio.baud, timeout=0, rxbuf=512, **pins)
