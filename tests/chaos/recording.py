"""A run under strace: a gateway provisioned, killed, asked to end, and killed again, with all it wrote and said."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from comatrix.gateway.config.secrets import Secrets
from tests.chaos.gateway_process import Recording
from tests.chaos.link import Weather
from tests.chaos.provisioning import Known, provision_by
from tests.chaos.scene import Scene, Size

# Whatever changes a file or its name, and whatever comes in or leaves. The replay refuses what it does not model.
CALLS = (
    "openat,creat,pwrite64,write,writev,pwritev,ftruncate,fallocate,truncate,fsync,fdatasync,sync_file_range,"
    "unlink,unlinkat,rename,renameat,renameat2,link,linkat,sendto,sendmsg,sendmmsg,recvfrom,connect"
)
SIZE = Size(nodes=16, rooms=2, pause_s=0.05)
WEATHER = Weather(loss=0.03, straggling=0)
FIRST_ANSWER_S = 20.0


@dataclass(frozen=True, slots=True)
class Recorded:
    """The logs in order, the folder they tell of, and the nodes' secrets to read them with."""

    home: Path
    logs: tuple[Path, ...]
    nodes: tuple[Known, ...]


def provision_recorded(home: Path, account: Secrets, room_ids: Sequence[str], count: int) -> list[Known]:
    """As provisioning.provision, in a process whose calls are recorded."""
    tracing = Recording(home.parent / "0.strace", CALLS)
    return provision_by(tracing.options(tracing.log), home, account, room_ids, count)


async def record(scene: Scene, lives_s: Sequence[float]) -> Recorded:
    """Three lives under load in an opened scene: killed (so the next one mends), asked to end, killed."""
    scene.load.talk(True)
    scene.front.bad = 0.15
    logs = [scene.folder / "0.strace"]
    for number, life_s in enumerate(lives_s, 1):
        tracing = Recording(scene.folder / f"{number}.strace", CALLS)
        await scene.begin_life(tracing)
        if await scene.first_answer(FIRST_ANSWER_S) is None:
            raise RuntimeError(f"the gateway answered nobody:\n{scene.gateway.log.read_text()[-2000:]}")
        await asyncio.sleep(life_s)
        if number % 2:
            await scene.gateway.kill()
        else:
            await scene.gateway.stop()
        logs.append(tracing.log)
    return Recorded(scene.home, tuple(logs), tuple(scene.load.known))
