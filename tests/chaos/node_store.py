"""The power of a node fails: what its two files of state say afterwards, against every counter it had used.

`python -m tests.chaos.node_store FOLDER` is the node: it reserves, stores and uses counters, and tells each one used.
"""

import asyncio
import os
import random
import subprocess
import sys
from pathlib import Path

from comatrix_node.store import FlashStore

from comatrix.session.counter import Counter
from tests.chaos import invariants
from tests.chaos.gateway_process import ROOT, Recording
from tests.chaos.overheard import Overheard
from tests.chaos.recording import CALLS, Recorded
from tests.chaos.replay import Replay, steps
from tests.chaos.report import Report

NAME = "power cuts of a node"
USED = 400
STATE = "state"


def node(folder: Path) -> None:
    """Uses counters as session.client does: reserved, stored, then taken."""
    store = FlashStore(str(folder / STATE))
    state = store.load() or {"enrolment": 1, "counter": 1, "command": 0, "context": b""}
    counter = Counter(state["counter"], store.step)
    for _ in range(USED):
        if not counter.ready():
            state["counter"] = counter.wanted()
            store.save(state)
            counter.granted(state["counter"])
        os.write(1, b"%d\n" % counter.take())


async def run(folder: Path, seed: object, cuts: int, report: Report) -> None:
    """Two lives of such a node, recorded in `folder`, and cuts into them."""
    chance = random.Random(f"{seed}/node")
    home = folder / "node"
    home.mkdir()
    logs = tuple(folder / f"{number}.strace" for number in range(2))
    for log in logs:
        await asyncio.to_thread(_record, home, log)
    recorded = Recorded(home, logs, ())
    made = list(steps(recorded))
    moments = sorted(chance.choices(range(len(made)), k=cuts), reverse=True)
    replay, used = Replay(home, Overheard(()), names_follow=True), 0
    for number, step in enumerate(made):
        replay.take(step)
        if step.call is not None and step.call.name == "write" and step.call.fd == 1:
            used = max(used, int(step.call.texts()[0]))
        while moments and moments[-1] == number:
            moments.pop()
            kept = _after(folder / "after", replay.disk.cut(chance))
            reserved = {} if kept is None else {"node": kept}
            report.counts[f"{NAME}: no state yet, or none left: new keys"] += kept is None
            used_now = {} if kept is None else {"node": used}
            report.check(NAME, seed, invariants.counters_were_reserved, used_now, reserved)
            report.counts[NAME] += 1


def _record(home: Path, log: Path) -> None:
    tracing = Recording(log, CALLS)
    command = [*tracing.options(log), sys.executable, "-m", "tests.chaos.node_store", str(home)]
    subprocess.run(command, check=True, capture_output=True, cwd=ROOT)


def _after(folder: Path, files: dict[str, bytes]) -> int | None:
    """The counter the node goes on at; None: it sends nothing under its keys any more."""
    folder.mkdir(exist_ok=True)
    for number in range(2):
        (folder / f"{STATE}.{number}").unlink(missing_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    state = FlashStore(str(folder / STATE)).load()
    return None if state is None else int(state["counter"])


if __name__ == "__main__":
    node(Path(sys.argv[1]))
