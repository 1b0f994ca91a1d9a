"""What a message takes of the disk, and a known idle node of the memory: each found in a process of its own.

`python -m comatrix.gateway.bench.footprint disk|memory FOLDER` prints one number.
"""

import asyncio
import gc
import secrets
import subprocess
import sys
import tempfile
from pathlib import Path

from comatrix.gateway.aead import aead
from comatrix.gateway.clock import wall_ms
from comatrix.gateway.directory import Directory
from comatrix.gateway.edges.store import contexts, nodes, rooms
from comatrix.gateway.edges.store.store import Store
from comatrix.gateway.errors import GatewayError
from comatrix.gateway.model import NewRecord, WindowMove
from comatrix.gateway.uplink.associations import Associations

BATCH = 16
MESSAGES = 48_000
BODY = bytes.fromhex("a200190859011901c4")  # two sensors
MANY_NODES = 4_000


def device_bytes() -> float:
    """Bytes a message that reach the disk, 16 nodes in commits of 16, checkpoints included."""
    return _alone("disk")


def idle_node_bytes() -> float:
    """Bytes of resident memory a node takes that is known, uses OSCORE and has not spoken since the start."""
    return _alone("memory")


def _alone(what: str) -> float:
    with tempfile.TemporaryDirectory(prefix="comatrix-bench-") as folder:
        command = [sys.executable, "-m", __name__, what, folder]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise GatewayError(f"the bench's {what} run failed:\n{done.stderr}")
        return float(done.stdout)


async def _write(folder: Path) -> float:
    store = _filled(folder, BATCH)
    before = _written()
    row = list(range(1, BATCH + 1))
    for counter in range(1, MESSAGES // BATCH + 1):
        await _commit(store, row, counter)
    await store.aclose()
    return (_written() - before) / MESSAGES


async def _commit(store: Store, numbers: list[int], counter: int) -> None:
    """One record a node, all in one commit."""
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    left = len(numbers)

    def told(answer: object) -> None:
        nonlocal left
        left -= 1
        if isinstance(answer, Exception):
            raise answer
        if not left:
            done.set_result(None)

    now_ms = wall_ms()
    for number in numbers:
        record = NewRecord(number, 1, counter, 1, "readings", BODY, now_ms, now_ms, counter, b"8 octets")
        store.append(record, WindowMove(number, counter, 0xFFFFFFFF), told)
    await done


def _remember(folder: Path) -> float:
    store = _filled(folder, MANY_NODES)
    gc.collect()
    before = _resident()
    associations = Associations(aead, secrets.randbelow, frozenset())
    directory = Directory(store, associations)
    gc.collect()
    found = (_resident() - before) / MANY_NODES
    assert directory.node(1) is not None
    store.close()
    return found


def _filled(folder: Path, count: int) -> Store:
    store = Store.open(folder / "comatrix.db", wall_ms())
    room = store.write(lambda connection: rooms.add(connection, "!bench:localhost"))
    for first in range(1, count + 1, 1000):
        numbers = range(first, min(first + 1000, count + 1))
        store.write(
            lambda connection, numbers=numbers: [  # type: ignore[misc]
                (
                    nodes.add(connection, f"node{number}", room.id, now_ms=0),
                    contexts.add(connection, number, "u", secrets.token_bytes(16)),
                )
                for number in numbers
            ]
        )
    return store


def _written() -> int:
    """Bytes this process caused to be written to the disk (proc(5), io)."""
    lines = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith("write_bytes")).split()[1])


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4096


def main(what: str, folder: Path) -> None:
    """Prints the number."""
    found = asyncio.run(_write(folder)) if what == "disk" else _remember(folder)
    sys.stdout.write(f"{found:.1f}\n")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
