"""A run under strace: a gateway provisioned, killed, asked to end, and killed again, with all it wrote and said."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from comatrix.gateway.config.secrets import Secrets
from tests.chaos.gateway_process import ROOT, Recording
from tests.chaos.link import Weather
from tests.chaos.provisioning import Known
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
    given = {"home": str(home), "account": asdict(account), "room_ids": list(room_ids), "count": count}
    command = [*tracing.options(tracing.log), sys.executable, "-m", "tests.chaos.provisioning"]
    said = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, check=True, cwd=ROOT)
    return [(number, bytes.fromhex(secret)) for number, secret in json.loads(said.stdout)]


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
