"""A scenario from its first millisecond to its last: builds nodes, links and gateway, and lets things go wrong."""

import asyncio
import gc
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from comatrix_lora.medium.randomness import Stream

from comatrix.gateway.edges.store import contexts, mailbox, nodes, rooms
from comatrix.gateway.model import Node as NodeRow
from comatrix.gateway.provisioning import configuration
from comatrix.gateway.sim.board import Board
from comatrix.gateway.sim.books import Books
from comatrix.gateway.sim.edge import AirEdge, Send
from comatrix.gateway.sim.gateway import SimGateway, open_store
from comatrix.gateway.sim.homeserver import ALIAS, ROOM, SimHomeserver
from comatrix.gateway.sim.link import Counts, Direction
from comatrix.gateway.sim.scenario import CommandPlan, FaultPlan, NodePlan, Scenario
from comatrix.gateway.sim.virtual_time import VirtualLoop, run
from comatrix.gateway.uplink.associations import Address

STEP_MS = 5_000  # of progress, and of _freeze
MEMORY_DISK = Path("/dev/shm")
Progress = Callable[[int, Books], None]  # virtual ms


@dataclass(slots=True)
class Outcome:
    """What is left when the run is over."""

    scenario: Scenario
    seed: int
    books: Books
    links: dict[str, Counts]
    positions: list[tuple[float, float]]
    commands: list[dict[str, Any]] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    dropped: int = 0
    duplicates: int = 0
    restarts: int = 0
    requests: int = 0


def simulate(scenario: Scenario, seed: int | None = None, progress: Progress = lambda now_ms, books: None) -> Outcome:
    """Runs it. `progress` is called every 5 virtual seconds. Leaves nothing behind."""
    chosen = scenario.whole.seed if seed is None else seed
    with ExitStack() as stack:
        place = MEMORY_DISK if MEMORY_DISK.is_dir() else None  # what a disk costs is not simulated
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="comatrix-sim-", dir=place)))
        stack.callback(gc.unfreeze)
        return run(lambda loop: _Simulation(scenario, chosen, folder, loop, progress).play())


class _Simulation:
    def __init__(self, scenario: Scenario, seed: int, folder: Path, loop: VirtualLoop, progress: Progress) -> None:
        self._scenario = scenario
        self._seed = seed
        self._database = folder / "gateway.db"
        self._loop = loop
        self._progress = progress
        self._clocks = loop.clocks()
        whole = scenario.whole
        self._books = Books(loop.now_ms, whole.late_after_ms)
        self._end_ms = whole.duration_ms + whole.drain_ms
        self._homeserver = SimHomeserver(self._clocks.wall_ms, self._books.posted)
        self._lives = Stream(seed, "gateway")
        self._to_nodes: dict[Address, Send] = {}
        self._edge: AirEdge | None = None
        self._gateway: SimGateway | None = None
        self._out = Outcome(scenario, seed, self._books, {name: Counts() for name in scenario.links}, [])
        self._boards: list[Board] = []

    async def play(self) -> Outcome:
        self._provision()
        await self._start_gateway()
        errands = [asyncio.ensure_future(self._fail(one)) for one in self._scenario.faults]
        errands += [asyncio.ensure_future(self._type(one)) for one in self._scenario.commands]
        await self._pass_time()
        for one in errands:
            one.cancel()
        await asyncio.gather(*errands, return_exceptions=True)
        return await self._finished()

    # The nodes

    def _provision(self) -> None:
        """As `comatrix room` and `comatrix node add` do it, on the database."""
        secrets = Stream(self._seed, "secrets")
        with open_store(self._database, self._clocks.wall_ms(), self._lives) as store:
            room = store.write(lambda connection: rooms.add(connection, ROOM, ALIAS))
            for plan in self._scenario.nodes:
                secret = b"".join(secrets.bits64().to_bytes(8, "big") for _ in range(2))

                def add(connection: Any, plan: NodePlan = plan, secret: bytes = secret) -> NodeRow:
                    node = nodes.add(
                        connection, plan.name, room.id, now_ms=self._clocks.wall_ms(), security="oscore", post=plan.post
                    )
                    contexts.add(connection, node.number, "u", secret)
                    return node

                self._add_board(plan, store.write(add), secret)

    def _add_board(self, plan: NodePlan, row: NodeRow, secret: bytes) -> None:
        number, books, loop = row.number, self._books, self._loop
        addr: Address = (0, (f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 5683))
        link, counts = self._scenario.links[plan.link], self._out.links[plan.link]
        dice = Stream(self._seed, "node", number)

        def at(ms: int, call: Callable[[], None]) -> asyncio.TimerHandle:
            return loop.call_at(ms / 1000, call)

        def to_gateway(data: bytes) -> None:
            books.note("up", number, data)
            if self._edge is not None:
                self._edge.arrived(data, addr)

        def to_node(data: bytes) -> None:
            books.note("down", number, data)
            board.arrived(data)

        up = Direction(link, Stream(self._seed, "up", number), counts, at, to_gateway)
        down = Direction(link, Stream(self._seed, "down", number), counts, at, to_node)
        board = Board(
            plan,
            configuration(row, secret, "10.0.0.1:5683", max(1, plan.interval_ms // 1000), observe=plan.observe)
            | {"poll_s": plan.poll_ms // 1000},
            dice,
            now_ms=loop.now_ms,
            at=at,
            send=lambda data: up.carry(data, loop.now_ms()),
            measured=lambda count, at_ms: books.measured(number, count, at_ms),
            tellable=any(one.node == plan.name for one in self._scenario.commands),
            until_ms=self._scenario.whole.duration_ms,
        )
        self._to_nodes[addr] = lambda data: down.carry(data, loop.now_ms())
        self._boards.append(board)
        self._out.positions.append(_scattered(plan, Stream(self._seed, "place", number)))
        at(dice.below(plan.interval_ms), board.wake)

    # The gateway

    async def _start_gateway(self) -> None:
        self._edge = AirEdge(self._to_nodes, self._loop.now_ms)
        self._gateway = await SimGateway.start(
            self._database,
            self._homeserver,
            self._edge,
            self._clocks,
            self._lives,
            stored=lambda record: None,
            tell=self._tell,
        )

    async def _stop_gateway(self) -> None:
        gateway, self._gateway, self._edge = self._gateway, None, None
        if gateway is not None:
            self._out.duplicates += gateway.receiver.duplicates
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
            _freeze()
            self._progress(now_ms, self._books)
            await asyncio.sleep(min(STEP_MS, self._end_ms - now_ms) / 1000)
        self._progress(self._end_ms, self._books)

    async def _finished(self) -> Outcome:
        await self._stop_gateway()
        out = self._out
        out.requests = self._homeserver.requests
        out.dropped = sum(board.dropped for board in self._boards)
        with open_store(self._database, self._clocks.wall_ms(), self._lives) as store:
            out.commands = store.read(_commands)
        return out


def _freeze() -> None:
    """The firmware collects garbage before each request, as a board with little memory must. Here that would look
    through everything alive each time: what lives now is set aside, so that only what is newer is looked through."""
    gc.collect()
    gc.freeze()


def _scattered(plan: NodePlan, dice: Stream) -> tuple[float, float]:
    east, north = plan.position
    return (
        east + plan.spread * (dice.chance() - 0.5),
        north + plan.spread * (dice.chance() - 0.5),
    )


def _commands(connection: Any) -> list[dict[str, Any]]:
    found = [mailbox.by_number(connection, row[0]) for row in connection.execute("SELECT number FROM command")]
    return [
        {"number": one.number, "node": one.new.node, "said": one.new.order.shown, "state": one.state}
        for one in found
        if one
    ]
