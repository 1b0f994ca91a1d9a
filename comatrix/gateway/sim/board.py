"""A simulated board with the node's own firmware on it: its clock, its flash, its end of the link."""

from collections.abc import Callable
from typing import Any

from comatrix_lora.medium.randomness import Stream

from comatrix.gateway.sim.firmware import Node, parse
from comatrix.gateway.sim.scenario import COUNTED, NodePlan
from comatrix.gateway.sim.whereabouts import count_in

FOREVER_MS = 1 << 40
MOST_TURNS = 10_000  # of one node in one instant: more is a bug, not work
AWAKE_MS, LOOK_MS = 20_000, 1_000  # as Node.run_once
TELLABLE = ("interval", "lamp")


class Flash:
    """What outlives a reset, as `comatrix_node.store.FlashStore` keeps it."""

    step = 8

    def __init__(self) -> None:
        self.generation = 0
        self._state: dict[str, Any] | None = None
        self._files: dict[str, bytes] = {}

    def load(self) -> dict[str, Any] | None:
        """The state, or None."""
        return None if self._state is None else dict(self._state)

    def save(self, state: dict[str, Any]) -> None:
        """Replace it."""
        self._state = dict(state)
        self.generation += 1

    def keep(self, data: bytes, name: str = "waiting") -> None:
        """A file."""
        self._files[name] = data

    def kept(self, name: str = "waiting") -> bytes | None:
        """Its content, or None."""
        return self._files.get(name)

    def forget(self) -> None:
        """No records are kept any more."""
        self._files.pop("waiting", None)


class _Sensor:
    """A random walk a word."""

    def __init__(self, words: tuple[str, ...], stream: Stream) -> None:
        self._stream = stream
        self._values = dict.fromkeys(words, 20.0)

    def __call__(self) -> dict[str, float]:
        for word, value in self._values.items():
            self._values[word] = min(60.0, max(0.0, value + (self._stream.below(21) - 10) / 10))
        return self._values


class Board:
    """One node. `at(ms, call)` -> a handle with `cancel()`: its next moment; nothing runs in between.

    `send(data)` puts a datagram on its link. `measured(count, ms)` is told of each reading. It is also the firmware's
    clock and link."""

    addr = "gateway"

    def __init__(
        self,
        plan: NodePlan,
        configuration: dict[str, Any],
        stream: Stream,
        *,
        now_ms: Callable[[], int],
        at: Callable[[int, Callable[[], None]], Any],
        send: Callable[[bytes], None],
        measured: Callable[[int, int], None],
        tellable: bool,
        until_ms: int,
    ) -> None:
        self.plan = plan
        self._config = parse(configuration)
        self._random = stream.below
        self._now_ms = now_ms
        self._at = at
        self._measured = measured
        self._tellable = tellable
        self._until_ms = until_ms
        self._flash = Flash()
        self._sensor = _Sensor(plan.sensors, stream)
        self._count = 0
        self._inbox: list[bytes] = []
        self._pause_ms: int | None = None
        self._next: Any = None
        self._asleep_from_ms = self._woken_ms = 0
        self.send = send
        self.node: Any = None
        self.told: list[tuple[str, object]] = []

    # What the firmware is handed

    def now(self) -> int:
        """Of the clock: it stands still while the firmware runs."""
        return self._woken_ms

    def receive(self, wait_ms: int) -> bytes | None:
        """Of the link: what came. Where nothing did, it is noted how long the node would wait."""
        if self._inbox:
            self._pause_ms = 0
            return self._inbox.pop(0)
        self._pause_ms = wait_ms
        return None

    def close(self) -> None:
        """Of the link."""

    # What the simulation does

    def arrived(self, data: bytes) -> None:
        """A datagram; a node that sleeps deeply does not hear it."""
        if self.node is not None:
            self._inbox.append(data)
            self.wake()

    def wake(self) -> None:
        """Run the firmware until it would wait, and come back when it would go on."""
        self._woken_ms = now_ms = self._now_ms()
        node = self.node or self._boot()
        for _ in range(MOST_TURNS):
            node.step(FOREVER_MS)
            if self._pause_ms:
                break
        else:
            raise RuntimeError(f"node {self.plan.name} never waits")
        if self._next is not None:
            self._next.cancel()
        if self.plan.sleep and self._may_sleep(node, now_ms):
            self._sleep(node, now_ms)
        else:
            self._next = self._at(now_ms + self._wait_ms(node, self._pause_ms, now_ms), self.wake)

    def held(self) -> list[int]:
        """The running numbers of the readings that it still has. The run is over: it does nothing any more."""
        self._woken_ms = self._now_ms()
        counts = [count_in(values) for values in self._open(self.node or self._make_node(False))]
        return [count for count in counts if count is not None]

    def _open(self, node: Any) -> list[dict[int, int]]:
        """What waits, {word's number: integer} each."""
        return [one.values for one in node.waiting if isinstance(one.values, dict)]

    def _wait_ms(self, node: Any, pause_ms: int, now_ms: int) -> int:
        """How long nothing is run, where the firmware would wait for `pause_ms`."""
        return max(1, min(pause_ms, LOOK_MS, self._asleep_from_ms - now_ms)) if self.plan.sleep else pause_ms

    def _boot(self) -> Any:
        woke = self.node is None and self._count > 0
        self.node = node = self._make_node(woke)
        every_s: Any = self.plan.interval_ms / 1000
        if self._tellable:
            every_s = node.setting("interval", unit="s", low=1, high=604_800, default=self.plan.interval_ms // 1000)
            node.method("lamp", ("state", "", 0, 1))(lambda state: self.told.append(("lamp", state)))
            node.on_text(lambda text: self.told.append(("text", text)))
        node.sensor(None, every_s=every_s)(self._read)
        self._asleep_from_ms = self._woken_ms + AWAKE_MS
        return node

    def _make_node(self, woke: bool) -> Any:
        node = Node(self._config, self, self._flash, self, self._random)
        node.greeted = node.greeted or (woke and not node.fresh)  # as where the board tells a wake-up from a boot
        return node

    def _read(self) -> dict[str, float] | None:
        if self._woken_ms >= self._until_ms:
            return None
        self._count += 1
        self._measured(self._count, self._woken_ms)
        return self._reading(self._count)

    def _reading(self, count: int) -> dict[str, float]:
        return {COUNTED: count, **self._sensor()}

    def _may_sleep(self, node: Any, now_ms: int) -> bool:
        return not node.pending() or now_ms >= self._asleep_from_ms

    def _sleep(self, node: Any, now_ms: int) -> None:
        """As Node.run_once: what is unsent is kept, and RAM is lost."""
        due_ms = max(now_ms + 1000, node.sensors.next_due() or 0)
        self._keep(node, now_ms, due_ms)
        self.node = None
        self._inbox.clear()
        self._next = self._at(due_ms, self.wake)

    def _keep(self, node: Any, now_ms: int, due_ms: int) -> None:
        node.stash(due_ms)
