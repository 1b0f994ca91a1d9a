"""A day of fifty nodes, a reading a minute each, compressed: what the gateway holds in memory meanwhile.

`python -m comatrix.gateway.bench.day` prints the tables of docs/reference/benchmarks.md.
"""

import asyncio
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from comatrix.gateway.bench import memory
from comatrix.gateway.bench.conversation import conversations
from comatrix.gateway.bench.homeserver_run import all_posted, provision
from comatrix.gateway.bench.instant_homeserver import InstantHomeserver
from comatrix.gateway.bench.load import Load
from comatrix.gateway.bench.process_figures import cpu_s, rss_mb
from comatrix.gateway.demo.stage import Stage

NODES, MINUTES = 50, 1_440
ROOMS = 5
DAY_S = 86_400
SAMPLES = 12
MOST_MB = 60.0  # 55 were measured
MOST_MB_A_TWELFTH = 0.5  # at the end of the day, when every cache is full
MOST_CPU = 0.05


@dataclass(frozen=True, slots=True)
class Day:
    """`rss_mb`: idle, then at the end of each twelfth of the day. `cpu_share`: of a core, at the real pace."""

    readings: int
    rss_mb: list[float]
    cpu_share: float
    database_mb: float
    took_s: float

    def table(self) -> str:
        """Markdown."""
        idle, *later = self.rss_mb
        rows = [
            ("readings stored and posted", f"{self.readings:,}"),
            ("resident memory, idle", f"{idle:.1f} MB"),
            ("resident memory, each twelfth of the day", ", ".join(f"{one:.1f}" for one in later) + " MB"),
            ("CPU, of a core, at the real pace", f"{self.cpu_share:.2%}"),
            ("database and its log", f"{self.database_mb:.1f} MB"),
            ("compressed into", f"{self.took_s:.0f} s"),
        ]
        return "\n".join(["| what | figure |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])


async def measure(minutes: int = MINUTES) -> Day:
    """Fifty nodes over UDP with OSCORE into five rooms of a homeserver that answers at once. Raises GatewayError."""
    homeserver = InstantHomeserver()
    await homeserver.start()
    try:
        return await _measure(minutes, homeserver)
    finally:
        await homeserver.stop()


async def _measure(minutes: int, homeserver: InstantHomeserver) -> Day:
    with tempfile.TemporaryDirectory(prefix="comatrix-day-") as folder:
        stage = Stage(Path(folder), lambda _: None, homeserver=homeserver)
        try:
            await stage.open_homeserver()
            await stage.start_gateway()
            keys = await provision(stage, ROOMS, NODES)
            load = Load(("127.0.0.1", stage.port), await asyncio.to_thread(conversations, NODES, minutes, keys))
            pid, begun_s, used_s = stage.gateway_pid, time.monotonic(), cpu_s(stage.gateway_pid)
            held = [rss_mb(pid)]
            try:
                for part in range(SAMPLES):
                    for _ in range(part * minutes // SAMPLES, (part + 1) * minutes // SAMPLES):
                        await asyncio.to_thread(load.run, 1)
                    held.append(rss_mb(pid))
            finally:
                load.close()
            await all_posted(stage, NODES * minutes)
            share = (cpu_s(pid) - used_s) / (DAY_S * minutes / MINUTES)
            size = _bytes_in(Path(folder))
            return Day(NODES * minutes, held, share, size / 1e6, time.monotonic() - begun_s)
        finally:
            await stage.close()


def _bytes_in(folder: Path) -> int:
    """Of the database and what stands beside it."""
    return sum(path.stat().st_size for path in folder.rglob("comatrix.db*"))


if __name__ == "__main__":
    day = asyncio.run(measure(int(sys.argv[1]) if sys.argv[1:] else MINUTES))
    where = memory.table(memory.layers(), day.rss_mb[0], max(day.rss_mb))
    sys.stdout.write(f"{day.table()}\n\n{where}\n")
