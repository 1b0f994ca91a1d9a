"""The nodes of a run, each on its board, at its place, on its link."""

from asyncio import TimerHandle
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol, TypeVar

from comatrix_lora.medium.radio import Radio
from comatrix_lora.medium.randomness import Stream

from comatrix.gateway.model import Node as NodeRow
from comatrix.gateway.provisioning import configuration
from comatrix.gateway.sim.board import Board
from comatrix.gateway.sim.books import Books
from comatrix.gateway.sim.edge import AirEdge, Send
from comatrix.gateway.sim.link import Counts, Direction
from comatrix.gateway.sim.lora_air import LoraAir
from comatrix.gateway.sim.lora_board import LoraBoard, configuration_of, drifting
from comatrix.gateway.sim.lora_channel import radio_settings
from comatrix.gateway.sim.lora_gateway import GatewayRadios
from comatrix.gateway.sim.programs.board import LoraProgram, Running, UdpProgram
from comatrix.gateway.sim.programs.finding import find
from comatrix.gateway.sim.scenario import LinkPlan, LoraPlan, NodePlan, Scenario
from comatrix.gateway.sim.virtual_time import SimLoop
from comatrix.gateway.uplink.associations import PlainAddress

B = TypeVar("B", bound=Board)
GATEWAY = "10.255.255.254", 5683
OnDatagram = Callable[[int, bool, bytes], None]  # number of the node, whether it is on its way up, the datagram


class UdpNode(Protocol):
    """A node at the end of a link of datagrams. `wake`: its first moment. `arrived`: a datagram for it."""

    def wake(self) -> None: ...
    def arrived(self, data: bytes) -> None: ...


class LoraNode(Protocol):
    """A node with a radio in the simulated air. `listened_us`: all of it, once it `ended`."""

    listened_us: int

    def wake(self) -> None: ...
    def ended(self) -> None: ...


class Fleet:
    """`edge`: the gateway's end of UDP while it lives. `to_nodes`: how a datagram goes to each address. Positions are
    in the order of the nodes' numbers, in metres east and north."""

    def __init__(self, scenario: Scenario, seed: int, loop: SimLoop, books: Books) -> None:
        self.edge: AirEdge | None = None
        self.to_nodes: dict[PlainAddress, Send] = {}
        self.counts = {name: Counts() for name, link in scenario.links.items() if isinstance(link, LinkPlan)}
        self.positions: list[tuple[float, float]] = []
        self.lora_nodes: dict[int, LoraNode] = {}
        self.boards: dict[int, Board] | None = {}  # None: nodes are elsewhere, and cannot be looked into
        self.programs: dict[int, Running] = {}  # by number: the nodes that run one
        self.on_datagram: OnDatagram = lambda number, up, data: None
        self._scenario = scenario
        self._seed = seed
        self._loop = loop
        self._books = books

    def add(
        self, plan: NodePlan, row: NodeRow, secret: bytes, air: LoraAir | None, radios: GatewayRadios | None
    ) -> None:
        """The next node. Its first reading is somewhere in its first interval."""
        position = _scattered(plan, Stream(self._seed, "place", row.number))
        self.positions.append(position)
        link = self._scenario.links[plan.link]
        dice = Stream(self._seed, "node", row.number)
        if isinstance(link, LinkPlan):
            wake = self._on_udp(plan, link, row, secret, dice).wake
        else:
            assert air is not None and radios is not None, "the scenario has a LoRa link"
            wake = self._on_lora(plan, link, row, secret, dice, position, air, radios).wake
        self._at(dice.below(plan.interval_ms), wake)

    def _tellable(self, plan: NodePlan) -> bool:
        return any(one.node == plan.name for one in self._scenario.commands)

    def _at(self, ms: int, call: Callable[[], None]) -> TimerHandle:
        return self._loop.call_at(ms / 1000, call)

    def _on_lora(
        self,
        plan: NodePlan,
        link: LoraPlan,
        row: NodeRow,
        secret: bytes,
        dice: Stream,
        position: tuple[float, float],
        air: LoraAir,
        radios: GatewayRadios,
    ) -> LoraNode:
        number = row.number
        radio = air.radio(f"node/{number}", position, radio_settings(link))
        drifting(radio, plan, dice)
        radios.connect(radio, plan.link, link)
        written = configuration(row, secret, configuration_of(link), max(1, plan.interval_ms // 1000))
        node = self.lora_nodes[number] = self._lora_node(number, plan, written, dice, radio, air)
        return node

    def _on_udp(self, plan: NodePlan, link: LinkPlan, row: NodeRow, secret: bytes, dice: Stream) -> UdpNode:
        number, books, loop = row.number, self._books, self._loop
        addr: PlainAddress = (0, udp_address(number))

        def to_gateway(data: bytes) -> None:
            books.note("up", number, data)
            self.on_datagram(number, True, data)
            if self.edge is not None:
                self.edge.arrived(data, addr)

        def to_node(data: bytes) -> None:
            books.note("down", number, data)
            self.on_datagram(number, False, data)
            node.arrived(data)

        counts = self.counts[plan.link]
        up = Direction(link, Stream(self._seed, "up", number), counts, self._at, to_gateway)
        down = Direction(link, Stream(self._seed, "down", number), counts, self._at, to_node)
        written = configuration(
            row, secret, f"{GATEWAY[0]}:{GATEWAY[1]}", max(1, plan.interval_ms // 1000), observe=plan.observe
        )
        written["poll_s"] = plan.poll_ms // 1000
        node = self._udp_node(number, plan, written, dice, lambda data: up.carry(data, loop.now_ms()))
        self.to_nodes[addr] = lambda data: down.carry(data, loop.now_ms())
        return node

    # What a node is made of

    def _udp_node(
        self, number: int, plan: NodePlan, written: dict[str, Any], dice: Stream, send: Callable[[bytes], None]
    ) -> UdpNode:
        """`written`: its config.json. `send`: puts a datagram on its link."""
        kind = Board if plan.program is None else UdpProgram
        board = kind(
            plan,
            written,
            dice,
            now_ms=self._loop.now_ms,
            at=self._at,
            send=send,
            measured=lambda count, at_ms: self._books.measured(number, count, at_ms),
            tellable=self._tellable(plan),
            until_ms=self._scenario.whole.duration_ms,
        )
        self._load(number, plan, board)
        return self._noted(number, board)

    def _lora_node(
        self, number: int, plan: NodePlan, written: dict[str, Any], dice: Stream, radio: Radio, air: LoraAir
    ) -> LoraNode:
        """`radio`: its own, in place."""
        kind = LoraBoard if plan.program is None else LoraProgram
        board = kind(
            plan,
            written,
            dice,
            radio,
            air,
            self._loop,
            measured=lambda count: self._books.measured(number, count, self._loop.now_ms()),
            tellable=self._tellable(plan),
            until_ms=self._scenario.whole.duration_ms,
        )
        self._load(number, plan, board)
        return self._noted(number, board)

    def _noted(self, number: int, board: B) -> B:
        if self.boards is not None:
            self.boards[number] = board
        return board

    def held(self) -> set[tuple[int, int]] | None:
        """(node, running number) of the readings that nodes still have when all is over; None: nobody can tell, as
        where a program's readings bear no number."""
        if self.boards is None or self.programs:
            return None
        return {(number, count) for number, board in self.boards.items() for count in board.held()}

    def _load(self, number: int, plan: NodePlan, board: Board) -> None:
        """A node's program on its board, and what will happen at the board's pins. Raises UsageError."""
        if plan.program is None or not isinstance(board, Running):
            return
        found = find(plan.program, plan.board, self._scenario.folder)
        board.runs(found, Stream(self._seed, "hardware", number), self._loop.now_ms)
        self.programs[number] = board
        self._books.expected[number] = board.expected
        for one in self._scenario.inputs:
            if one.node == plan.name:
                found.need(one.pin)
                self._at(one.at_ms, partial(board.put, one.pin, one.value))

    # What nodes outside the loop need: processes, and programs of persons

    def catch_up(self) -> None:
        """Books know of everything measured so far. Raises GatewayError where a node is gone."""
        for board in self.programs.values():
            if board.failed is not None:
                raise board.failed

    async def stop(self) -> None:
        """Nodes are unplugged."""
        for board in self.programs.values():
            board.unplug()


def udp_address(number: int) -> tuple[str, int]:
    """Where a node sends from."""
    return f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 5683


def _scattered(plan: NodePlan, dice: Stream) -> tuple[float, float]:
    east, north = plan.position
    return (
        east + plan.spread * (dice.chance() - 0.5),
        north + plan.spread * (dice.chance() - 0.5),
    )
