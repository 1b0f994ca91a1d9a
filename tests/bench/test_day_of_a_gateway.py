"""Fifty nodes for a compressed day: the gateway's memory stays under its bound and does not climb on."""

import sys

import pytest

from comatrix.gateway.bench.day import MOST_CPU, MOST_MB, MOST_MB_A_TWELFTH, measure

pytestmark = pytest.mark.slow


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_memory_is_bounded_and_flat_and_the_processor_idle() -> None:
    day = await measure()
    print(day.table())
    assert day.readings == 72_000
    assert max(day.rss_mb) <= MOST_MB
    last = day.rss_mb[-4:]
    assert last[-1] - last[0] <= 3 * MOST_MB_A_TWELFTH, "it still climbs at the end of the day"
    assert day.cpu_share <= MOST_CPU
