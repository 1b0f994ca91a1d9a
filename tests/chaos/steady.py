"""One long life under load: memory and descriptors stay flat once every cache is full.

The gateway remembers up to 16,384 rows, as many datagrams and half as many requests; it grows until then.
"""

import asyncio
import time

from tests.chaos import invariants
from tests.chaos.disk_full import until
from tests.chaos.gateway_process import descriptors, memory_mb
from tests.chaos.kills import check_rooms
from tests.chaos.link import Weather
from tests.chaos.report import Report
from tests.chaos.scene import Scene, Size

NAME = "steady"
SAMPLE_S = 0.25
SHARE_OF_FAULTS = 0.1
FULL = 20_000  # records, by which each cache has met its cap
WARM_UP_S = 240.0
SIZE = Size(nodes=48, rooms=3, pause_s=0.02)
WEATHER = Weather(loss=0.02, burst_begins=0.001, late=0.02, straggling=0)


async def run(scene: Scene, life_s: float, report: Report) -> None:
    """In an opened scene; nodes are reset and old datagrams replayed all along."""
    scene.load.talk(True)
    scene.front.bad = SHARE_OF_FAULTS
    await scene.begin_life()
    await scene.first_answer(20.0)
    report.check(NAME, scene.seed, invariants.it_came_true, await until(lambda: _warm(scene), WARM_UP_S), WARM)
    memory: list[float] = []
    open_files: list[float] = []
    end_s = time.monotonic() + life_s
    while time.monotonic() < end_s and (pid := scene.gateway.pid()) is not None:
        await asyncio.sleep(SAMPLE_S)
        memory.append(memory_mb(pid))
        open_files.append(descriptors(pid))
        if len(memory) % 4 == 0:
            scene.load.reset_one()
            await scene.load.replay_some(5)
    report.check(NAME, scene.seed, invariants.memory_is_flat, memory)
    report.check(NAME, scene.seed, invariants.descriptors_are_flat, open_files)
    await scene.drain()
    report.check(NAME, scene.seed, invariants.all_acknowledged_are_shown, *_books(scene))
    check_rooms(scene, report, NAME)
    report.check(NAME, scene.seed, invariants.no_nonce_seals_two_messages, scene.load.watch.sealed)
    report.check(NAME, scene.seed, invariants.it_ended_well, await scene.gateway.stop())
    report.notes.append(
        f"One life, {len(scene.load.ledger.acknowledged):,} records: in its last {life_s:g} s memory"
        f" {min(memory):.1f}-{max(memory):.1f} MB, {min(open_files):g}-{max(open_files):g} descriptors."
    )


async def _warm(scene: Scene) -> bool:
    return len(scene.load.ledger.acknowledged) > FULL


WARM = f"{FULL:,} records are acknowledged in {WARM_UP_S:g} s"


def _books(scene: Scene) -> tuple[object, object]:
    return scene.load.ledger.acknowledged, scene.rooms.shown
