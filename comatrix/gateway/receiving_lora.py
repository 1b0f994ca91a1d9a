"""Wires the LoRa side: radios, hub, ingest, store. Where no radio is configured nothing of it is there."""

import asyncio
import secrets
import sqlite3
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from comatrix_lora.hub import Hub
from comatrix_lora.hub_node import Profile
from comatrix_lora.mac import Mac

from comatrix.codec.records import Command
from comatrix.gateway.clock import monotonic_ms, wall_ms
from comatrix.gateway.config.settings import Settings
from comatrix.gateway.directory import Directory
from comatrix.gateway.downlink.airtime_report import LinkReport
from comatrix.gateway.downlink.costs import Cost
from comatrix.gateway.downlink.items import Item
from comatrix.gateway.edges.lora_receiver import LoraReceiver
from comatrix.gateway.edges.radio.radios import Radios
from comatrix.gateway.edges.receiver import Seen
from comatrix.gateway.edges.store import lora
from comatrix.gateway.edges.store.lora_reception import LoraReception
from comatrix.gateway.edges.store.store import Store
from comatrix.gateway.model import LORA, NewRecord, Node
from comatrix.gateway.uplink.carrying import Mail
from comatrix.gateway.uplink.ingest import Ingest
from comatrix.gateway.uplink.lora_contexts import LoraContexts
from comatrix.gateway.uplink.lora_costs import cost_of, report


@dataclass(frozen=True, slots=True)
class LoraSide:
    """`radios` hear and send what `receiver` decides."""

    radios: Radios
    receiver: LoraReceiver
    directory: Directory

    def reports(self, here: Sequence[Node], started_ms: int) -> list[LinkReport]:
        """A radio each; nodes count at the one that heard them last."""
        told, nodes = self.radios.told(), [node.number for node in here if node.link == LORA]
        levels, now = self.receiver.levels, self.radios.now()
        return [
            report(name, self.radios.stations[name].mac, told[name], levels.heard_best(name, nodes), now, started_ms)
            for name in sorted(told)
        ]

    def cost(self, node: int, item: Item) -> Cost | None:
        """Of a command to a node on LoRa; None for others."""
        found = self.directory.node(node)
        if found is None or found.link != LORA:
            return None
        name = self.receiver.levels.radio_of(node) or min(self.radios.stations)
        return cost_of(self.radios.stations[name].mac, item, self.radios.now())

    def hinders(self, node: int, command: Command) -> str | None:
        """Why a command cannot reach a node; None: it can, or the node is not on LoRa."""
        found = self.directory.node(node)
        return None if found is None or found.link != LORA else self.receiver.hinders(found, command)

    def live(self) -> dict[str, Any]:
        """What only a running gateway knows, for `comatrix status`."""
        receiver = self.receiver
        counts = {
            "received": receiver.received,
            "acknowledged": receiver.acknowledged,
            "duplicates": receiver.duplicates,
            "ignored": receiver.hub.ignored,
            "answers_too_late": receiver.hub.late,
        }
        return {"radios": self.radios.told(), "levels": receiver.levels.told(), "lora": counts}

    async def aclose(self) -> None:
        """Nothing is heard or sent any more."""
        self.receiver.close()
        await self.radios.aclose()


async def start_receiving_lora(
    settings: Settings,
    store: Store,
    directory: Directory,
    contexts: LoraContexts,
    *,
    stored: Callable[[NewRecord, int], None],
    awaits: Callable[[int, bool], None],
    mail: Mail,
    seen: Seen,
    tell: Callable[[str], None],
) -> LoraSide:
    """The radios' ports are opened from now on, also those that are not there yet."""
    tasks: set[asyncio.Task[None]] = set()

    def start(work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    ahead_ms = wall_ms() - monotonic_ms()

    def now() -> int:
        return ahead_ms + monotonic_ms()  # Unix time at the start, and then whatever is done to that clock

    radios = Radios(
        settings.radios, SpentBook(store, settings), now=now, random=secrets.randbelow, tell=tell, start=start
    )

    receiver = await open_receiver(
        store,
        directory,
        contexts,
        radios.macs,
        transmit=radios.transmit,
        random=secrets.randbelow,
        now=now,
        wall_ms=wall_ms,
        start=start,
        stored=stored,
        awaits=awaits,
        mail=mail,
        seen=seen,
        tell=tell,
    )
    await radios.begin(receiver.receive_frame)
    return LoraSide(radios, receiver, directory)


async def open_receiver(
    store: Store,
    directory: Directory,
    contexts: LoraContexts,
    macs: dict[str, Mac],
    *,
    transmit: Callable[[str, bytes], None],
    random: Callable[[int], int],
    now: Callable[[], int],
    wall_ms: Callable[[], int],
    start: Callable[[Coroutine[Any, Any, None]], object],
    stored: Callable[[NewRecord, int], None],
    awaits: Callable[[int, bool], None],
    mail: Mail,
    seen: Seen,
    tell: Callable[[str], None],
) -> LoraReceiver:
    """What stands between radios, whatever they are, and the store; the simulator opens the very same."""
    storage = LoraReception(store)

    def profile(number: int) -> Profile:
        node = directory.node(number)
        assert node is not None, "nobody else has keys"
        return storage.profile(node)

    receiver = LoraReceiver(
        Hub(contexts.peers_of, profile, macs, contexts.counter_of, random=random),
        contexts,
        Ingest(directory.room, directory.next_seq, directory.granted),
        storage,
        directory.node,
        mail,
        transmit=transmit,
        now=now,
        wall_ms=wall_ms,
        start=start,
        stored=stored,
        awaits=awaits,
        refused=lambda node, code: tell(f"node {node.name} said something over LoRa that is not allowed here: {code}"),
        seen=seen,
    )
    found = [directory.node(number) for number in contexts.numbers()]
    await receiver.begin(node for node in found if node is not None)
    return receiver


class SpentBook:
    """What each radio spent, in the database. Another band is another ledger."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._channels = {name: f"{radio.region} {radio.channel_hz}" for name, radio in settings.radios.items()}

    async def save(self, radio: str, spent: bytes) -> None:
        """Raises StoreError."""
        await self._store.run(lambda connection: lora.save_ledger(connection, radio, self._channels[radio], spent))

    def load(self, radio: str) -> bytes | None:
        """As saved last; None: nothing is known of the radio in this band."""

        def look(connection: sqlite3.Connection) -> bytes | None:
            return lora.ledger(connection, radio, self._channels[radio])

        return self._store.read(look)
