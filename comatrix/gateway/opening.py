"""Opens the database for the running gateway: a command typed in this moment may hold it a little longer."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

from comatrix.gateway.clock import wall_ms
from comatrix.gateway.edges.store.capacity import StoreLimits
from comatrix.gateway.edges.store.store import Store
from comatrix.gateway.errors import StoreInUse

log = logging.getLogger(__name__)

WAIT_S = 3
LOOKS_A_SECOND = 10


async def open_store(
    path: Path, limits: StoreLimits, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> Store:
    """Waits 3 s for a process that has it. Raises StoreInUse then; StoreError."""
    for look in range(WAIT_S * LOOKS_A_SECOND):
        try:
            return Store.open(path, wall_ms(), limits=limits)
        except StoreInUse as held:
            if look == 0:
                log.info("%s: waiting up to %d s for it", held.text, WAIT_S)
        await sleep(1 / LOOKS_A_SECOND)
    return Store.open(path, wall_ms(), limits=limits)
