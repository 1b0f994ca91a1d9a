"""The LoRa link of a node over a chip on the board: micropython-lib's `lora` drivers, installed with mip.

Their low-level interface: `configure`, `prepare_send`, `start_send`, `poll_send`, `start_recv`, `poll_recv`, `standby`,
`sleep`. See link_lora for what a link is.
"""

import time

_POLL_MS = 10  # more often would disturb reception by what goes over the chip's bus
_LATE_MS = 3000  # a transmission that never ends is given up so long after its airtime
_AGAIN_MS = 1000

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from comatrix_node.lora_config import Radio


class DriverLink:
    """`make()` makes the driver; whatever it raises is a chip that does not answer, and is tried again.

    `wait(ms)`: until the chip may have something to tell, at most so long."""

    limit = 255

    def __init__(
        self,
        make: "Callable[[], Any]",
        radio: "Radio",
        airtime_ms: "Callable[[int, int], int]",
        clock: "Any",
        wait: "Any",
    ) -> None:
        self.heard: "list[bytes]" = []
        self._make = make
        self._radio = radio
        self._airtime_ms = airtime_ms
        self._clock = clock
        self._wait = wait
        self._modem: "Any" = None
        self._sending_until: "int | None" = None
        self._ended: "int | None" = None
        self._tuned: "tuple[int, int] | None" = None
        self._wanted = (radio.sf, 0)
        self._look_ms = 0

    def sent(self) -> bool:
        """Whether the frame that was transmitted is over: told once."""
        over = self._ended is not None
        self._ended = None
        return over

    def on_air(self, size: int) -> int:
        """Nothing is added."""
        return size

    def ready(self) -> bool:
        """Whether a frame can be sent now."""
        return self._tuned is not None and self._sending_until is None

    def tune(self, sf: int, less_db: int) -> None:
        """Send and receive so from now on."""
        self._wanted = (sf, less_db)
        if self._tuned != self._wanted and self.ready():
            self._safely(self._configure)

    def transmit(self, frame: bytes) -> None:
        """Send, or lose, one frame."""
        self._ended = None
        self._sending_until = self._clock.now() + self._airtime_ms(len(frame), self._wanted[0]) + _LATE_MS
        self._safely(lambda: self._send(frame))

    def receive(self, wait_ms: int) -> "bytes | None":
        """The next frame, or None: after `wait_ms`, or earlier where something else happened."""
        end = self._clock.now() + wait_ms
        while not self.heard:
            self._safely(self._look)
            now = self._clock.now()
            if now >= end or self._ended is not None:
                break
            self._wait(end - now)
        return self.heard.pop(0) if self.heard else None

    def close(self) -> None:
        """The chip sleeps."""
        if self._modem is not None:
            self._safely(self._modem.sleep)
            self._tuned = None

    def _safely(self, do: "Callable[[], Any]") -> None:
        try:
            do()
        except (OSError, RuntimeError) as error:
            print("radio:", error)
            self._fail()

    def _fail(self) -> None:
        """Begin anew in a while; a frame that was on its way is over."""
        now = self._clock.now()
        self._modem = self._tuned = None
        self._look_ms = now + _AGAIN_MS
        self._over(now)

    def _over(self, now: int) -> None:
        if self._sending_until is not None:
            self._sending_until = None
            self._ended = now

    def _look(self) -> None:
        now = self._clock.now()
        if self._modem is None:
            if now >= self._look_ms:
                self._modem = self._make()
                self._configure()
        elif self._sending_until is not None:
            self._look_sending(now)
        elif self._tuned is None:
            self._configure()  # it slept
        else:
            packet = self._modem.poll_recv()
            if packet is False:
                self._modem.start_recv(continuous=True)
            elif packet is not True:
                self.heard.append(bytes(packet))

    def _look_sending(self, now: int) -> None:
        state = self._modem.poll_send()
        if state is True:
            if now >= (self._sending_until or 0):
                raise RuntimeError("a transmission does not end")
            return
        self._over(now)
        if self._tuned != self._wanted:
            self._configure()
        else:
            self._modem.start_recv(continuous=True)

    def _send(self, frame: bytes) -> None:
        self._modem.prepare_send(frame)
        self._modem.start_send()

    def _configure(self) -> None:
        radio, (sf, less_db) = self._radio, self._wanted
        power_dbm = max(radio.least_dbm, radio.power_dbm - less_db)
        bandwidth = radio.bandwidth_hz // 1000
        settings: "dict[str, Any]" = {
            "freq_khz": radio.frequency_hz // 1000 if radio.frequency_hz % 1000 == 0 else radio.frequency_hz / 1000,
            "sf": sf,
            "bw": "62.5" if bandwidth == 62 else bandwidth,
            "coding_rate": radio.coding_rate,
            "preamble_len": radio.preamble,
            "output_power": power_dbm,
            "crc_en": True,
            "rx_boost": True,
        }
        if radio.module.startswith("sx127"):
            settings["tx_ant"] = "PA_BOOST"
        self._modem.standby()
        self._modem.configure(settings)
        self._tuned = self._wanted
        self._modem.start_recv(continuous=True)


def on_board(radio: "Radio", airtime_ms: "Callable[[int, int], int]", clock: "Any") -> DriverLink:
    """The link of a chip on the board's SPI as configured. Raises ImportError: the driver is not installed."""
    import lora  # type: ignore[import-not-found]

    make = getattr(lora, radio.module.upper())
    return DriverLink(lambda: _chip(make, radio), radio, airtime_ms, clock, _wait)


def _wait(ms: int) -> None:
    time.sleep_ms(min(ms, _POLL_MS))  # type: ignore[attr-defined]


def _chip(make: "Any", radio: "Radio") -> "Any":
    from machine import SPI, Pin  # type: ignore[import-not-found]

    pins = radio.pins
    spi = SPI(radio.spi, baudrate=2000000, sck=Pin(pins["sck"]), mosi=Pin(pins["mosi"]), miso=Pin(pins["miso"]))
    more = {name: Pin(pins[name]) for name in ("busy", "dio0", "dio1", "reset") if pins[name] is not None}
    if radio.tcxo_millivolts is not None:
        more["dio3_tcxo_millivolts"] = radio.tcxo_millivolts
    return make(spi, Pin(pins["cs"]), **more)
