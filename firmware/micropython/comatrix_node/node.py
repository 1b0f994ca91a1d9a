"""A node: sensors read when they are due, readings kept until the gateway has them on disk.

node = Node()

@node.sensor("temperature", every_s=60)
def temperature():
    return 21.37

node.run()
"""

import gc

from comatrix.codec.record_types import Answer, Text, read_answer_untrusted
from comatrix.codec.words import scaled
from comatrix.errors import WireError
from comatrix.session.client import Client, Delivered, Rekeyed, Reserve
from comatrix.session.counter import Counter
from comatrix.session.endpoint import Endpoint
from comatrix.session.exchange import Parameters
from comatrix.session.hkdf import sha256
from comatrix.session.keys import Keys, node_id
from comatrix_node.clock import Clock
from comatrix_node.crypto import aead, random
from comatrix_node.program import DROPPED, LONGEST_SLEEP_MS, Program
from comatrix_node.sensing import Sensors
from comatrix_node.waiting import Waiting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from comatrix_node.config import Config

    Number = int | float
    Read = Callable[[], Any]
    Done = Callable[..., Any]

_MOST_READINGS = 31  # beside an age, in one record
_MOST_TEXT = 1024
_MOST_TOLD = 400  # bytes of a text to a node: it has to come in one answer
_FLASH_AGAIN_MS = 10000
_GARBAGE = 4096  # bytes made before it is collected: what lives stays together, and a small heap has room in one piece


class Node(Program):
    """All is made from config.json and the board unless it is handed in; `random(n)` gives 0 <= int < n.

    Where config.json has "lora" it is a `lora_node.Node`."""

    def __new__(cls, config: "Config | None" = None, *handed: "Any", **named: "Any") -> "Any":
        # First, or the garbage of what comes now lies all over a small heap.
        if hasattr(gc, "threshold"):  # not in CPython
            gc.threshold(_GARBAGE)
        if config is None:
            from comatrix_node import parts

            config = parts.config()
        if config.link is None:
            node = super().__new__(cls)
            node.config = config
            return node
        # By text, as in config.py.
        return __import__("comatrix_node.lora_node", None, None, ("Node",)).Node(config, *handed, **named)

    def __init__(
        self,
        config: "Config | None" = None,
        link: "Any" = None,
        store: "Any" = None,
        clock: "Any" = None,
        random: "Callable[[int], int]" = random,
    ) -> None:
        from comatrix_node import parts

        self.random = random
        self.clock = clock or Clock()
        rtc, woke = parts.board()
        self.store = store or parts.store(rtc)
        parts.unload("parts")
        if link is None:
            from comatrix_node import link_udp

            link = (self.config.security or link_udp).link(self.config)
        self.link = link
        self.sensors = Sensors()
        self.waiting: "list[Waiting]" = []  # the oldest first; an open record is waiting[0]
        self.kept = 0  # how many of them stand in flash as well
        self.dropped = self.delivered = self.refused = 0
        self._reserve: "Reserve | None" = None  # what flash would not take, tried again at
        self._reserve_ms = 0
        self.greeted = woke
        self._begin(self.store.load())
        self._unstash()

    # For the person who writes a node

    def post(self, readings: "dict[str, Number | None]") -> None:
        """Queue {word: number} as one record. Raises ValueError for an unknown word."""
        values = {}
        for word, value in readings.items():
            if value is not None:
                number, integer = scaled(word, value)
                values[number] = integer
        if values:
            self.queue(values)

    def say(self, text: str, room: int = 0) -> None:
        """Queue a text to the default room, or to another one agreed at provisioning. Raises ValueError: too long."""
        most = _MOST_TEXT if room >= 0 else _MOST_TOLD
        if len(text.encode()) > most:
            raise ValueError("a text has at most %d bytes" % most)
        self.queue(Text(text, room).body())

    def run_once(self, awake_ms: int = 20000) -> None:
        """Read every sensor once, send, then sleep deeply until the next is due. What is unsent is kept."""
        end = self.clock.now() + awake_ms
        self.step(0)
        while self.pending() and self.clock.now() < end:
            self.step(min(1000, end - self.clock.now()))
        self._sleep()

    # The loop

    def pending(self) -> bool:
        """Whether something still waits for the gateway's word."""
        return bool(self.waiting) or self.client.open is not None

    def step(self, wait_ms: int) -> None:
        """Read what is due, send what is ready, wait for a datagram, at most `wait_ms`."""
        now = self.clock.now()
        readings = self.sensors.read(now)
        if readings:
            self.post(readings)
        self._pump(now)
        data = self.link.receive(self._pause(now, wait_ms))
        now = self.clock.now()
        if data:
            self.client.receive_datagram(data, self.link.addr, now)
        self.client.handle_timer(now)
        self._pump(now)

    def _pause(self, now: int, wait_ms: int) -> int:
        asks = self.commands.next_due() if self.commands is not None else None
        for due in (self.client.next_deadline(), self.sensors.next_due(), asks):
            if due is not None:
                wait_ms = min(wait_ms, due - now)
        return max(0, wait_ms)

    def queue(self, values: "Any", path: str = "") -> None:
        """Something waits to be sent. A full buffer lets its oldest go; what has a path is not counted there."""
        on_its_way = 1 if self.greeted and self.client.open is not None else 0
        loose = [i for i in range(on_its_way, len(self.waiting)) if self.waiting[i].path in "rm"]
        if not path and len(loose) + on_its_way >= max(self.config.buffer, on_its_way + 1):
            self._let_go(loose[0])
            self.dropped += 1
        self.waiting.append(Waiting(values, self.clock.now(), None, path))

    def answers(self, id: int) -> bool:
        """Whether the result of that item waits."""
        return bool([one for one in self.waiting if one.path == "c" and one.values[0] == id])

    def _pump(self, now: int) -> None:
        while True:
            event = self.client.next_event()
            if event is None and self._reserve and now >= self._reserve_ms:
                event, self._reserve = self._reserve, None
            if event is not None:
                self._happened(event, now)
            elif not self._send_next(now):
                break
        for data, _ in self.client.datagrams_to_send(now):
            self.link.send(data)

    def _send_next(self, now: int) -> bool:
        """Hand the client the next request, once it has told what became of the last one."""
        if self.client.open is not None:
            return False
        if not self.greeted:
            self.client.post("h", lambda now: self._hello(), now)
        elif self.commands is None or not self.commands.send(now):
            if not self.waiting:
                return False
            gc.collect()
            first = self.waiting[0]
            if first.seq is None:
                self.count_dropped(first)
                # What stands in flash must be known again should it be sent after a reset.
                if self.kept and not self.stash(now):
                    self.kept = 0
                    self.store.forget()
            if first.path == "d":
                self._told().describe(now, first.seq)
            else:
                self.client.post(first.path, first.body, now, first.seq)
        return True

    def _happened(self, event: "Any", now: int) -> None:
        if isinstance(event, Reserve):
            if self.save("counter", event.limit):
                self.client.reserved(event.limit, now)
            else:
                self._reserve = event
                self._reserve_ms = now + _FLASH_AGAIN_MS
        elif isinstance(event, Rekeyed):
            self.save("context", self._check + event.extra)
        else:
            self._concluded(event, now)

    def _concluded(self, event: Delivered, now: int) -> None:
        """Of hello, of waiting[0], or of a question, which alone has no seq."""
        good = event.code >> 5 == 2
        answer = self._answer(event.payload, now) if good else Answer()
        if event.path == "h":
            self._welcome()
        elif event.seq is not None and (event.path != "d" or self._told().described(event.code)):
            self._let_go(0)
            if good:
                self.delivered += 1
            else:
                self.refused += 1
                print("refused by the gateway: %d.%02d" % (event.code >> 5, event.code & 31))
        # Only now: the state can be stored, and what this answer is about waits no more.
        if self.commands is not None or answer.item is not None or answer.more:
            self._told().receive(answer, event.seq is None, now)

    def _welcome(self) -> None:
        self.greeted = True
        if self.fresh:
            self.fresh = False
            if not self.kept:
                self.store.forget()  # if it could not be read, it may name seqs that come again from here on
            counter = self.client.counter
            self.save("counter", max(counter.limit, counter.next))

    def _answer(self, payload: bytes, now: int) -> Answer:
        try:
            answer = read_answer_untrusted(payload)
        except WireError:
            return Answer()
        if answer.time_s is not None:
            self._time_ms = answer.time_s * 1000 - now
        if answer.highest is not None:
            self.client.counter.skip_below(answer.highest + 1)
        return answer

    # What outlives a reset

    def _begin(self, state: "dict[str, Any] | None") -> None:
        config = self.config
        known = state is not None and state["enrolment"] == config.enrolment
        if known and state is not None:
            self.state = state
        else:
            # First start, or the counter is lost: Appendix B.2 makes a fresh key, hello tells where to go on.
            # Until that answer nothing is stored: a reset before it begins anew, under yet another key.
            self.state = {"enrolment": config.enrolment, "counter": 1, "command": 0, "context": b""}
            self.greeted = False
        self.fresh = not known
        keys = Keys(config.secret, node_id(config.node), b"", aead)
        # What Appendix B.2 made belongs to one secret: after a rotation it is void, while the counter goes on.
        self._check: "bytes" = sha256(config.secret)[:2]
        kept = self.state["context"]
        extra = kept[2:] if kept[:2] == self._check else b""
        counter = Counter(self.state["counter"], self.store.step)
        endpoint = Endpoint(self.random, Parameters(ack_timeout_ms=config.ack_timeout_ms))
        pauses = (config.ack_timeout_ms, 300000)
        make = Client
        if config.security:
            make = config.security.client
        elif config.observe:
            from comatrix_node import observing

            make = observing.ObservingClient
        self.client: "Client" = make(endpoint, self.link.addr, keys, counter, extra if known else None, pauses)

    def _sleep(self) -> None:
        now = self.clock.now()
        due = self.sensors.next_due() or now + self.config.interval_s * 1000
        pause = min(max(1000, due - now), LONGEST_SLEEP_MS)
        self.stash(now + pause)
        self.link.close()
        from comatrix_node import power

        power.deep_sleep(pause)

    def stash(self, wake: int) -> bool:
        """Keep what is unsent in flash, until the clock after a deep sleep would say `wake`; whether all is safe."""
        if not self.waiting:
            return True
        from comatrix_node import shelf  # only nodes that sleep need it in memory

        return shelf.stash(self, wake)

    def count_dropped(self, item: Waiting) -> None:
        """Let it tell how many were given up before it."""
        if self.dropped and isinstance(item.values, dict) and len(item.values) < _MOST_READINGS:
            item.values[DROPPED] = item.values.get(DROPPED, 0) + self.dropped
            self.dropped = 0

    def _let_go(self, i: int) -> None:
        """A record is no longer waited for."""
        self.waiting.pop(i)
        if i < self.kept:
            self.kept -= 1
            if not self.kept:
                self.store.forget()

    def _unstash(self) -> None:
        data = self.store.kept()
        if data:
            from comatrix_node import shelf

            shelf.take_up(self, data)
