"""What is on air, who is awake to hear it, and what becomes of each frame at each of them.

A frame has two events whatever the number of radios: the lock, at the end of the programmed preamble, and the end.
Radios that sleep cost nothing.
"""

from collections.abc import Callable
from functools import partial

from comatrix_lora.medium import scheduler as ranks
from comatrix_lora.medium.collisions import CollisionModel
from comatrix_lora.medium.frame import Frame, Reception
from comatrix_lora.medium.propagation import SNR_LIMIT_DB_X10, Propagation, noise_dbm_x10
from comatrix_lora.medium.radio import Radio, State
from comatrix_lora.medium.scheduler import Scheduler
from comatrix_lora.medium.settings import Channel
from comatrix_lora.medium.statistics import Outcome


class Air:
    """The rules of reception. `fade` says what a link's loss process does with a frame that would arrive."""

    def __init__(
        self,
        scheduler: Scheduler,
        seed: int,
        propagation: Propagation,
        collisions: CollisionModel,
        fade: Callable[[Radio, Radio], Outcome],
    ) -> None:
        self.scheduler = scheduler
        self.observers: list[Callable[[Reception], object]] = []
        self._seed = seed
        self._propagation = propagation
        self._collisions = collisions
        self._fade = fade
        self._awake: dict[
            Channel, dict[Radio, None]
        ] = {}  # or will be after what they transmit; in the order they woke
        self._on_air: dict[int, list[Frame]] = {}  # by frequency
        self._losses: dict[Radio, dict[Radio, int]] = {}
        self._noise: dict[tuple[int, int], int] = {}

    def wake(self, radio: Radio) -> None:
        """It listens from now on."""
        self._awake.setdefault(radio.settings.channel, {})[radio] = None
        self._interrupt(radio, Outcome.NOT_LISTENING)

    def fall_asleep(self, radio: Radio) -> None:
        """It hears nothing from now on."""
        self._interrupt(radio, Outcome.NOT_LISTENING)
        self._awake.get(radio.settings.channel, {}).pop(radio, None)

    def forget_losses(self, radio: Radio) -> None:
        """It has moved."""
        for other in self._losses.pop(radio, {}):
            self._losses[other].pop(radio, None)

    def start(self, sender: Radio, data: bytes | bytearray) -> Frame:
        """Put a frame on air; the sender hears nothing until it ends. Raises ValueError for more than 255 bytes."""
        now = self.scheduler.now_us
        frame = Frame(sender, bytes(data), now, self._collisions.lock_symbols if self._collisions.capture else None)
        self._interrupt(sender, Outcome.HALF_DUPLEX)
        beside = self._on_air.setdefault(frame.settings.frequency_hz, [])
        for other in beside:
            if other.end_us > now:
                other.overlapping.append(frame)
                frame.overlapping.append(other)
        beside.append(frame)
        self.scheduler.at(frame.lock_us, partial(self._lock, frame), ranks.LOCK)
        self.scheduler.at(frame.end_us, partial(self._end, frame), ranks.END)
        return frame

    def _lock(self, frame: Frame) -> None:
        """The preamble is over: each radio that is awake on the channel has it now or never."""
        for radio in tuple(self._awake.get(frame.settings.channel, ())):
            if radio is not frame.sender:
                rssi = self._rssi_dbm_x10(frame, radio)
                lost = self._why_not_locked(frame, radio, rssi)
                if lost is not None:
                    self._decide(frame, radio, rssi, lost)
                    continue
                if radio.held is not None:
                    self._decide(radio.held, radio, radio.held_rssi_dbm_x10, Outcome.COLLISION)
                radio.held, radio.held_rssi_dbm_x10 = frame, rssi
                frame.holders.append(radio)

    def _why_not_locked(self, frame: Frame, radio: Radio, rssi: int) -> Outcome | None:
        if rssi - self._noise_of(radio) < SNR_LIMIT_DB_X10[frame.settings.sf]:
            return Outcome.BELOW_SENSITIVITY
        if radio.state is State.TRANSMITTING:
            return Outcome.HALF_DUPLEX
        if radio.ready_since_us > frame.needed_us:
            return radio.deaf_for
        if radio.held is not None and not self._leaves_for(radio, frame, rssi):
            return Outcome.COLLISION
        return None if self._survives(frame, radio, rssi) else Outcome.COLLISION

    def _leaves_for(self, radio: Radio, frame: Frame, rssi: int) -> bool:
        sf = frame.settings.sf
        return self._collisions.relocks and self._collisions.destroyed(sf, sf, radio.held_rssi_dbm_x10 - rssi)

    def _survives(self, frame: Frame, radio: Radio, rssi: int) -> bool:
        """Whether no frame up to now destroyed what the radio needs of this one."""
        for other in frame.overlapping:
            if other.end_us > frame.needed_us:
                ratio = rssi - self._rssi_dbm_x10(other, radio)
                if self._collisions.destroyed(frame.settings.sf, other.settings.sf, ratio):
                    return False
        return True

    def _end(self, frame: Frame) -> None:
        """First every radio's state, then the callbacks, which may do anything."""
        self._on_air[frame.settings.frequency_hz].remove(frame)
        levels = [
            (radio, radio.held_rssi_dbm_x10, radio.held_rssi_dbm_x10 - self._noise_of(radio))
            for radio in frame.holders
            if radio.held is frame and self._arrives(frame, radio)
        ]
        frame.overlapping = []
        self._interrupt(frame.sender, Outcome.HALF_DUPLEX)
        frame.sender.finish_transmitting()
        for radio, rssi, snr in levels:
            if radio.on_receive is not None:
                radio.on_receive(frame.data, rssi, snr, frame.start_us, frame.end_us)
        if frame.sender.on_done is not None:
            frame.sender.on_done()

    def _arrives(self, frame: Frame, radio: Radio) -> bool:
        rssi = radio.held_rssi_dbm_x10
        outcome = self._fade(frame.sender, radio) if self._survives(frame, radio, rssi) else Outcome.COLLISION
        self._decide(frame, radio, rssi, outcome)
        radio.held = None
        radio.ready_since_us, radio.deaf_for = self.scheduler.now_us, Outcome.COLLISION
        return outcome is Outcome.RECEIVED

    def _interrupt(self, radio: Radio, why: Outcome) -> None:
        """Whatever the radio was receiving is lost, and it is ready again from now at the earliest."""
        if radio.held is not None:
            self._decide(radio.held, radio, radio.held_rssi_dbm_x10, why)
            radio.held = None
        radio.ready_since_us, radio.deaf_for = self.scheduler.now_us, why

    def _decide(self, frame: Frame, radio: Radio, rssi: int, outcome: Outcome) -> None:
        radio.statistics.heard[outcome] += 1
        if self.observers:
            reception = Reception(frame, radio, outcome, rssi, rssi - self._noise_of(radio), self.scheduler.now_us)
            for observer in self.observers:
                observer(reception)

    def _rssi_dbm_x10(self, frame: Frame, radio: Radio) -> int:
        losses = self._losses.setdefault(radio, {})
        loss = losses.get(frame.sender)
        if loss is None:
            loss = self._propagation.loss_db_x10(self._seed, radio.position, frame.sender.position)
            losses[frame.sender] = loss
            self._losses.setdefault(frame.sender, {})[radio] = loss
        return 10 * frame.settings.power_dbm - loss

    def _noise_of(self, radio: Radio) -> int:
        key = radio.settings.bandwidth_hz, radio.settings.noise_figure_db
        noise = self._noise.get(key)
        if noise is None:
            noise = self._noise[key] = noise_dbm_x10(*key)
        return noise
