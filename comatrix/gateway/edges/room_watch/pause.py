"""How long the watch waits between two looks."""

import asyncio
from collections.abc import Awaitable, Callable

BETWEEN_S = 0.2  # a server that answers at once, always, is not asked in a hot loop
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0


class Pause:
    """Waits between two looks. `cut` ends the wait when something was mended, though never in its first second: what is
    mended again and again makes no hot loop."""

    def __init__(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._sleep = sleep
        self._mended = asyncio.Event()

    def cut(self) -> None:
        """Look now."""
        self._mended.set()

    async def __call__(self, seconds: float) -> None:
        """At most `seconds`."""
        self._mended.clear()
        await self._sleep(min(seconds, FIRST_PAUSE_S))
        if seconds > FIRST_PAUSE_S:
            await self._until_cut(seconds - FIRST_PAUSE_S)

    async def _until_cut(self, seconds: float) -> None:
        waits = [asyncio.ensure_future(self._mended.wait()), asyncio.ensure_future(self._sleep(seconds))]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waits:
                one.cancel()
