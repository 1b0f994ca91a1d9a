"""The nodes of a run as MicroPython processes: sockets and emulated modems between them and the simulated links."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from comatrix_lora.medium.radio import Radio, RadioBusyError, State
from comatrix_lora.medium.randomness import Stream

from comatrix.gateway.demo.interpreter import Interpreter
from comatrix.gateway.demo.modem.air_wire import air_settings, snr_told
from comatrix.gateway.demo.modem.machine import Modem
from comatrix.gateway.demo.modem.pty_runner import PtyModems
from comatrix.gateway.demo.modem.rak3172 import RakModem
from comatrix.gateway.demo.node_process import NodeProcess, lay_out_firmware
from comatrix.gateway.errors import GatewayError
from comatrix.gateway.radio.settings import RadioSettings
from comatrix.gateway.sim.books import Books
from comatrix.gateway.sim.fleet import Fleet, LoraNode, UdpNode
from comatrix.gateway.sim.lora_air import LoraAir
from comatrix.gateway.sim.real_program import measured, program
from comatrix.gateway.sim.scenario import LoraPlan, NodePlan, Scenario
from comatrix.gateway.sim.virtual_time import SimLoop

LAST_WORDS = 500  # characters of what a node printed
Work = Coroutine[Any, Any, None]


class RealFleet(Fleet):
    """Their folders are in `folder`; each starts somewhere in its first interval, and none sleeps deeply."""

    def __init__(
        self, scenario: Scenario, seed: int, loop: SimLoop, books: Books, folder: Path, interpreter: Interpreter
    ) -> None:
        super().__init__(scenario, seed, loop, books)
        self.boards = None
        self._folder = folder
        self._interpreter = interpreter
        self._firmware = folder / "firmware"
        lay_out_firmware(self._firmware)
        self._modems = PtyModems(self, loop.now_ms)
        self._joined: list[LoraProcess] = []
        self._ports: list[UdpProcess] = []
        self._running: dict[int, NodeProcess] = {}
        self._known: dict[int, int] = {}  # readings of a node that the books know
        self._starting: set[asyncio.Task[None]] = set()

    def _udp_node(
        self, number: int, plan: NodePlan, written: dict[str, Any], dice: Stream, send: Callable[[bytes], None]
    ) -> UdpNode:
        port = UdpProcess(send, lambda way: self._start(number, plan, written | way), self._doing)
        self._ports.append(port)
        return port

    def _lora_node(
        self, number: int, plan: NodePlan, written: dict[str, Any], dice: Stream, radio: Radio, air: LoraAir
    ) -> LoraNode:
        place = self._folder / f"modem-{number}"

        def start() -> None:
            self._modems.plug(place, node.modem)
            self._doing(self._start(number, plan, written | {"lora": _serial(written["lora"], place)}))

        node = LoraProcess(radio, air, self._loop, self._modems.turn, start)
        self._joined.append(node)
        return node

    def _doing(self, work: Work) -> None:
        task = self._loop.create_task(work)
        self._starting.add(task)

    async def _start(self, number: int, plan: NodePlan, written: dict[str, Any]) -> None:
        until_ms = self._loop.wall_start_ms + self._scenario.whole.duration_ms
        lora = isinstance(self._scenario.links[plan.link], LoraPlan)
        main = program(plan, until_ms, lora=lora, tellable=self._tellable(plan))
        folder = self._folder / "nodes" / plan.name
        self._running[number] = await NodeProcess.start(self._interpreter, folder, self._firmware, written, main)

    def catch_up(self) -> None:
        """Books know of everything measured so far. Raises GatewayError where a node is gone."""
        for task in [one for one in self._starting if one.done()]:
            self._starting.discard(task)
            task.result()
        for number, process in self._running.items():
            printed = process.output()
            found = list(measured(printed))
            for count, at_ms in found[self._known.get(number, 0) :]:
                self._books.measured(number, count, at_ms - self._loop.wall_start_ms)
            self._known[number] = len(found)
            if not process.running:
                name = self._scenario.nodes[number - 1].name
                raise GatewayError(f"node {name} ended by itself: {printed[-LAST_WORDS:]}", "comatrix sim SCENARIO")

    async def stop(self) -> None:
        """Every process is ended by its id, sockets and terminals are closed."""
        for task in self._starting:
            task.cancel()
        await asyncio.gather(*self._starting, return_exceptions=True)
        self._starting.clear()
        for process in self._running.values():
            await process.stop()
        for port in self._ports:
            port.close()
        self._modems.close()

    # The wire between the modems: the air has a clock of its own, so only how they are set is handed on

    def next_deadline(self) -> int | None:
        """Nothing is due here."""
        return None

    def handle_timer(self, now: int) -> None:
        """Radios are set as their modems were told meanwhile."""
        for node in self._joined:
            node.tune()


class UdpProcess(asyncio.DatagramProtocol):
    """A socket which its process takes for the gateway: what comes there goes on the link, and back.

    `send`: puts a datagram on the link. `start(way)`: work that starts the process, and `doing` does it."""

    def __init__(
        self, send: Callable[[bytes], None], start: Callable[[dict[str, Any]], Work], doing: Callable[[Work], None]
    ) -> None:
        self._send = send
        self._start = start
        self._doing = doing
        self._transport: asyncio.DatagramTransport | None = None
        self._node: tuple[str, int] | None = None

    def wake(self) -> None:
        """Its first moment."""
        self._doing(self._open())

    async def _open(self) -> None:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
        host, port = self._transport.get_extra_info("sockname")[:2]
        await self._start({"gateway": f"{host}:{port}"})

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """The node sent it."""
        self._node = addr
        self._send(data)

    def error_received(self, exc: Exception) -> None:
        """The node is not there: like a radio, we do not mind."""

    def arrived(self, data: bytes) -> None:
        """A datagram for the node."""
        if self._transport is not None and self._node is not None:
            self._transport.sendto(data, self._node)

    def close(self) -> None:
        """The socket."""
        if self._transport is not None:
            self._transport.close()


class LoraProcess:
    """An emulated module on a pseudo terminal, with a radio in the simulated air, and its process at the other end.

    `turn`: the module was told something. `start`: plugs it in and starts the process."""

    def __init__(
        self, radio: Radio, air: LoraAir, loop: SimLoop, turn: Callable[[], None], start: Callable[[], None]
    ) -> None:
        self.modem: Modem = RakModem(self._on_air)
        self.listened_us = 0
        self._radio = radio
        self._air = air
        self._loop = loop
        self._turn = turn
        self._start = start
        self._listens_from_us = loop.now_us()
        air.hear(radio, self._heard, lambda: None)

    def wake(self) -> None:
        """Its first moment."""
        self._start()
        self._listens_from_us = self._loop.now_us()
        self._air.listen(self._radio, True)

    def ended(self) -> None:
        """The run is over: such a module always listens."""
        self.listened_us = self._loop.now_us() - self._listens_from_us

    def tune(self) -> None:
        """The radio is set as the module was told."""
        wanted = air_settings(self.modem)
        if self._radio.settings != wanted and self._radio.state is not State.TRANSMITTING:
            self._air.tune(self._radio, wanted)

    def _on_air(self, frame: bytes, settings: RadioSettings, now: int) -> None:
        self.tune()
        try:
            self._air.transmit(self._radio, frame)
        except RadioBusyError:  # a frame of the module's own making is lost
            return

    def _heard(self, data: bytes, rssi_dbm: int, snr_db: int) -> None:
        self.modem.deliver(data, rssi_dbm, snr_told(10 * snr_db), self._loop.now_ms())
        self._turn()


def _serial(chip: dict[str, Any], port: Path) -> dict[str, Any]:
    """What config.json says of the module in place of a bare chip."""
    kept = ("region", "frequency_hz", "sf", "bandwidth_hz", "coding_rate", "preamble", "power_dbm")
    return {"module": "rak3172", "uart": str(port), **{name: chip[name] for name in kept}}
