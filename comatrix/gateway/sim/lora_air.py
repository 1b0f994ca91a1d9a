"""The simulated air of LoRa in the loop's virtual time: its events happen when the loop's clock is there.

Radios act at whole milliseconds, as everything in the loop does; what they hear they are told in the next one."""

import asyncio
from collections.abc import Callable
from functools import partial

from comatrix_lora.medium.loss import LossSettings
from comatrix_lora.medium.medium import Medium
from comatrix_lora.medium.propagation import Position, Propagation
from comatrix_lora.medium.radio import Radio
from comatrix_lora.medium.settings import RadioSettings

from comatrix.gateway.sim.virtual_time import SimLoop

OnFrame = Callable[[bytes, int, int], None]  # data, RSSI in dBm, SNR in dB
OnSent = Callable[[str, bytes, int, int], None]  # radio, data, start and end in us


class LoraAir:
    """All radios of a run. Nothing touches the medium but through here: it has to be at the loop's time first.
    `sent` is told of each frame that goes on the air."""

    def __init__(self, loop: SimLoop, seed: int, propagation: Propagation) -> None:
        self.medium = Medium(seed, propagation)
        self.sent: OnSent | None = None
        self._loop = loop
        self._timer: asyncio.TimerHandle | None = None
        self._timer_us = 0

    def radio(self, name: str, position: Position, settings: RadioSettings) -> Radio:
        """A new one, asleep."""
        return self.medium.radio(name, position, settings)

    def link(self, one: Radio, other: Radio, loss: LossSettings) -> None:
        """What is lost between the two, each way by dice of its own, beside what physics loses."""
        self.medium.set_loss(one, other, loss)
        self.medium.set_loss(other, one, loss)

    def hear(self, radio: Radio, heard: OnFrame, done: Callable[[], None]) -> None:
        """`heard(data, rssi, snr)` of each frame, `done()` when one of its own is over; both a moment later."""
        radio.on_receive = lambda data, rssi, snr, start, end: self._soon(partial(heard, data, rssi // 10, snr // 10))
        radio.on_done = lambda: self._soon(done)

    def transmit(self, radio: Radio, data: bytes) -> None:
        """Put a frame on the air now."""
        self._catch_up()
        start_us, end_us = self.medium.now_us, radio.transmit(data)
        self._arm()
        if self.sent is not None:
            self.sent(radio.name, data, start_us, end_us)

    def tune(self, radio: Radio, settings: RadioSettings) -> None:
        """Other settings from now on. The radio does not transmit."""
        self._catch_up()
        radio.configure(settings)

    def listen(self, radio: Radio, listens: bool) -> None:
        """From now on, or after what it transmits."""
        self._catch_up()
        if listens:
            radio.listen()
        else:
            radio.sleep()

    def _soon(self, call: Callable[[], None]) -> None:
        self._loop.call_at((self.medium.now_us + 999) // 1000 / 1000, call)

    def _catch_up(self) -> None:
        now_us = self._loop.now_us()
        if now_us > self.medium.now_us:
            self.medium.run_until(now_us)

    def _arm(self) -> None:
        due_us = self.medium.next_event_us()
        if due_us is None or (self._timer is not None and self._timer_us <= due_us):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_us = due_us
        self._timer = self._loop.call_at(due_us / 1_000_000, self._due)

    def _due(self) -> None:
        self._timer = None
        self._catch_up()
        self._arm()
