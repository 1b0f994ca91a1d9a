"""The power fails at seeded moments of a recorded run: what the next start finds, against what the world had seen."""

import asyncio
import json
import random
import shutil
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from comatrix.gateway.config.secrets import read_secrets
from comatrix.gateway.edges.store import contexts
from comatrix.gateway.edges.store.store import Store
from comatrix.gateway.errors import GatewayError
from comatrix.session.replay import Window
from tests.chaos import invariants
from tests.chaos.ledger import Key
from tests.chaos.overheard import Overheard
from tests.chaos.provisioning import DATABASE, SECRETS
from tests.chaos.recording import Recorded
from tests.chaos.replay import Replay, Step, steps
from tests.chaos.report import Report

NAME = "power cuts"
GARBAGE = 32_768  # what may be left of the -shm file, which nobody syncs
PASSED = "SELECT id FROM record JOIN cursor USING (room, node) WHERE id <= sealed"


@dataclass(frozen=True, slots=True)
class Found:
    """What a start after the cut finds."""

    integrity: tuple[str, ...]
    stored: list[Key]
    sealed: dict[str, bytes | None]  # transaction -> content; None: done
    members: list[int]  # row ids of records in sealed events
    passed: list[int]  # row ids of records their stream has gone past
    reserved: dict[str, int]  # node -> the limit of the gateway's sender counters
    windows: dict[int, Window]  # node -> its replay window
    restored: bool


@dataclass(frozen=True, slots=True)
class Cuts:
    """`count` cuts into one recorded run, in `folder`."""

    recorded: Recorded
    folder: Path
    seed: object
    report: Report
    count: int
    progress: Callable[[str], None]

    async def run(self) -> None:
        """All cuts, and the order of syncs and answers in the log as a whole."""
        chance = random.Random(f"{self.seed}/cuts")
        made = list(steps(self.recorded))
        moments = sorted(chosen(made, self.count, chance), reverse=True)
        world = Overheard(self.recorded.nodes)
        replay = Replay(self.recorded.home, world)
        for number, step in enumerate(made):
            replay.take(step)
            while moments and moments[-1] == number:
                moments.pop()
                await asyncio.to_thread(self._cut, replay, chance)
                self.progress(f"acknowledged {len(world.acknowledged):,}  events {len(world.sent)}")
        check = self.report.check
        check(NAME, self.seed, invariants.no_answer_before_its_sync, world.waits, replay.syncs)
        check(NAME, self.seed, invariants.something_was_overheard, len(world.waits), len(world.sent))
        self.report.counts["power cuts: answers of 2.04 in the recorded run"] += len(world.acknowledged)
        self.report.counts["power cuts: events in the recorded run"] += len(world.sent)

    def _cut(self, replay: Replay, chance: random.Random) -> None:
        home = self.folder / "after"
        left = replay.disk.cut(chance)
        lay_out(home, left, chance)
        self.report.counts["power cuts"] += 1
        world, check = replay.world, self.report.check
        seed = f"{self.seed}, moment {replay.moment}"
        began = time.perf_counter()
        try:
            found = look(home / DATABASE)
        except (GatewayError, sqlite3.Error) as error:
            check(NAME, seed, invariants.database_is_whole, (f"does not open: {error}",))
            return
        self.report.took("opening and reading after a power cut", time.perf_counter() - began)
        check(NAME, seed, invariants.database_is_whole, found.integrity)
        check(NAME, seed, invariants.all_acknowledged_are_stored, world.acknowledged, found.stored)
        check(NAME, seed, invariants.nothing_is_stored_twice, found.stored)
        check(NAME, seed, invariants.sent_was_sealed_before, world.sent, found.sealed)
        check(NAME, seed, invariants.each_record_is_sealed_once, found.members, found.passed)
        check(NAME, seed, invariants.counters_were_reserved, world.used, found.reserved)
        check(NAME, seed, invariants.answered_requests_stay_known, world.acknowledged.values(), found.windows)
        check(NAME, seed, invariants.no_copy_is_suspected, bool(world.acknowledged) and found.restored)
        if replay.processes > 1:
            check(NAME, seed, invariants.secrets_are_whole, secrets_of(home))


def chosen(made: list[Step], count: int, chance: random.Random) -> list[int]:
    """Where to cut: half of them right after something left, where promises are made, half anywhere."""
    sent = [at for at, step in enumerate(made) if step.call is not None and step.call.name == "sendto"]
    anywhere = [at for at, step in enumerate(made) if step.kind != "next process"]
    return chance.choices(sent, k=count // 2) + chance.choices(anywhere, k=count - count // 2)


def lay_out(home: Path, files: dict[str, bytes], chance: random.Random) -> None:
    """The folder as it is found. What nobody syncs, the -shm file, may hold anything."""
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(mode=0o700)
    for name, content in files.items():
        (home / name).write_bytes(content)
        (home / name).chmod(0o600)
    if f"{DATABASE}-wal" in files and chance.random() < 0.25:
        (home / f"{DATABASE}-shm").write_bytes(chance.randbytes(GARBAGE))


def look(database: Path) -> Found:
    """Opens the database as the gateway does. Raises GatewayError, sqlite3.Error."""
    with Store.open(database, int(time.time() * 1000)) as store:
        return store.read(lambda connection: _look(connection, store.restored))


def _look(connection: sqlite3.Connection, restored: bool) -> Found:
    living = contexts.living(connection)
    rows = connection.execute("SELECT txn, state, content, records FROM outbox").fetchall()
    return Found(
        tuple(str(row[0]) for row in connection.execute("PRAGMA integrity_check")),
        connection.execute("SELECT node, enrolment, seq FROM record").fetchall(),
        {txn: None if state == "done" else content for txn, state, content, _ in rows},
        [id for _, state, _, records in rows if state != "unsealed" for id in json.loads(records)],
        [id for (id,) in connection.execute(PASSED)],
        {str(one.node): one.tx_reserved for one in living},
        {one.node: Window(one.highest, one.mask) for one in living},
        restored,
    )


def secrets_of(home: Path) -> str:
    """The account's user id, or why it cannot be read."""
    try:
        return read_secrets(home / SECRETS).user_id
    except GatewayError as error:
        return f"unreadable: {error}"
