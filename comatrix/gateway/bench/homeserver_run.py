"""The whole gateway into a homeserver: readings and events a second, and the memory it takes."""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from comatrix.gateway.aead import aead
from comatrix.gateway.bench.conversation import conversations
from comatrix.gateway.bench.instant_homeserver import InstantHomeserver
from comatrix.gateway.bench.load import Load
from comatrix.gateway.bench.process_figures import cpu_s, rss_mb
from comatrix.gateway.demo.stage import Homeserver, Stage
from comatrix.gateway.errors import GatewayError
from comatrix.session import oscore
from comatrix.session.keys import Keys, node_id

IDLE_S = 2.0
LOOK_S = 0.05
WAVE_S = 0.05
LIMIT_S = 120.0


@dataclass(frozen=True, slots=True)
class Part:
    """One load. `elapsed_s`: from the first reading sent to the last event accepted. `cpu_us`: the gateway's."""

    name: str
    readings: int
    events: int
    elapsed_s: float
    readings_a_second: float
    events_a_second: float
    cpu_us: float


@dataclass(frozen=True, slots=True)
class HomeserverFigures:
    """Both loads, and the gateway's memory before the first node was added and after the last reading was posted."""

    rooms: int
    nodes: int
    parts: list[Part]
    idle_mb: float
    loaded_mb: float


async def measure_instant(rooms: int, nodes: int, each: int, say: Callable[[str], None]) -> HomeserverFigures:
    """As `measure`, into a homeserver that answers at once: what the gateway costs by itself."""
    homeserver = InstantHomeserver()
    await homeserver.start()
    try:
        return await measure(rooms, nodes, each, say, homeserver)
    finally:
        await homeserver.stop()


async def measure(
    rooms: int, nodes: int, each: int, say: Callable[[str], None], homeserver: Homeserver | None = None
) -> HomeserverFigures:
    """`nodes` in `rooms`, all with post = "every", send `each` readings at once, then half as many steadily.

    `homeserver` None: into a real Synapse."""
    with tempfile.TemporaryDirectory(prefix="comatrix-bench-") as folder:
        stage = Stage(Path(folder), say, homeserver=homeserver)
        try:
            await stage.open_homeserver()
            await stage.start_gateway()
            await asyncio.sleep(IDLE_S)
            idle_mb = rss_mb(stage.gateway_pid)
            keys = await provision(stage, rooms, nodes)
            parts = await _parts(stage, keys, each)
            return HomeserverFigures(rooms, nodes, parts, idle_mb, rss_mb(stage.gateway_pid))
        finally:
            await stage.close()


async def _parts(stage: Stage, keys: list[oscore.Context], each: int) -> list[Part]:
    waves = each // 2
    spoken = await asyncio.to_thread(conversations, len(keys), each + waves, keys)
    load = Load(("127.0.0.1", stage.port), spoken)

    async def burst() -> None:
        await asyncio.to_thread(load.run, each)

    async def steady() -> None:
        for _ in range(waves):
            await asyncio.gather(asyncio.to_thread(load.run, 1), asyncio.sleep(WAVE_S))

    try:
        return [
            await _part(stage, "as fast as acknowledged", len(keys) * each, burst),
            await _part(stage, f"one a node each {WAVE_S * 1000:.0f} ms", len(keys) * waves, steady),
        ]
    finally:
        load.close()


async def _part(stage: Stage, name: str, readings: int, send: Callable[[], Awaitable[None]]) -> Part:
    before = await stage.operate("status")
    used_s, begun_s = cpu_s(stage.gateway_pid), time.monotonic()
    await send()
    events = await all_posted(stage, before["records"] + readings) - before["posted"]
    elapsed_s = time.monotonic() - begun_s
    cpu_us = (cpu_s(stage.gateway_pid) - used_s) * 1_000_000 / readings
    return Part(name, readings, events, elapsed_s, readings / elapsed_s, events / elapsed_s, cpu_us)


async def provision(stage: Stage, rooms: int, nodes: int) -> list[oscore.Context]:
    """As `comatrix room create` and `comatrix node add` do -> the nodes' contexts."""
    made = [await stage.create_room(f"bench {number}") for number in range(rooms)]
    keys = []
    for index in range(nodes):
        room = made[index % rooms]["room_id"]
        configuration = await stage.provision(f"n{index + 1}", room, post="every", interval_s=60)
        secret = bytes.fromhex(configuration["secret"])
        keys.append(Keys(secret, node_id(configuration["node"]), b"", aead).context())
    return keys


async def all_posted(stage: Stage, readings: int) -> int:
    """Waits until so many are in their rooms -> events so far. Raises GatewayError."""
    status: dict[str, Any] = {}
    until_s = time.monotonic() + LIMIT_S
    while time.monotonic() < until_s:
        status = await stage.operate("status")
        if status["records"] == readings and not status["waiting"] + status["sealed"]:
            return int(status["posted"])
        await asyncio.sleep(LOOK_S)
    raise GatewayError(f"not all readings were posted within {LIMIT_S:g} s: {status}")
