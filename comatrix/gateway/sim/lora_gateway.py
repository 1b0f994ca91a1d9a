"""The gateway's LoRa side under simulation: its radios in the simulated air, its receiver as in `receiving_lora`.

Left out: serial ports and radio modules, and with them what a module adds to a frame."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from comatrix_lora.mac import Mac
from comatrix_lora.medium.loss import LossSettings
from comatrix_lora.medium.radio import Radio, State
from comatrix_lora.medium.randomness import Stream

from comatrix.gateway.clock import Clocks
from comatrix.gateway.directory import Directory
from comatrix.gateway.edges.lora_receiver import LoraReceiver
from comatrix.gateway.edges.receiver import Seen
from comatrix.gateway.edges.store.store import Store
from comatrix.gateway.model import NewRecord
from comatrix.gateway.receiving_lora import open_receiver
from comatrix.gateway.sim.air_books import AirBooks
from comatrix.gateway.sim.lora_air import LoraAir
from comatrix.gateway.sim.lora_channel import channel_of, ledger_of, radio_settings
from comatrix.gateway.sim.scenario import AnyLink, LoraPlan
from comatrix.gateway.uplink.carrying import Mail
from comatrix.gateway.uplink.lora_contexts import LoraContexts

OnFrame = Callable[[str, bytes, int, int], None]


@dataclass(slots=True)
class GatewayRadio:
    radio: Radio
    mac: Mac
    unsent: int = 0


class GatewayRadios:
    """All of them; what they hear while the gateway is down is lost. Their ledgers are on its disk: they live on."""

    def __init__(self, links: dict[str, AnyLink], air: LoraAir, stream: Stream) -> None:
        self.random = stream.below
        self._air = air
        self._on_frame: OnFrame | None = None
        self._done: Callable[[], None] = _nothing
        self.stations: dict[str, GatewayRadio] = {}
        self.of_link: dict[str, list[Radio]] = {}
        self.books = AirBooks(set())
        for link, plan in links.items():
            if isinstance(plan, LoraPlan):
                self.of_link[link] = [self._add(name, plan, at, stream) for name, at in _named(link, plan)]
        self.books = AirBooks(set(self.stations))
        air.medium.observe(self.books)

    def _add(self, name: str, plan: LoraPlan, position: tuple[float, float], stream: Stream) -> Radio:
        radio = self._air.radio(name, position, radio_settings(plan))
        self.stations[name] = GatewayRadio(radio, Mac(channel_of(plan), ledger_of(plan), stream.below, True))
        self._air.hear(radio, lambda data, rssi, snr: self._heard(name, data, rssi, snr), lambda: self._done())
        self._air.listen(radio, True)
        return radio

    def connect(self, node: Radio, link: str, plan: LoraPlan) -> None:
        """What the link of a node loses beside what physics does."""
        loss = LossSettings(plan.loss, plan.burst_loss, plan.burst_length)
        for radio in self.of_link[link]:
            self._air.link(node, radio, loss)

    def start(self, on_frame: OnFrame, done: Callable[[], None]) -> None:
        """The gateway lives."""
        self._on_frame, self._done = on_frame, done

    def stop(self) -> None:
        """It is down."""
        self._on_frame, self._done = None, _nothing

    def transmit(self, name: str, data: bytes) -> None:
        """A frame that the mac let go."""
        station = self.stations[name]
        if station.radio.state is State.TRANSMITTING:
            station.unsent += 1  # of a life before: its successor does not know of it
            return
        self._air.transmit(station.radio, data)

    def _heard(self, name: str, data: bytes, rssi_dbm: int, snr_db: int) -> None:
        if self._on_frame is not None:
            self._on_frame(name, data, rssi_dbm, snr_db)


def _named(link: str, plan: LoraPlan) -> list[tuple[str, tuple[float, float]]]:
    if len(plan.radios) == 1:
        return [(link, plan.radios[0])]
    return [(f"{link}-{place}", at) for place, at in enumerate(plan.radios, 1)]


def _nothing() -> None:
    pass


class LoraLife:
    """The receiver of one life of the gateway, and what it has begun."""

    def __init__(self, receiver: LoraReceiver, radios: GatewayRadios, tasks: set[asyncio.Task[None]]) -> None:
        self.receiver = receiver
        self._radios = radios
        self._tasks = tasks

    async def kill(self) -> None:
        """The process is gone."""
        self._radios.stop()
        self.receiver.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def start_lora(
    radios: GatewayRadios,
    store: Store,
    directory: Directory,
    contexts: LoraContexts,
    *,
    stored: Callable[[NewRecord, int], None],
    awaits: Callable[[int, bool], None],
    mail: Mail,
    seen: Seen,
    clocks: Clocks,
    tell: Callable[[str], None],
) -> LoraLife:
    """As `receiving_lora.start_receiving_lora`, with radios in the air instead of at serial ports."""
    tasks: set[asyncio.Task[None]] = set()

    def start(work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    receiver = await open_receiver(
        store,
        directory,
        contexts,
        {name: station.mac for name, station in radios.stations.items()},
        transmit=radios.transmit,
        random=radios.random,
        now=clocks.monotonic_ms,
        wall_ms=clocks.wall_ms,
        start=start,
        stored=stored,
        awaits=awaits,
        mail=mail,
        seen=seen,
        tell=tell,
    )
    radios.start(receiver.receive_frame, receiver.pump)
    return LoraLife(receiver, radios, tasks)
