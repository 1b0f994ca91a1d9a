"""What lies between nodes and gateway: loses, doubles, delays and reorders datagrams, each way by its own dice."""

from collections.abc import Callable
from dataclasses import dataclass, field

from comatrix_lora.medium.loss import LossProcess, LossSettings
from comatrix_lora.medium.randomness import Stream
from comatrix_lora.medium.statistics import Outcome

from comatrix.gateway.sim.scenario import LinkPlan

Deliver = Callable[[bytes], None]
At = Callable[[int, Callable[[], None]], object]  # virtual ms, what to do then


@dataclass(slots=True)
class Counts:
    """Datagrams of one link, both directions."""

    sent: int = 0
    arrived: int = 0
    lost: int = 0
    doubled: int = 0
    too_long: int = 0
    bytes: int = field(default=0)


class Direction:
    """One way of one node's link. `at(ms, call)` plans what happens later."""

    def __init__(self, plan: LinkPlan, stream: Stream, counts: Counts, at: At, deliver: Deliver) -> None:
        self._plan = plan
        self._stream = stream
        self._counts = counts
        self._at = at
        self._deliver = deliver
        self._loss = LossProcess(LossSettings(plan.loss, plan.burst_loss, plan.burst_length), stream)
        self._free_ms = 0.0  # when the line has sent what came before

    def carry(self, data: bytes, now_ms: int) -> None:
        """One datagram goes in; what becomes of it is decided now."""
        counts, plan = self._counts, self._plan
        counts.sent += 1
        counts.bytes += len(data)
        if plan.mtu and len(data) > plan.mtu:
            counts.too_long += 1
            return
        leaves_ms = self._leaves_ms(len(data), now_ms)
        if self._loss.next_outcome() is not Outcome.RECEIVED:
            counts.lost += 1
            return
        self._arrive(data, leaves_ms)
        if plan.duplicate and self._stream.chance() < plan.duplicate:
            counts.doubled += 1
            self._arrive(data, leaves_ms)

    def _leaves_ms(self, size: int, now_ms: int) -> float:
        """When its last bit is on the line: bits queue behind each other."""
        if not self._plan.rate:
            return now_ms
        self._free_ms = max(self._free_ms, now_ms) + size * 8000 / self._plan.rate
        return self._free_ms

    def _arrive(self, data: bytes, leaves_ms: float) -> None:
        """Jitter is drawn for each, so that the later may overtake."""
        plan = self._plan
        jitter_ms = self._stream.below(plan.jitter_ms + 1) if plan.jitter_ms else 0

        def deliver() -> None:
            self._counts.arrived += 1
            self._deliver(data)

        self._at(round(leaves_ms) + plan.delay_ms + jitter_ms, deliver)
