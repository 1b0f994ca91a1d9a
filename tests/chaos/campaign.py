"""All scenarios, each with a seed made from the run's, in a folder that stays where something was violated."""

import asyncio
import contextlib
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.chaos import disk_full, node_store, outage, steady
from tests.chaos.gateway_process import STRACE
from tests.chaos.homeservers import JournaledHomeserver, SynapseHomeserver
from tests.chaos.kills import Kills
from tests.chaos.link import Weather
from tests.chaos.power_cut import Cuts
from tests.chaos.recording import SIZE, WEATHER, provision_recorded, record
from tests.chaos.report import Progress, Report
from tests.chaos.scene import Scene, Size, gateway_command
from tests.chaos.service import ServiceHomeserver, ServiceScene
from tests.chaos.shifted_clock import shifted_clock
from tests.chaos.small_disk import small_disk

LIVES_OF_A_SCENE = 100  # then everything is compared, and a new gateway begins
CUTS_OF_A_RUN = 150  # then another run is recorded
LIVES_S = (3.0, 2.0, 1.5)  # of the gateway in a recorded run
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # a cut's disk is rebuilt there
COMMANDED = Size(told=3)
SYNAPSE_SIZE = Size(nodes=12, rooms=2, pause_s=0.2)  # it takes about a hundred events a second
PREFIX = "comatrix-chaos-"
NO_STRACE = "strace is not installed: every kill came at random, and no power was cut. apt-get install strace"
NO_DISK = "only root can mount a disk of its own (unshare, nsenter): none was filled."
NO_COMPILER = "no C compiler here: no 25 hours passed. In virtual time they do: tests/gateway/test_poster_doubt.py"


@dataclass(frozen=True, slots=True)
class Wanted:
    """How much of it. `service`: kills of an application service, `synapse`: in front of the real homeserver."""

    seed: int = 1
    kills: int = 50
    cuts: int = 300
    service: int = 10
    synapse: int = 2
    steady_s: float = 15.0


async def run(wanted: Wanted, report: Report) -> None:
    """Everything; `report` gets what was found. Ends after the first scenario with a violation."""
    seed = wanted.seed
    for scenario in (
        partial(kill, seed, wanted.kills),
        partial(cut_power, seed, wanted.cuts),
        partial(cut_a_nodes_power, seed, wanted.cuts),
        partial(live_long, seed, wanted.steady_s),
        partial(fill_the_disk, seed),
        partial(outlast_an_outage, seed),
        partial(kill_a_service, seed, wanted.service),
        partial(kill_before_synapse, seed, wanted.synapse),
    ):
        if not report.violations:
            await scenario(report)


async def kill(seed: int, kills: int, report: Report) -> None:
    """The gateway dies under load; see kills.py."""
    if STRACE is None:
        report.notes.append(NO_STRACE)
    step = counted(Progress(report.say, "kill", kills))
    for begin in range(0, kills, LIVES_OF_A_SCENE):
        made = partial(Scene, seed=f"{seed}/{begin}", size=COMMANDED, weather=Weather())
        async with scene(made, report) as one:
            await Kills(one, report, min(LIVES_OF_A_SCENE, kills - begin), step).run()
        if report.violations:
            return


async def kill_a_service(seed: int, kills: int, report: Report) -> None:
    """The same, of an application service: a lane a node, and events pushed."""
    if not kills:
        return
    step = counted(Progress(report.say, "kill of a service", kills))
    made = partial(
        ServiceScene, seed=f"{seed}/service", size=COMMANDED, weather=Weather(), make_homeserver=ServiceHomeserver
    )
    async with scene(made, report) as one:
        await Kills(one, report, kills, step).run()


async def kill_before_synapse(seed: int, kills: int, report: Report) -> None:
    """The same, in front of a real homeserver, which is killed too."""
    if not kills:
        return
    step = counted(Progress(report.say, "kill before Synapse", kills))
    made = partial(
        Scene, seed=f"{seed}/synapse", size=SYNAPSE_SIZE, weather=Weather(), make_homeserver=SynapseHomeserver
    )
    async with scene(made, report) as one:
        await Kills(one, report, kills, step).run()


async def cut_power(seed: int, cuts: int, report: Report) -> None:
    """Power cuts into recorded runs; see power_cut.py. Every second run is of a gateway that folds and checkpoints
    all the time."""
    if STRACE is None:
        return
    step = counted(Progress(report.say, "power cut", cuts))
    for number, begin in enumerate(range(0, cuts, CUTS_OF_A_RUN)):
        name = f"{seed}/power/{begin}"
        command = hasty_command if number % 2 else gateway_command
        made = partial(Scene, seed=name, size=SIZE, weather=WEATHER, command=command, provision=provision_recorded)
        async with scene(made, report) as one:
            recorded = await record(one, LIVES_S)
            with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
                count = min(CUTS_OF_A_RUN, cuts - begin)
                await Cuts(recorded, Path(folder), name, report, count, step).run()
        if report.violations:
            return


async def cut_a_nodes_power(seed: int, cuts: int, report: Report) -> None:
    """The node's files of state; see node_store.py."""
    if STRACE is not None:
        with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
            await node_store.run(Path(folder), f"{seed}/node store", cuts, report)


async def live_long(seed: int, life_s: float, report: Report) -> None:
    """Memory and descriptors of one life; see steady.py."""
    async with scene(partial(Scene, seed=f"{seed}/steady", size=steady.SIZE, weather=steady.WEATHER), report) as one:
        await steady.run(one, life_s, report)


async def fill_the_disk(seed: int, report: Report) -> None:
    """See disk_full.py."""
    with tempfile.TemporaryDirectory(prefix=PREFIX) as folder:
        async with small_disk(Path(folder) / "disk", disk_full.DISK_BYTES) as disk:
            if disk is None:
                report.notes.append(NO_DISK)
                return
            made = partial(
                Scene,
                seed=f"{seed}/disk",
                size=Size(),
                weather=Weather(),
                command=disk.command,
                provision=disk.provision,
                own_disk=disk.outside,
            )
            async with scene(made, report) as one:
                await disk_full.run(one, disk, report)


async def outlast_an_outage(seed: int, report: Report) -> None:
    """See outage.py."""
    with tempfile.TemporaryDirectory(prefix=PREFIX) as folder:
        clock = shifted_clock(Path(folder))
        if clock is None:
            report.notes.append(NO_COMPILER)
            return

        def command(home: Path) -> list[str]:
            return [*clock.environment, *gateway_command(home)]

        made = partial(Scene, seed=f"{seed}/outage", size=Size(), weather=Weather(), command=command)
        async with scene(made, report) as one:
            assert isinstance(one.homeserver, JournaledHomeserver)
            await outage.run(one, one.homeserver, clock, report)


def hasty_command(home: Path) -> list[str]:
    """The real parts, with what is rare in the store happening all the time (tests/chaos/broken/variants.py)."""
    return [sys.executable, "-m", "tests.chaos.broken", "hasty", str(home)]


def counted(progress: Progress) -> Callable[[str], None]:
    """A step of it with each call."""
    done = 0

    def step(summary: str) -> None:
        nonlocal done
        done += 1
        progress.step(done, summary)

    return step


@contextlib.asynccontextmanager
async def scene(make: Callable[[Path], Scene], report: Report) -> AsyncIterator[Scene]:
    """An open scene in a folder of its own."""
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    before = len(report.violations)
    made = make(folder)
    try:
        await made.open()
        yield made
    finally:
        await made.close()
        if len(report.violations) == before:
            await asyncio.to_thread(shutil.rmtree, folder, True)
        else:
            report.notes.append(f"left for a look: {folder}")
