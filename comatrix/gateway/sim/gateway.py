"""The gateway under simulation: store, receiver, poster, desk and room watch, wired as `comatrix.gateway.app` does.

Left out: sockets and serial ports (edge.AirEdge and lora_gateway stand there), the control socket, `secrets.toml`,
the operator's room, the application service, and the rooms' state events of nodes."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from comatrix_lora.medium.randomness import Stream

from comatrix.gateway.aead import aead
from comatrix.gateway.clock import Clocks
from comatrix.gateway.commanding import Commanding, open_commanding
from comatrix.gateway.config.settings import HomeserverSettings, Settings
from comatrix.gateway.directory import Directory
from comatrix.gateway.edges.matrix import MatrixClient
from comatrix.gateway.edges.poster import Poster
from comatrix.gateway.edges.receiver import Receiver, Seen
from comatrix.gateway.edges.room_watch import Pause, RoomWatch
from comatrix.gateway.edges.store import heard
from comatrix.gateway.edges.store.delivery import Delivery
from comatrix.gateway.edges.store.store import Store
from comatrix.gateway.model import NewRecord
from comatrix.gateway.receiving import rates_of, start_receiving
from comatrix.gateway.room_news import RoomNews
from comatrix.gateway.sim.edge import AirEdge
from comatrix.gateway.sim.homeserver import SimHomeserver
from comatrix.gateway.sim.lora_gateway import GatewayRadios, LoraLife, start_lora
from comatrix.gateway.sim.real_homeserver import RealHomeserver
from comatrix.gateway.speaking import speaking_as_bot
from comatrix.gateway.upgrades import Upgrades
from comatrix.gateway.uplink.associations import Associations
from comatrix.gateway.uplink.lora_contexts import LoraContexts
from comatrix.gateway.uplink.rendering import event_content


class SimGateway:
    """One life of the gateway: from `start` until `kill`, which keeps what is on disk."""

    def __init__(
        self,
        store: Store,
        matrix: MatrixClient,
        receiver: Receiver,
        edge: AirEdge,
        lora: LoraLife | None,
        tasks: list[asyncio.Task[None]],
    ) -> None:
        self.store = store
        self.receiver = receiver
        self._lora = lora
        self._matrix = matrix
        self._edge = edge
        self._tasks = tasks

    @classmethod
    async def start(
        cls,
        database: Path,
        homeserver: SimHomeserver | RealHomeserver,
        edge: AirEdge,
        clocks: Clocks,
        stream: Stream,
        *,
        radios: GatewayRadios | None = None,
        tell: Callable[[str], None],
    ) -> "SimGateway":
        """`tell(line)`: what the operator would read. `radios` None: nothing is on LoRa."""
        account = homeserver.account
        user, device = account.user_id, account.device_id
        settings = Settings(homeserver=HomeserverSettings(url=homeserver.base_url, user=user))
        now_ms = clocks.wall_ms
        matrix = MatrixClient(homeserver.base_url, account.access_token, user, device, caller=homeserver, now_ms=now_ms)
        store = open_store(database, now_ms(), stream)
        associations = Associations(aead, stream.below, frozenset())
        contexts = None if radios is None else LoraContexts(aead)
        directory = Directory(store, associations, contexts)
        speaking = speaking_as_bot(matrix)
        timezone = ZoneInfo(settings.gateway.timezone)
        poster = Poster(
            Delivery(store, sender=user, device=device),
            matrix,
            now_ms=now_ms,
            wait=partial(_wait_until, now_ms),
            tell=tell,
            random=stream.below,
            timezone=timezone,
            render=lambda *given, **how: event_content(*given, **how, sealed_ms=now_ms()),
            voices=speaking.voices,
            ours=speaking.ours,
            dedupe=settings.homeserver.dedupe,
        )
        store.listen(tell)
        seen: Seen = {}

        def changed(node: int) -> None:
            directory.changed("node", node)
            poster.reload()

        commanding = await open_commanding(
            settings,
            store,
            directory,
            matrix,
            voice=lambda: poster.voice,
            whose=speaking.intake.whose,
            seen=lambda node: seen[node][0] if node in seen else None,
            sealed=poster.sealed,
            changed=changed,
            tell=tell,
            air=lambda here: [],
            now_ms=now_ms,
        )
        poster.on_posted(commanding.replying.posted)
        poster.on_posted(commanding.alarming.posted)

        def is_stored(record: NewRecord, row: int) -> None:
            poster.poke()
            commanding.alarming.stored(record)

        receiver = start_receiving(
            settings.limits,
            store,
            associations,
            directory,
            edge,
            stored=is_stored,
            rates=rates_of(settings.limits),
            knock=lambda knock, now: tell(f"knock: {knock.reason}"),
            mail=commanding.mail,
            seen=seen,
            clocks=clocks,
            random=stream.below,
        )
        commanding.mail.on_changed(receiver.observers.changed)
        lora = None
        if radios is not None and contexts is not None:
            lora = await start_lora(
                radios,
                store,
                directory,
                contexts,
                stored=is_stored,
                awaits=lambda node, awaits: poster.await_older(node, awaits=awaits),
                mail=commanding.mail,
                seen=seen,
                clocks=clocks,
                tell=tell,
            )
            commanding.mail.on_changed(lora.receiver.changed)
        work = _work(store, matrix, directory, poster, commanding, clocks, tell)
        tasks = [asyncio.get_running_loop().create_task(one) for one in work]
        return cls(store, matrix, receiver, edge, lora, tasks)

    @property
    def duplicates(self) -> int:
        """Records that came and were there already."""
        return self.receiver.duplicates + (self._lora.receiver.duplicates if self._lora is not None else 0)

    def check(self) -> None:
        """Raises what ended one of its tasks: they run until killed."""
        for task in self._tasks:
            if task.done():
                task.result()

    async def kill(self) -> None:
        """The process is gone. What it had not committed never happened."""
        self._edge.close()
        if self._lora is not None:
            await self._lora.kill()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._matrix.aclose()
        await self.store.aclose()


def open_store(database: Path, now_ms: int, stream: Stream) -> Store:
    """The database, committing in the loop's own thread."""
    return Store.open(
        database, now_ms, threaded=False, token=lambda size: stream.bits64().to_bytes(8, "big").hex()[: 2 * size]
    )


def _work(
    store: Store,
    matrix: MatrixClient,
    directory: Directory,
    poster: Poster,
    commanding: Commanding,
    clocks: Clocks,
    tell: Callable[[str], None],
) -> list[Coroutine[Any, Any, None]]:
    speaking = speaking_as_bot(matrix)
    upgrades = Upgrades(
        matrix,
        store,
        directory,
        now=clocks.monotonic_ms,
        replaced=poster.replaced,
        reload=poster.reload,
        voices_anew=lambda: None,
        tell=tell,
    )
    news = RoomNews(store, directory, upgrades, commanding, reload=poster.reload, watched=poster.watched, tell=tell)
    poster.watched(False)
    pause = Pause()
    matrix.on_reached(pause.cut)
    watch = RoomWatch(
        matrix,
        news,
        now=clocks.monotonic_ms,
        sleep=pause,
        intake=speaking.intake,
        since=store.read(lambda connection: heard.since(connection, speaking.intake.whose)),
        own=speaking.ours,
    )
    return [poster.run(), watch.run(), commanding.replying.run(), commanding.alarming.run()]


async def _wait_until(now_ms: Callable[[], int], until_ms: int) -> None:
    await asyncio.sleep(max(0, until_ms - now_ms()) / 1000)
