"""The gateway's disk is full, the gateway is killed and started on it, and one day there is room again."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from tests.chaos import invariants
from tests.chaos.kills import check_rooms, check_wreck
from tests.chaos.report import Report
from tests.chaos.scene import Scene
from tests.chaos.small_disk import SmallDisk

NAME = "disk full"
DISK_BYTES = 24 << 20
PATIENCE_S = 20.0
DEATHS = 3


async def run(scene: Scene, disk: SmallDisk, report: Report) -> None:
    """In an opened scene whose gateway lives on `disk`."""
    ledger, seed = scene.load.ledger, scene.seed
    scene.load.talk(True)
    await scene.begin_life()
    await scene.first_answer(PATIENCE_S)
    await asyncio.sleep(1.5)
    disk.fill()
    await asyncio.sleep(1.0)  # what was under way when it filled up
    acknowledged = set(ledger.acknowledged)
    full = len(acknowledged)
    report.check(NAME, seed, invariants.it_came_true, await until(lambda: _shown(scene, acknowledged)), DRAINS)
    log = scene.gateway.log.read_text(errors="replace")
    report.check(NAME, seed, invariants.it_came_true, "no space left" in log, TOLD)
    for number in range(DEATHS):
        await scene.gateway.kill()
        await check_wreck(scene, report, NAME, number)
        await scene.begin_life()
        await asyncio.sleep(1.0)
        report.check(NAME, seed, invariants.it_came_true, scene.gateway.running, STARTS)
    before = len(ledger.acknowledged)
    report.counts["disk full: records acknowledged while it was"] += before - full
    disk.free()
    freed_s = time.monotonic()
    report.check(NAME, seed, invariants.it_came_true, await until(lambda: _more(scene, before)), RESUMES)
    report.took("first answer after a full disk has room again", time.monotonic() - freed_s)
    await asyncio.sleep(1.0)
    await scene.drain()
    report.check(NAME, seed, invariants.all_acknowledged_are_shown, ledger.acknowledged, scene.rooms.shown)
    check_rooms(scene, report, NAME)
    report.check(NAME, seed, invariants.no_traceback, scene.gateway.log.read_text(errors="replace"))
    report.counts["disk full: records acknowledged before, and after"] += len(ledger.acknowledged)


DRAINS = "what was acknowledged is posted while the disk is full"
TOLD = "the operator is told that the disk is full"
STARTS = "the gateway starts on a full disk"
RESUMES = "nodes are acknowledged again once there is room"


async def _shown(scene: Scene, keys: set[tuple[int, int, int]]) -> bool:
    await scene.homeserver.news(scene.rooms)
    return keys <= {one.key for one in scene.rooms.shown}


async def _more(scene: Scene, before: int) -> bool:
    return len(scene.load.ledger.acknowledged) > before


async def until(condition: Callable[[], Awaitable[bool]], within_s: float = PATIENCE_S) -> bool:
    """Whether it came true in time."""
    end_s = time.monotonic() + within_s
    while not await condition():
        if time.monotonic() > end_s:
            return False
        await asyncio.sleep(0.1)
    return True
