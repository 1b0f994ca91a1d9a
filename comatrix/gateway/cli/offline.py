"""Operations run by the command line itself, under the database's lock: no gateway runs meanwhile."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from comatrix.gateway.admin import Collaborators, operations
from comatrix.gateway.cli.account import Account
from comatrix.gateway.config.paths import Paths
from comatrix.gateway.config.settings import Settings
from comatrix.gateway.edges.local_address import local_address
from comatrix.gateway.edges.store.store import Store

END = object()


def call(settings: Settings, paths: Paths, op: str, args: Mapping[str, Any]) -> Any:
    """The operation's result. Raises GatewayError."""
    with _opened(settings, paths) as (runner, known):
        return runner.run(_result(known[op](args)))


def stream(settings: Settings, paths: Paths, op: str, args: Mapping[str, Any]) -> Iterator[Any]:
    """What the operation yields, as it comes. Raises GatewayError."""
    with _opened(settings, paths) as (runner, known):
        items = known[op](args)
        while (item := runner.run(_following(items))) is not END:
            yield item


async def _result(found: Any) -> Any:
    return await found


async def _following(items: AsyncIterator[Any]) -> Any:
    return await anext(items, END)


@contextmanager
def _opened(settings: Settings, paths: Paths) -> Iterator[tuple[asyncio.Runner, Mapping[str, Any]]]:
    with asyncio.Runner() as runner:
        store = Store.open(paths.database, _now_ms())
        account = Account(settings, paths)
        given = Collaborators(
            store=store,
            settings=settings,
            homeserver=account.client,
            now_ms=_now_ms,
            random_bytes=secrets.token_bytes,
            local_address=local_address,
            wait=asyncio.sleep,
        )
        try:
            yield runner, operations(given)
        finally:
            runner.run(_close(account, store))


async def _close(account: Account, store: Store) -> None:
    await account.aclose()
    await store.aclose()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
