"""The gateway dies again and again under load, each time differently, while its nodes and its homeserver suffer too."""

import asyncio
import random
import signal
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field

from tests.chaos import crash, invariants, plans
from tests.chaos.commander import Commander, states_of
from tests.chaos.front import Trap
from tests.chaos.gateway_process import descriptors, memory_mb
from tests.chaos.plans import Plan
from tests.chaos.report import Report
from tests.chaos.scene import Scene

LONGEST_LIFE_S = 2.5
FIRST_ANSWER_S = 20.0
LOOK_EVERY = 10  # lives between two looks at the rooms
ENOUGH_SAMPLES = 16
ENOUGH_STARTS = 10  # the median of fewer says what else the machine did
COMMANDS_S = 90.0
NAME = "kills"


@dataclass(slots=True)
class Kills:
    """One scene with `lives` deaths. `report` gets what was found."""

    scene: Scene
    report: Report
    lives: int
    progress: Callable[[str], None]
    draw: Callable[[random.Random], Plan] = plans.draw
    chance: random.Random = field(init=False)
    _checks: set[asyncio.Task[None]] = field(default_factory=set)
    _memory_mb: list[float] = field(default_factory=list)
    _first_answers_s: list[float] = field(default_factory=list)
    _descriptors: list[float] = field(default_factory=list)
    _over: bool = False
    _step_reached: bool = True

    async def run(self) -> None:
        """All lives, then the comparison of everything acknowledged with everything shown."""
        self.chance = random.Random(f"{self.scene.seed}/kills")
        self.scene.load.talk(True)
        if self.scene.commander is not None:
            await self._greet(self.scene.commander)
        mischief = asyncio.create_task(self._mischief())
        typing = None if self.scene.commander is None else asyncio.create_task(self.scene.commander.type())
        try:
            for number in range(self.lives):
                await self._live(self.draw(self.chance), number)
                if number % LOOK_EVERY == LOOK_EVERY - 1:
                    await self._look()
                self.progress(self._summary())
        finally:
            self._over = True
            await mischief  # its last act is undone by itself
            if typing is not None:
                typing.cancel()
                await asyncio.wait([typing])
        await self._reckon()

    async def _greet(self, commander: Commander) -> None:
        """A first life in peace, in which it hears of rooms and nodes."""
        await self.scene.begin_life()
        try:
            async with asyncio.timeout(COMMANDS_S):
                await commander.greet()
        except TimeoutError:
            self.report.check(NAME, self.scene.seed, invariants.it_came_true, False, "a question is answered")
        await self.scene.gateway.kill()

    async def _live(self, plan: Plan, number: int) -> None:
        scene = self.scene
        self._step_reached = True
        scene.front.bad = plan.bad
        scene.front.one_each = plan.tamper is not None and plan.tamper.syscall == "connect"
        scene.front.trap = None
        if plan.trap:
            scene.front.trap = Trap(plan.trap, plan.count, lambda: scene.gateway.send(signal.SIGKILL))
        await scene.begin_life(plan.tamper)
        if plan.step == "while starting":
            await asyncio.sleep(plan.delay_s)
        else:
            await self._until_it_ends(plan)
        await self._end(plan)
        self._check_wreck(number)
        self.report.counts[f"kills: {plan.step}" if self._step_reached else f"kills: at random, not {plan.step}"] += 1

    async def _until_it_ends(self, plan: Plan) -> None:
        scene, end_s = self.scene, time.monotonic() + LONGEST_LIFE_S
        first_s = await scene.first_answer(FIRST_ANSWER_S)
        if first_s is not None and plan.tamper is None:
            self.report.took("first answer after a start", first_s)
            self._first_answers_s.append(first_s)
        elif first_s is None and scene.gateway.running:
            self.report.check(NAME, scene.seed, invariants.first_answers_come_soon, [FIRST_ANSWER_S])
        if plan.tamper is None and not plan.trap:
            await asyncio.sleep(plan.delay_s)
        elif not await scene.gateway.ended(max(0.1, end_s - time.monotonic())):
            self._step_reached = False
        pid = scene.gateway.pid()
        if pid is not None:
            self._memory_mb.append(memory_mb(pid))
            self._descriptors.append(descriptors(pid))

    async def _end(self, plan: Plan) -> None:
        gateway = self.scene.gateway
        if plan.step == "while stopped":
            gateway.send(signal.SIGSTOP)
            await asyncio.sleep(self.chance.uniform(0.05, 0.6))
            if self.chance.random() < 0.5:
                gateway.send(signal.SIGCONT)
                await asyncio.sleep(self.chance.uniform(0, 0.2))
        if plan.step == "asked to end":
            status = await gateway.stop()
            self.report.check(NAME, self.scene.seed, invariants.it_ended_well, status)
            return
        if gateway.running:
            await gateway.kill()
        self.report.check(NAME, self.scene.seed, invariants.it_was_killed, gateway.status)

    def _check_wreck(self, number: int) -> None:
        """Copied at once, examined in a thread while the next life begins."""
        work = check_wreck(self.scene, self.report, NAME, number % 8)
        task = asyncio.create_task(work)
        self._checks.add(task)
        task.add_done_callback(self._checks.discard)

    async def _mischief(self) -> None:
        """What goes on beside the kills."""
        scene, chance = self.scene, self.chance
        while not self._over:
            await asyncio.sleep(chance.uniform(0.05, 0.5))
            act = chance.choices(("reset", "replay", "freeze", "kill", "down"), (4, 6, 2, 1, 2))[0]
            self.report.counts[f"meanwhile: {MISCHIEF[act]}"] += 1
            if act == "reset":
                scene.load.reset_one()
            elif act == "replay":
                await scene.load.replay_some(8)
            elif act == "freeze":
                scene.homeserver.freeze()
                await asyncio.sleep(chance.uniform(0.05, 0.5))
                scene.homeserver.thaw()
            elif act == "kill":
                await scene.homeserver.kill()
                await asyncio.sleep(chance.uniform(0, 0.3))
                await scene.homeserver.start()
            else:
                scene.front.down = True
                await asyncio.sleep(chance.uniform(0.05, 0.5))
                scene.front.down = False

    async def _look(self) -> None:
        """At the rooms as they are: what is there already must be right."""
        scene = self.scene
        await scene.homeserver.news(scene.rooms)
        check_rooms(scene, self.report, NAME)

    async def _reckon(self) -> None:
        """The weather clears, everything acknowledged has its time, and the books are compared."""
        scene, report = self.scene, self.report
        await asyncio.gather(*self._checks)
        await scene.begin_life()
        if scene.commander is not None:
            await self._reckon_commands(scene.commander)
        drained = await scene.drain()
        report.check(NAME, scene.seed, invariants.all_acknowledged_are_shown, *_books(scene))
        check_rooms(scene, report, NAME)
        report.check(NAME, scene.seed, invariants.no_nonce_seals_two_messages, scene.load.watch.sealed)
        report.check(NAME, scene.seed, invariants.nothing_was_refused, scene.load.ledger.refused)
        report.check(NAME, scene.seed, invariants.no_traceback, scene.gateway.log.read_text(errors="replace"))
        if len(self._first_answers_s) >= ENOUGH_STARTS:
            report.check(NAME, scene.seed, invariants.first_answers_come_soon, self._first_answers_s)
        if len(self._memory_mb) >= ENOUGH_SAMPLES:
            report.check(NAME, scene.seed, invariants.memory_is_bounded, self._memory_mb)
            report.check(NAME, scene.seed, invariants.descriptors_are_flat, self._descriptors)
        if drained:
            await self._replay()
        self._count()

    async def _reckon_commands(self, commander: Commander) -> None:
        """Nodes go on talking, so that each command is over in its time; then what is said meets what was done."""
        scene, report, deeds = self.scene, self.report, self.scene.load.deeds
        scene.front.bad, scene.front.trap = 0.0, None
        told = await commander.until_over(COMMANDS_S)
        said = {one.number: states_of(two) for one, two in told.items() if two.texts or not one.taken_back}
        last = {number: states[-1] for number, states in said.items() if states}
        replies = {one.number: len(two.replies) for one, two in told.items()}
        report.check(NAME, scene.seed, invariants.nothing_is_executed_twice, deeds.executed, deeds.refused)
        report.check(NAME, scene.seed, invariants.each_command_has_one_reply, replies)
        report.check(NAME, scene.seed, invariants.each_command_ends_once, said)
        report.check(
            NAME, scene.seed, invariants.what_is_said_was_done, last, deeds.executed, deeds.refused, deeds.aired
        )
        report.counts["commands typed"] += len(told)
        report.counts["commands on the air"] += len(deeds.aired)
        report.counts["commands: a node reset in the middle of one"] += deeds.doubtful
        for state in last.values():
            report.counts[f"commands: {state.replace('_', ' ')}"] += 1

    async def _replay(self) -> None:
        """With everything at rest, datagrams of earlier lives come again."""
        scene = self.scene
        await scene.load.air_is_empty.wait()  # one that comes late for the first time does move a window
        await asyncio.sleep(0.5)  # it is on disk by then
        before = await self._state()
        for _ in range(10):
            await scene.load.replay_some(40)
            await asyncio.sleep(0.1)
        await asyncio.sleep(1.0)
        self.report.check(NAME, scene.seed, invariants.replays_change_nothing, before, await self._state())

    async def _state(self) -> dict[str, object]:
        scene = self.scene
        await scene.homeserver.news(scene.rooms)
        copy = crash.copied(scene.database, scene.folder / "state")
        held = await asyncio.to_thread(crash.state_of, copy)
        return {**held, "records in rooms": len(scene.rooms.shown)}

    def _count(self) -> None:
        scene, counts = self.scene, self.report.counts
        counts["records acknowledged"] += len(scene.load.ledger.acknowledged)
        counts["records shown"] += len(scene.rooms.shown)
        counts["records shown late, and marked so"] += scene.rooms.late
        counts["users who spoke"] += len(scene.rooms.senders)
        counts["events in rooms"] += scene.rooms.events
        counts["attempts to send an event"] += len(scene.front.puts)
        counts["old datagrams replayed"] += scene.load.replayed
        counts["nodes re-keyed (Appendix B.2)"] += scene.load.rekeyed
        counts["(key, nonce) pairs seen"] += len(scene.load.watch.sealed)
        counts["answers that open for no recent request"] += scene.load.watch.unknown
        for what in ("sent", "lost", "doubled", "corrupted"):
            counts[f"datagrams {what}"] += getattr(scene.load.counts, what)
        for fault, times in scene.front.faults.items():
            counts[f"homeserver: {fault.replace('_', ' ')}"] += times

    def _summary(self) -> str:
        scene = self.scene
        return (
            f"acknowledged {len(scene.load.ledger.acknowledged):,}  shown {len(scene.rooms.shown):,}"
            f"  late {scene.rooms.late}  violations {len(self.report.violations)}"
        )


MISCHIEF = {
    "reset": "a node reset",
    "replay": "old datagrams replayed",
    "freeze": "homeserver stopped for a while",
    "kill": "homeserver killed and started",
    "down": "homeserver not reachable for a while",
}


def check_wreck(scene: Scene, report: Report, name: str, number: int) -> Coroutine[object, object, None]:
    """What a death left is copied before this returns; the work is to look at the copy."""
    asked = scene.load.ledger.take_fresh()
    copy = crash.copied(scene.database, scene.folder / f"wreck{number}")

    async def examine() -> None:
        wreck = await asyncio.to_thread(crash.examined, copy)
        report.check(name, scene.seed, invariants.database_is_whole, wreck.integrity)
        report.check(name, scene.seed, invariants.all_acknowledged_are_stored, asked, wreck.stored)
        report.check(name, scene.seed, invariants.nothing_is_stored_twice, wreck.stored)
        sent = {put.txn for put in scene.front.puts}
        report.counts["deaths with an event sealed and never sent"] += bool(wreck.open_txns - sent)

    return examine()


def check_rooms(scene: Scene, report: Report, name: str) -> None:
    """What holds of rooms at any moment."""
    shown, puts = scene.rooms.shown, scene.front.puts
    report.check(name, scene.seed, invariants.nothing_is_shown_twice, shown)
    report.check(name, scene.seed, invariants.shown_in_the_nodes_order, shown)
    report.check(name, scene.seed, invariants.shown_as_measured, scene.load.ledger.measured, shown)
    report.check(name, scene.seed, invariants.a_record_has_one_transaction, [(one.txn, one.keys) for one in puts])
    report.check(name, scene.seed, invariants.retries_send_the_same_bytes, [(one.txn, one.digest) for one in puts])


def _books(scene: Scene) -> tuple[object, object]:
    return scene.load.ledger.acknowledged, scene.rooms.shown
