"""All scenarios, one after the other, each with a seed made from the run's."""

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.chaos.gateway_process import STRACE
from tests.chaos.homeservers import SynapseHomeserver
from tests.chaos.kills import Kills
from tests.chaos.link import Weather
from tests.chaos.power_cut import Cuts
from tests.chaos.recording import SIZE, WEATHER, provision_recorded, record
from tests.chaos.report import Progress, Report
from tests.chaos.scene import Scene, Size

LIVES_OF_A_SCENE = 100  # then everything is compared, and a new gateway begins
CUTS_OF_A_RUN = 600  # then another run is recorded
LIVES_S = (3.0, 2.0, 1.5)  # of the gateway in a recorded run
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # a cut's disk is rebuilt there
SHARE_OF_SYNAPSE = 20  # one kill in so many happens in front of a real Synapse
SYNAPSE_SIZE = Size(nodes=12, rooms=2, pause_s=0.2)  # it takes about a hundred events a second


@dataclass(frozen=True, slots=True)
class Wanted:
    """How much of it. `synapse`: kills in front of the real homeserver."""

    seed: int = 1
    kills: int = 50
    cuts: int = 300
    synapse: int = 0


async def run(wanted: Wanted, report: Report) -> None:
    """Everything wanted; `report` gets what was found."""
    if STRACE is None:
        report.notes.append("strace is not installed: every kill came at random, and no power was cut.")
    await _kill(wanted.seed, wanted.kills, report)
    if wanted.cuts and STRACE is not None:
        await _cut_power(wanted.seed, wanted.cuts, report)
    if wanted.synapse:
        await _kill_before_synapse(wanted.seed, wanted.synapse, report)


async def _kill(seed: int, kills: int, report: Report) -> None:
    progress = Progress(report.say, "kill", kills)
    done = 0

    def step(summary: str) -> None:
        nonlocal done
        done += 1
        progress.step(done, summary)

    while done < kills and not report.violations:
        lives = min(LIVES_OF_A_SCENE, kills - done)
        async with scene(lambda folder, at=done: Scene(folder, f"{seed}/{at}", Size(), Weather()), report) as one:  # type: ignore[misc]
            await Kills(one, report, lives, step).run()


async def _kill_before_synapse(seed: int, kills: int, report: Report) -> None:
    progress = Progress(report.say, "kill before Synapse", kills)
    done = 0

    def step(summary: str) -> None:
        nonlocal done
        done += 1
        progress.step(done, summary)

    def made(folder: Path) -> Scene:
        return Scene(folder, f"{seed}/synapse", SYNAPSE_SIZE, Weather(), make_homeserver=SynapseHomeserver)

    async with scene(made, report) as one:
        await Kills(one, report, kills, step).run()


async def _cut_power(seed: int, cuts: int, report: Report) -> None:
    progress = Progress(report.say, "power cut", cuts)
    done = 0

    def step(summary: str) -> None:
        nonlocal done
        done += 1
        progress.step(done, summary)

    while done < cuts and not report.violations:
        count = min(CUTS_OF_A_RUN, cuts - done)
        name = f"{seed}/power/{done}"
        made = partial(Scene, seed=name, size=SIZE, weather=WEATHER, provision=provision_recorded)
        async with scene(made, report) as one:
            recorded = await record(one, LIVES_S)
            with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
                await Cuts(recorded, Path(folder), name, report, count, step).run()


@contextlib.asynccontextmanager
async def scene(make: Callable[[Path], Scene], report: Report) -> AsyncIterator[Scene]:
    """A scene in a folder of its own, which stays where something was violated."""
    folder = Path(tempfile.mkdtemp(prefix="comatrix-chaos-"))
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
