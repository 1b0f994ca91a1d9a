"""What the checks are handed: where the gateway's files are, and the world around it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from comatrix.gateway.config.paths import Paths
from comatrix.gateway.edges.matrix.probe import Look


@dataclass(frozen=True, slots=True)
class Surroundings:
    """`look(url, seconds)`: what answers there. `random(n)`: 0 <= int < n. `localtime`: the machine's time zone file.

    `local_address()`: this machine's IP address as its network sees it, or "".
    """

    paths: Paths
    environ: Mapping[str, str]
    wall_ms: Callable[[], int]
    random: Callable[[int], int]
    local_address: Callable[[], str]
    free_bytes: Callable[[Path], int]
    look: Callable[[str, float], Awaitable[Look]]
    localtime: Path
