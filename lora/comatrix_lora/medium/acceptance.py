"""Runs whose results theory knows, for tests and docs/reference/lora-medium.md; and a day of a large network."""

import math
from dataclasses import dataclass
from functools import partial

from comatrix_lora.medium.collisions import ALOHA, CollisionModel
from comatrix_lora.medium.loss import LossSettings
from comatrix_lora.medium.medium import Medium
from comatrix_lora.medium.propagation import FlatLoss, LogDistance
from comatrix_lora.medium.radio import Radio
from comatrix_lora.medium.randomness import Stream
from comatrix_lora.medium.settings import RadioSettings
from comatrix_lora.medium.transcript import Transcript

LOADS = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
LOSSES = ((0.1, 2.0), (0.3, 4.0), (0.5, 4.0), (0.5, 10.0))
"""(share lost, mean burst in frames)"""
_SIZE = 20


@dataclass(frozen=True)
class Estimate:
    """A figure found, what theory says, and the standard deviation theory gives it."""

    found: float
    expected: float
    sigma: float

    @property
    def deviations(self) -> float:
        return (self.found - self.expected) / self.sigma


class _Crowd:
    """Frames that start as a Poisson process, each from a radio that is free: as from infinitely many nodes."""

    def __init__(self, medium: Medium, seed: int, frames: int, mean_gap_us: float, spread_m: float) -> None:
        self._medium = medium
        self._stream = Stream(seed, "arrivals", mean_gap_us)
        self._left = frames
        self._mean_gap_us = mean_gap_us
        self._spread_m = spread_m
        self._free: list[Radio] = []
        self._next()

    def _next(self) -> None:
        if self._left:
            self._left -= 1
            self._medium.after(self._stream.exponential_us(self._mean_gap_us), self._send)

    def _send(self) -> None:
        radio = self._free.pop() if self._free else self._another()
        if self._spread_m:
            radio.move((self._stream.chance() * self._spread_m, self._stream.chance() * self._spread_m))
        radio.transmit(bytes(_SIZE))
        self._next()

    def _another(self) -> Radio:
        radio = self._medium.radio(f"node{len(self._medium.radios)}", (0.0, 0.0))
        radio.on_done = lambda: self._free.append(radio)
        return radio


def share_delivered(
    load: float, frames: int, seed: int, collisions: CollisionModel = ALOHA, spread_m: float = 0.0
) -> float:
    """Of frames offered at `load` times the channel's capacity. With a spread their strengths differ, all in range."""
    propagation = LogDistance(shadowing_db=0.0) if spread_m else FlatLoss()
    medium = Medium(seed, propagation, collisions)
    receiver = medium.radio("gateway", (0.0, 0.0))
    receiver.listen()
    airtime_us = RadioSettings().airtime_us(_SIZE)
    _Crowd(medium, seed, frames, airtime_us / load, spread_m)
    medium.run()
    return receiver.statistics.received / frames


def pure_aloha(load: float, frames: int, seed: int) -> Estimate:
    """Delivery against exp(-2G).

    A frame arrives if the gaps before and after it are longer than a frame, each with chance a = exp(-G); neighbours
    share a gap. So the variance of the number delivered is n (a^2 + 2 a^3 - 3 a^4), more than of independent frames.
    """
    gap = math.exp(-load)
    variance = (gap**2 + 2 * gap**3 - 3 * gap**4) / frames
    return Estimate(share_delivered(load, frames, seed), math.exp(-2 * load), math.sqrt(variance))


def losses(settings: LossSettings, frames: int, seed: int) -> list[bool]:
    """Whether each of so many frames on one link was lost."""
    medium = Medium(seed, FlatLoss(), loss=settings)
    sender, receiver = medium.radio("node", (0.0, 0.0)), medium.radio("gateway", (1.0, 0.0))
    lost = [True] * frames
    receiver.on_receive = lambda data, rssi, snr, start, end: lost.__setitem__(int.from_bytes(data, "big"), False)
    receiver.listen()
    numbers = iter(range(frames))

    def send() -> None:
        if (number := next(numbers, None)) is not None:
            sender.transmit(number.to_bytes(4, "big"))

    sender.on_done = send
    send()
    medium.run()
    return lost


def stationary_loss(lost: list[bool], settings: LossSettings) -> Estimate:
    """The share lost. A two-state chain with eigenvalue e has (1 + e) / (1 - e) times the variance of a coin."""
    share, eigenvalue = settings.bursts, 1.0 - settings.to_good - settings.to_bad
    variance = share * (1 - share) * (1 + eigenvalue) / (1 - eigenvalue) / len(lost)
    return Estimate(sum(lost) / len(lost), share, math.sqrt(variance))


def burst_length(lost: list[bool], settings: LossSettings) -> Estimate:
    """The mean run of losses: geometric, its variance b (b - 1)."""
    bursts = sum(now and not before for before, now in zip([False, *lost], lost, strict=False))
    mean = settings.burst_frames
    return Estimate(sum(lost) / bursts, mean, math.sqrt(mean * (mean - 1) / bursts))


@dataclass(frozen=True)
class Day:
    """What a large network's day came to."""

    sent: int
    arrived: int
    """At one radio or more."""
    receptions: int
    events: int
    digest: str


def day(seed: int, nodes: int = 500, readings: int = 144) -> Day:
    """Nodes within 2.5 km of a gateway with three radios, SF7, 8 and 9 on one frequency; each uses one of them."""
    medium = Medium(seed)
    transcript = Transcript()
    medium.observe(transcript)
    stream = Stream(seed, "day")
    arrived: set[bytes] = set()
    radios = [medium.radio(f"gateway/{sf}", (0.0, 0.0, 10.0), RadioSettings(sf=sf)) for sf in (7, 8, 9)]
    for radio in radios:
        radio.on_receive = lambda data, rssi, snr, start, end: arrived.add(data)
        radio.listen()
    for number in range(nodes):
        distance, angle = 2500.0 * math.sqrt(stream.chance()), 2.0 * math.pi * stream.chance()
        place = round(distance * math.cos(angle), 1), round(distance * math.sin(angle), 1), 1.0
        _send_readings(
            medium.radio(f"node{number}", place, RadioSettings(sf=7 + number % 3)), number, readings, stream, medium
        )
    medium.run()
    received = sum(radio.statistics.received for radio in radios)
    return Day(nodes * readings, len(arrived), received, medium.events, transcript.digest)


def _send_readings(radio: Radio, number: int, left: int, stream: Stream, medium: Medium) -> None:
    """15 bytes a reading, at a random moment of every period of 24 h / `left`."""
    period_us = 86_400_000_000 // left
    for reading in range(left):
        data = number.to_bytes(4, "big") + reading.to_bytes(11, "big")
        medium.at(reading * period_us + stream.below(period_us - 10_000_000), partial(radio.transmit, data))
