"""A loop whose clock jumps: exact, at once, and never past something that can run."""

import asyncio
import time

import pytest

from comatrix.gateway.sim.virtual_time import WALL_START_MS, SimLoop, StuckError, run


def test_a_day_of_sleeping_takes_no_time() -> None:
    async def main(loop: SimLoop) -> int:
        for _ in range(24):
            await asyncio.sleep(3600)
        return loop.now_ms()

    started_s = time.monotonic()
    assert run(main) == 86_400_000
    assert time.monotonic() - started_s < 1


def test_both_clocks_go_on_together() -> None:
    async def main(loop: SimLoop) -> tuple[int, int]:
        clocks = loop.clocks()
        await asyncio.sleep(0.25)
        return clocks.monotonic_ms(), clocks.wall_ms()

    assert run(main) == (250, WALL_START_MS + 250)


def test_what_can_run_runs_before_time_passes() -> None:
    async def main(loop: SimLoop) -> list[tuple[str, int]]:
        happened: list[tuple[str, int]] = []
        loop.call_later(1, lambda: happened.append(("timer", loop.now_ms())))
        for _ in range(50):
            await asyncio.sleep(0)
        happened.append(("turns", loop.now_ms()))
        await asyncio.sleep(2)
        return happened

    assert run(main) == [("turns", 0), ("timer", 1000)]


def test_waiting_for_what_never_comes_is_told() -> None:
    async def main(loop: SimLoop) -> None:
        await asyncio.Event().wait()

    with pytest.raises(StuckError):
        run(main)
