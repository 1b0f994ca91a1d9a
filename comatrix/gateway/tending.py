"""What a running gateway does every now and then, beside its work. Each coroutine runs until cancelled."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from pathlib import Path

from comatrix.gateway.clock import monotonic_ms
from comatrix.gateway.config.secrets import Secrets, read_secrets
from comatrix.gateway.errors import UsageError
from comatrix.gateway.uplink.associations import Associations
from comatrix.gateway.uplink.knocks import Knocks

log = logging.getLogger("comatrix")

SECRETS_LOOK_S = 10.0
KNOCKS_LOOK_S = 10.0
REST_EVERY_S = 600.0


async def follow_secrets(path: Path, user_id: str, take_if_new: Callable[[Secrets], bool]) -> None:
    """`comatrix init` beside a running gateway brings a new token: it is taken without a restart."""
    while True:
        await asyncio.sleep(SECRETS_LOOK_S)
        with contextlib.suppress(UsageError):
            kept = read_secrets(path)
            if kept.user_id == user_id and take_if_new(kept):
                log.info("took the new access token")


async def tell_knocks(knocks: Knocks) -> None:
    """What was counted since the last lines is told when its time comes, or when the gateway stops."""
    try:
        while True:
            await asyncio.sleep(KNOCKS_LOOK_S)
            due = knocks.next_deadline()
            if due is not None and due <= monotonic_ms():
                knocks.handle_timer(monotonic_ms())
    finally:
        knocks.tell_rest(monotonic_ms())


async def let_rest(associations: Associations) -> None:
    """The keys of nodes that have been silent leave the memory."""
    while True:
        await asyncio.sleep(REST_EVERY_S)
        associations.rest()
