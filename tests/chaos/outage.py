"""25 hours without the homeserver, which has forgotten every transaction by the time it is back."""

import asyncio
import signal

from tests.chaos import invariants
from tests.chaos.disk_full import until
from tests.chaos.front import Trap
from tests.chaos.homeservers import JournaledHomeserver
from tests.chaos.kills import check_rooms
from tests.chaos.report import Report
from tests.chaos.scene import Scene
from tests.chaos.shifted_clock import ShiftedClock

NAME = "25 hours of outage"
HOUR_S = 3600
HOURS = 25
PATIENCE_S = 20.0
DOUBT = "an event is in doubt when the outage begins"
LOOKED = "what is in doubt is looked for in its room before it is sent again"


async def run(scene: Scene, homeserver: JournaledHomeserver, clock: ShiftedClock, report: Report) -> None:
    """In an opened scene. First an event that is stored and never answered, then one that never arrives."""
    scene.load.talk(True)
    for number, when in enumerate(("after", "before")):
        await scene.begin_life()
        await scene.first_answer(PATIENCE_S)
        await _leave_in_doubt(scene, when, report, dies=number == 0)
        await homeserver.kill()
        if number == 0:
            await scene.begin_life()  # it waits through the outage, and before that it died
        for _ in range(HOURS):
            clock.pass_s(HOUR_S)
            await asyncio.sleep(0.05)
        await homeserver.start()
        await homeserver.control("POST", "forget")
        scene.front.trap = None
        scene.front.down = False
        await asyncio.sleep(2.0)
        await scene.gateway.kill()
    await scene.begin_life()
    drained = await scene.drain()
    report.check(NAME, scene.seed, invariants.it_came_true, scene.front.reads > 0, LOOKED)
    report.check(NAME, scene.seed, invariants.it_came_true, drained, "everything is posted after the outage")
    report.check(
        NAME, scene.seed, invariants.all_acknowledged_are_shown, scene.load.ledger.acknowledged, scene.rooms.shown
    )
    check_rooms(scene, report, NAME)
    report.check(NAME, scene.seed, invariants.no_traceback, scene.gateway.log.read_text(errors="replace"))
    report.counts["25 hours of outage: records acknowledged"] += len(scene.load.ledger.acknowledged)


async def _leave_in_doubt(scene: Scene, when: str, report: Report, *, dies: bool) -> None:
    """The next event gets no answer, having been stored or not; then nothing is reached any more."""

    def spring() -> None:
        scene.front.down = True
        if dies:
            scene.gateway.send(signal.SIGKILL)

    scene.front.trap = trap = Trap(when, 3, spring)

    async def sprung() -> bool:
        return trap.sprung

    report.check(NAME, scene.seed, invariants.it_came_true, await until(sprung), DOUBT)
    if dies:
        await scene.gateway.ended(PATIENCE_S)
