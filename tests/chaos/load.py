"""Many OSCORE nodes in one event loop, each with a socket of its own behind a bad link."""

import asyncio
import random
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from comatrix.codec.records import Readings, encode
from comatrix.gateway.aead import aead
from comatrix.session.client import Client, Delivered, Refused, Rekeyed, Reserve
from comatrix.session.counter import Counter
from comatrix.session.endpoint import Endpoint
from comatrix.session.exchange import Parameters
from comatrix.session.keys import UDP, Keys, node_id
from tests.chaos.ledger import Ledger, Values
from tests.chaos.link import Air, Counts, Weather
from tests.chaos.nonces import NonceWatch
from tests.chaos.obeying import Deeds, Obeying, PowerFailure

COUNTER_STEP = 16
ENROLMENT = 1
STRANGER_S = 2.0
SELDOM_S = 2.0
SHARE_FORGETFUL = 0.25  # of resets: what the keys' state was is lost too
CAPTURED = 400  # datagrams kept to be sent again
PARAMETERS = Parameters(ack_timeout_ms=150, max_retransmit=2, response_wait_ms=1500)
RETRY_MS = (150, 600)  # a node is in a hurry here, or a restart would be measured by its patience
SHARE_OF_CLOCKS = 0.05  # requests that ask for the time: answered under counters of the gateway's own


@dataclass(slots=True)
class Flash:
    """What a node keeps through a reset."""

    counter: int = 1
    extra: bytes = b""


@dataclass(frozen=True, slots=True)
class Captured:
    """A request that was acknowledged, with whose it is and under which context."""

    node: int
    context: bytes
    data: bytes


class Stranger(asyncio.DatagramProtocol):
    """Sends a captured datagram; what comes back is listened to as if the node had got it."""

    def __init__(self, watch: NonceWatch, captured: Captured) -> None:
        self._watch = watch
        self._captured = captured

    def datagram_received(self, data: bytes, addr: object) -> None:
        self._watch.to_stranger(self._captured.node, self._captured.context, self._captured.data, data)

    def error_received(self, exc: Exception) -> None:
        """The gateway is not there."""


class LoadNode(asyncio.DatagramProtocol):
    """One node: sends the next reading `pause_s` (on average) after the last was acknowledged, and obeys."""

    obeying: Obeying | None = None  # most have nothing they could be told

    def __init__(self, number: int, secret: bytes, load: "Load", pause_s: float, generator: random.Random) -> None:
        self.number = number
        self._load = load
        self._pause_s = pause_s
        self._random = generator
        self._keys = Keys(secret, node_id(number), b"", aead)
        self._flash = Flash()
        self._timer: asyncio.TimerHandle | None = None
        self._transport: asyncio.DatagramTransport | None = None
        self._values: dict[int, int] = {}
        self._last = b""  # what the answer being waited for would answer
        self._next_s = 0.0
        self._up = Air(load.weather, generator, load.counts)
        self._down = Air(load.weather, generator, load.counts)
        self._client = self._booted(b"")

    def _booted(self, extra: bytes | None) -> Client:
        endpoint = Endpoint(self._random.randrange, PARAMETERS)
        counter = Counter(self._flash.counter, COUNTER_STEP)
        return Client(endpoint, "gateway", self._keys, counter, extra, RETRY_MS)

    async def open(self, gateway: tuple[str, int]) -> None:
        """Connect the socket; nothing is sent yet."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, remote_addr=gateway)

    def error_received(self, exc: Exception) -> None:
        """The gateway is not there: like a radio, we do not mind."""

    def datagram_received(self, data: bytes, addr: object) -> None:
        self._load.watch.from_gateway(self.number, data)
        life = self._load.life
        for delay_s, copy in self._down.fly(data):
            asyncio.get_running_loop().call_later(delay_s, self._arrived, copy, life)

    def close(self) -> None:
        """Stop and close the socket."""
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None:
            self._transport.close()

    def reset(self, *, forgets_keys: bool) -> None:
        """Power off and on: only what is in flash is left. `forgets_keys`: it begins with Appendix B.2."""
        self._client = self._booted(None if forgets_keys else self._flash.extra)
        if self.obeying is not None:
            self.obeying.reset(forgets=forgets_keys)
        self.step()

    @property
    def idle(self) -> bool:
        """Whether nothing waits for an answer."""
        return self._client.open is None and (self.obeying is None or self.obeying.idle)

    def step(self, life: int | None = None) -> None:
        """Do what is due, send what is ready, set the timer."""
        now = _now_ms()
        client = self._client
        client.handle_timer(now)
        try:
            self._take_events(now, life)
        except PowerFailure:
            self.reset(forgets_keys=self._random.random() < SHARE_FORGETFUL)
            return
        if client.open is None and self._begins(client, now):
            self._take_events(now, life)
        self._note()
        for data, _ in client.datagrams_to_send(now):
            self._transmit(data)
        self._arm(now)

    def _begins(self, client: Client, now: int) -> bool:
        """Whether there is something to say, which is open then."""
        if self.obeying is not None and self.obeying.send(client, now):
            return True
        due = self._load.talking and time.monotonic() >= self._next_s
        if due:
            self._say(now)
        return due

    def _say(self, now: int) -> None:
        if self._random.random() < SHARE_OF_CLOCKS:
            self._client.get("t", now)
            return
        self._values = {0: self._random.randrange(-4000, 8500), 1: self._random.randrange(1001)}
        body = encode(Readings(self._values))
        self._client.post("r", lambda _now: body, now)

    def _note(self) -> None:
        """What is about to leave is a measurement from now on."""
        request = self._client.open
        if request is not None and request.path == "r" and request.seq is not None:
            self._load.ledger.measured[self.number, ENROLMENT, request.seq] = decimals(self._values)

    def _take_events(self, now: int, life: int | None) -> None:
        while (event := self._client.next_event()) is not None:
            if isinstance(event, Refused):
                self._load.ledger.refused.append(
                    f"node {self.number}: {event.path} {event.code >> 5}.{event.code & 31:02}"
                )
            elif isinstance(event, Delivered):
                self._delivered(event, life)
            elif isinstance(event, Reserve):
                self._flash.counter = event.limit
                self._client.reserved(event.limit, now)
            elif isinstance(event, Rekeyed):
                self._flash.extra = event.extra
                self._load.rekeyed += 1
            self._next_s = time.monotonic() + self._random.uniform(0, 2 * self._pause_s)

    def _delivered(self, event: Delivered, life: int | None) -> None:
        if event.path == "r":
            assert event.seq is not None
            self._load.acknowledged(self.number, event.seq, life)
            self._load.capture(Captured(self.number, self._client.context.id_context or b"", self._last))
        if self.obeying is not None:
            self.obeying.delivered(event, self._client)

    def _transmit(self, data: bytes) -> None:
        client = self._client
        context = client.first or _named(client.candidate) or client.context.id_context or b""
        self._load.watch.from_node(self.number, self._keys, context, data)
        self._last = data
        for delay_s, copy in self._up.fly(data):
            self._load.took_off()
            asyncio.get_running_loop().call_later(delay_s, self._send_raw, copy)

    def _send_raw(self, data: bytes) -> None:
        self._load.landed()
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(data)

    def _arrived(self, data: bytes, life: int) -> None:
        self._client.receive_datagram(data, "gateway", _now_ms())
        self.step(life)

    def _arm(self, now: int) -> None:
        if self._timer is not None:
            self._timer.cancel()
        deadline = self._client.next_deadline()
        if deadline is not None:
            delay_s = max(0, deadline - now) / 1000
        elif self._client.open is None and self._load.talking:
            delay_s = max(0.0, self._next_s - time.monotonic())
        else:
            return
        self._timer = asyncio.get_running_loop().call_later(delay_s + 0.001, self.step)


class Load:
    """All nodes. `life` counts the gateway's starts, so that an answer is known to come from the present one.

    `told`: how many of them obey; the last of those is in no hurry, so that commands to it grow old."""

    def __init__(
        self, secrets: Sequence[tuple[int, bytes]], weather: Weather, seed: object, pause_s: float = 0.1, told: int = 0
    ) -> None:
        self.weather = weather
        self.known = secrets
        self.ledger = Ledger()
        self.watch = NonceWatch()
        self.deeds = Deeds()
        self.watch.overheard = self.deeds.overhear
        self.counts = Counts()
        self.captured: deque[Captured] = deque(maxlen=CAPTURED)
        self._gateway = ("", 0)
        self.talking = False
        self.life = 0
        self.rekeyed = self.replayed = 0
        self._flying = 0  # datagrams on their way to the gateway, stragglers of seconds among them
        self.air_is_empty = asyncio.Event()
        self.air_is_empty.set()
        self.on_acknowledged: Callable[[int], None] = _nobody  # told the life that sent the answer
        self._random = random.Random(f"{seed}/load")
        self.nodes = [
            LoadNode(
                number, secret, self, SELDOM_S if at == told - 1 else pause_s, random.Random(f"{seed}/node {number}")
            )
            for at, (number, secret) in enumerate(secrets)
        ]
        for node in self.nodes[:told]:
            node.obeying = Obeying(self.deeds, random.Random(f"{seed}/obeying {node.number}"))

    async def open(self, gateway: tuple[str, int]) -> None:
        """Open the sockets."""
        self._gateway = gateway
        for node in self.nodes:
            await node.open(gateway)

    def talk(self, talking: bool) -> None:
        """Begin to send readings, or stop after those already open."""
        self.talking = talking
        for node in self.nodes:
            node.step()

    def took_off(self) -> None:
        """A datagram is on its way."""
        self._flying += 1
        self.air_is_empty.clear()

    def landed(self) -> None:
        """It came to its end."""
        self._flying -= 1
        if not self._flying:
            self.air_is_empty.set()

    def close(self) -> None:
        """Close the sockets."""
        for node in self.nodes:
            node.close()

    def acknowledged(self, node: int, seq: int, life: int | None) -> None:
        """An authenticated 2.04 came."""
        self.ledger.acknowledge((node, ENROLMENT, seq))
        if life is not None:
            self.on_acknowledged(life)

    def capture(self, captured: Captured) -> None:
        """Keep some of what was acknowledged, from every life."""
        if self._random.random() < 0.2:
            self.captured.append(captured)

    def reset_one(self) -> None:
        """One node loses power; one in four of them has lost its keys' state too."""
        self._random.choice(self.nodes).reset(forgets_keys=self._random.random() < SHARE_FORGETFUL)

    async def replay_some(self, count: int) -> None:
        """Somebody sends captured datagrams again, each from a port of its own."""
        loop = asyncio.get_running_loop()
        for one in self._random.sample(list(self.captured), min(count, len(self.captured))):
            transport, _ = await loop.create_datagram_endpoint(
                lambda one=one: Stranger(self.watch, one),  # type: ignore[misc]
                remote_addr=self._gateway,
            )
            transport.sendto(one.data)
            loop.call_later(STRANGER_S, transport.close)
        self.replayed += count


def decimals(values: dict[int, int]) -> Values:
    """Temperature in hundredths and humidity in tenths, as a room shows them."""
    return f"{values[0] / 100:.2f}", f"{values[1] / 10:.1f}"


def _named(candidate: bytes | None) -> bytes:
    """The ID Context that Appendix B.2 is about to make, as it will be called once adopted."""
    return b"" if candidate is None else UDP + candidate


def _now_ms() -> int:
    return int(time.monotonic() * 1000)


def _nobody(_life: int) -> None:
    return
