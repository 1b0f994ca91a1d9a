"""Retention while the gateway runs: a pass through what is old, in steps with pauses between."""

from collections.abc import Awaitable, Callable

from comatrix.gateway.edges.store.store import Store
from comatrix.gateway.errors import StoreError

PASS_EVERY_S = 3600.0
STEP_PAUSE_S = 0.25  # records come first: at most 4,096 rows a second are looked at


async def keep_for(
    store: Store, keep_ms: int, *, now_ms: Callable[[], int], sleep: Callable[[float], Awaitable[None]]
) -> None:
    """Until cancelled: what was posted more than `keep_ms` ago leaves the database."""
    while True:
        try:
            while await store.expire(now_ms() - keep_ms):
                await sleep(STEP_PAUSE_S)
        except StoreError:
            pass  # the database said so elsewhere; this can wait for the next pass
        await sleep(PASS_EVERY_S)
