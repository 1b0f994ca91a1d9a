"""A scenario from its first millisecond to its last: builds nodes, links and gateway, and lets things go wrong."""

import asyncio
import gc
import signal
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from comatrix_lora.medium.frame import Reception
from comatrix_lora.medium.randomness import Stream

from comatrix.gateway.demo.interpreter import Interpreter
from comatrix.gateway.edges.store import contexts, mailbox, nodes, rooms
from comatrix.gateway.model import Node as NodeRow
from comatrix.gateway.sim.books import Books
from comatrix.gateway.sim.capture import Capture, names_node
from comatrix.gateway.sim.edge import AirEdge
from comatrix.gateway.sim.firmware import at_ease
from comatrix.gateway.sim.fleet import GATEWAY, Fleet, udp_address
from comatrix.gateway.sim.gateway import SimGateway, open_store
from comatrix.gateway.sim.homeserver import SimHomeserver
from comatrix.gateway.sim.lora_air import LoraAir
from comatrix.gateway.sim.lora_channel import propagation_of
from comatrix.gateway.sim.lora_gateway import GatewayRadios
from comatrix.gateway.sim.programs.board import ending_programs
from comatrix.gateway.sim.real_fleet import RealFleet
from comatrix.gateway.sim.real_homeserver import RealHomeserver
from comatrix.gateway.sim.real_time import RealLoop
from comatrix.gateway.sim.scenario import CommandPlan, FaultPlan, LoraPlan, NodePlan, Scenario
from comatrix.gateway.sim.virtual_time import SimLoop, VirtualLoop, run
from comatrix.gateway.sim.whereabouts import Whereabouts, stored, whereabouts

STEP_MS, REAL_STEP_MS = 5_000, 250  # of progress
MEMORY_DISK = Path("/dev/shm")
Progress = Callable[[int, Books], None]  # virtual ms


@dataclass(slots=True)
class Outcome:
    """What is left when the run is over."""

    scenario: Scenario
    seed: int
    books: Books
    fleet: Fleet
    radios: GatewayRadios | None
    commands: list[dict[str, Any]] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    duplicates: int = 0
    restarts: int = 0
    requests: int = 0
    missing: Whereabouts | None = None  # None: nobody can tell
    real: bool = False  # by the real clock
    lasted_ms: int = 0


def simulate(
    scenario: Scenario,
    seed: int | None = None,
    progress: Progress = lambda now_ms, books: None,
    capture: BinaryIO | None = None,
    homeserver: RealHomeserver | None = None,
    interpreter: Interpreter | None = None,
) -> Outcome:
    """Runs it. `progress` is called every 5 virtual seconds; `capture` is where what was on the air is written.
    `homeserver`: with its room made, in place of the one in memory. `interpreter`: in real time, with nodes on it, to
    the end or SIGINT (`real_time.check` first). Leaves nothing else behind."""
    chosen = scenario.whole.seed if seed is None else seed
    with ExitStack() as stack:
        stack.enter_context(_rare_collections())
        stack.enter_context(at_ease())
        stack.enter_context(ending_programs())
        place = MEMORY_DISK if MEMORY_DISK.is_dir() else None  # what a disk costs is not simulated
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="comatrix-sim-", dir=place)))

        def play(loop: SimLoop) -> Coroutine[Any, Any, Outcome]:
            return _Simulation(scenario, chosen, folder, loop, progress, capture, homeserver, interpreter).play()

        return run(play, VirtualLoop if interpreter is None else RealLoop)


@contextmanager
def _rare_collections() -> Iterator[None]:
    """What a run allocates stays or is freed by itself: looking through all nodes over and over finds little."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(500_000, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


class _Simulation:
    def __init__(
        self,
        scenario: Scenario,
        seed: int,
        folder: Path,
        loop: SimLoop,
        progress: Progress,
        capture: BinaryIO | None,
        real: RealHomeserver | None,
        interpreter: Interpreter | None,
    ) -> None:
        self._scenario = scenario
        self._seed = seed
        self._database = folder / "gateway.db"
        self._loop = loop
        self._progress = progress
        self._clocks = loop.clocks()
        whole = scenario.whole
        self._books = Books(loop.now_ms, whole.late_after_ms)
        self._step_ms = STEP_MS if interpreter is None else REAL_STEP_MS
        self._end_ms = whole.duration_ms + whole.drain_ms
        self._real = real
        if real is not None:
            real.begin(loop.now_ms, self._posted)
        self._homeserver = real or SimHomeserver(self._clocks.wall_ms, self._posted)
        self._lives = Stream(seed, "gateway")
        if interpreter is None:
            self._fleet = Fleet(scenario, seed, loop, self._books)
        else:
            self._fleet = RealFleet(scenario, seed, loop, self._books, folder, interpreter)
            loop.add_signal_handler(signal.SIGINT, self._end)
        self._air, self._radios = self._in_the_air()
        self._gateway: SimGateway | None = None
        self._out = Outcome(scenario, seed, self._books, self._fleet, self._radios, real=interpreter is not None)
        if capture is not None:
            self._record(Capture(capture, GATEWAY))

    async def play(self) -> Outcome:
        try:
            return await self._play()
        finally:
            await self._fleet.stop()

    async def _play(self) -> Outcome:
        self._provision()
        await self._start_gateway()
        errands = [asyncio.ensure_future(self._fail(one)) for one in self._scenario.faults]
        errands += [asyncio.ensure_future(self._type(one)) for one in self._scenario.commands]
        await self._pass_time()
        for one in errands:
            one.cancel()
        await asyncio.gather(*errands, return_exceptions=True)
        return await self._finished()

    def _in_the_air(self) -> tuple[LoraAir | None, GatewayRadios | None]:
        """What LoRa needs, where any link is of that kind."""
        links = self._scenario.links
        if not any(isinstance(link, LoraPlan) for link in links.values()):
            return None, None
        air = LoraAir(self._loop, self._seed, propagation_of(self._scenario.whole))
        radios = GatewayRadios(links, air, Stream(self._seed, "radios"))
        air.sent = self._sent
        return air, radios

    def _record(self, capture: Capture) -> None:
        plans = self._scenario.nodes

        def datagram(number: int, up: bool, data: bytes) -> None:
            capture.datagram(plans[number - 1].link, udp_address(number), up, data, self._loop.now_us())

        def received(reception: Reception) -> None:
            name = reception.receiver.name
            if self._radios is not None and name in self._radios.stations:
                capture.reception(name, reception)
                return
            number = int(name.removeprefix("node/"))
            if reception.frame.sender.name in self._radios_of(number) and names_node(reception.frame.data, number):
                capture.reception(f"nodes of {plans[number - 1].link}", reception)

        self._fleet.on_datagram = datagram
        if self._air is not None:
            self._air.medium.observe(received)

    def _radios_of(self, number: int) -> list[str]:
        assert self._radios is not None
        return [radio.name for radio in self._radios.of_link[self._scenario.nodes[number - 1].link]]

    def _sent(self, radio: str, data: bytes, start_us: int, end_us: int) -> None:
        """A LoRa frame goes on the air."""
        assert self._radios is not None
        self._radios.books.sent(radio, start_us, end_us)
        self._books.note(radio, 0, data)

    def _provision(self) -> None:
        """As `comatrix room` and `comatrix node add` do it, on the database."""
        secrets = Stream(self._seed, "secrets")
        with open_store(self._database, self._clocks.wall_ms(), self._lives) as store:
            room = store.write(lambda connection: rooms.add(connection, self._homeserver.room, self._homeserver.alias))
            for plan in self._scenario.nodes:
                secret = b"".join(secrets.bits64().to_bytes(8, "big") for _ in range(2))

                def add(connection: Any, plan: NodePlan = plan, secret: bytes = secret) -> NodeRow:
                    return self._add(connection, plan, room.id, secret)

                self._fleet.add(plan, store.write(add), secret, self._air, self._radios)

    def _add(self, connection: Any, plan: NodePlan, room: int, secret: bytes) -> NodeRow:
        lora = isinstance(self._scenario.links[plan.link], LoraPlan)
        node = nodes.add(
            connection,
            plan.name,
            room,
            now_ms=self._clocks.wall_ms(),
            security="oscore",
            post=plan.post,
            link="l" if lora else "u",
            listens=lora and not plan.sleep,
        )
        contexts.add(connection, node.number, node.link, secret)
        return node

    # The gateway

    async def _start_gateway(self) -> None:
        self._fleet.edge = AirEdge(self._fleet.to_nodes, self._loop.now_ms)
        self._gateway = await SimGateway.start(
            self._database,
            self._homeserver,
            self._fleet.edge,
            self._clocks,
            self._lives,
            radios=self._radios,
            tell=self._tell,
        )

    async def _stop_gateway(self) -> None:
        gateway, self._gateway, self._fleet.edge = self._gateway, None, None
        if gateway is not None:
            self._out.duplicates += gateway.duplicates
            await gateway.kill()

    def _tell(self, line: str) -> None:
        self._out.told.append(f"{self._loop.now_ms() // 1000} s: {line}")

    # What happens

    async def _fail(self, fault: FaultPlan) -> None:
        await asyncio.sleep(fault.at_ms / 1000)
        if fault.kind == "homeserver-outage":
            self._homeserver.down = True
            await asyncio.sleep(fault.for_ms / 1000)
            self._homeserver.down = False
        elif self._gateway is not None:
            await self._stop_gateway()
            await asyncio.sleep(fault.for_ms / 1000)
            await self._start_gateway()
            self._out.restarts += 1

    async def _type(self, command: CommandPlan) -> None:
        await asyncio.sleep(command.at_ms / 1000)
        verb, _, rest = command.command.partition(" ")
        self._homeserver.say(f"!cx {verb} {command.node} {rest}".rstrip())

    async def _pass_time(self) -> None:
        while (now_ms := self._loop.now_ms()) < self._end_ms:
            if self._gateway is not None:
                self._gateway.check()
            self._fleet.catch_up()
            self._progress(now_ms, self._books)
            await asyncio.sleep(min(self._step_ms, self._end_ms - now_ms) / 1000)
        self._progress(self._end_ms, self._books)

    def _posted(self, event_type: str, content: bytes) -> None:
        self._fleet.catch_up()  # what was posted was measured before
        self._books.posted(event_type, content)

    def _end(self) -> None:
        """Now, or as soon as the loop looks."""
        self._end_ms = self._loop.now_ms()

    async def _finished(self) -> Outcome:
        await self._stop_gateway()
        self._fleet.catch_up()
        out = self._out
        out.lasted_ms = self._end_ms
        out.requests = self._homeserver.requests
        if self._real is not None:
            self._books.read_back(self._real.in_room())
            out.told += [f"not typed: {line}" for line in self._real.unsaid]
        held = self._fleet.held() if self._books.missing() else set()
        for node in self._fleet.lora_nodes.values():
            node.ended()
        if self._radios is not None:
            self._radios.books.close()
        with open_store(self._database, self._clocks.wall_ms(), self._lives) as store:
            out.commands = store.read(_commands)
            if held is not None:
                missing = self._books.missing()
                out.missing = whereabouts(missing, held, store.read(stored) if missing else set())
        return out


def _commands(connection: Any) -> list[dict[str, Any]]:
    found = [
        mailbox.by_number(connection, row[0])
        for row in connection.execute("SELECT number FROM command ORDER BY number")
    ]
    return [
        {"number": one.number, "node": one.new.node, "said": one.new.order.shown, "state": one.state}
        for one in found
        if one
    ]
