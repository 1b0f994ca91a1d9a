"""The promises hold under fire: what `make chaos` does at length, in a few minutes."""

from collections.abc import Callable, Coroutine

import pytest

from tests.chaos import campaign
from tests.chaos.gateway_process import STRACE
from tests.chaos.report import Report
from tests.chaos.scene import Size

SEED = 2026
KILLS, CUTS, OF_A_SERVICE, BEFORE_SYNAPSE, LIFE_S = 50, 300, 8, 3, 15.0
UNABLE = (campaign.NO_DISK, campaign.NO_COMPILER)

pytestmark = pytest.mark.slow
needs_strace = pytest.mark.skipif(
    STRACE is None, reason="power cuts are replayed from what strace records: apt-get install strace"
)

Scenario = Callable[[Report], Coroutine[None, None, None]]


async def held(scenario: Scenario) -> Report:
    """Runs it; fails the test with its whole table."""
    report = Report(print)
    await scenario(report)
    assert not report.violations, report.table()
    for note in report.notes:
        if note in UNABLE:
            pytest.skip(note)
    return report


async def test_fifty_deaths_lose_double_and_reorder_nothing() -> None:
    report = await held(lambda report: campaign.kill(SEED, KILLS, report))
    assert report.counts["records acknowledged"] > 20 * KILLS
    assert report.counts["commands: confirmed"] > KILLS // 5 and report.counts["commands: expired"]
    assert sum(count for name, count in report.counts.items() if name.startswith("kills: ")) == KILLS


@needs_strace
async def test_three_hundred_power_cuts_lose_nothing_that_was_acknowledged() -> None:
    report = await held(lambda report: campaign.cut_power(SEED, CUTS, report))
    assert report.counts["power cuts"] == CUTS


@needs_strace
async def test_a_nodes_power_cuts_bring_no_counter_back() -> None:
    await held(lambda report: campaign.cut_a_nodes_power(SEED, CUTS, report))


async def test_a_long_life_stays_flat() -> None:
    await held(lambda report: campaign.live_long(SEED, LIFE_S, report))


async def test_a_full_disk_loses_nothing_and_is_over_when_there_is_room() -> None:
    await held(lambda report: campaign.fill_the_disk(SEED, report))


async def test_25_hours_without_the_homeserver_double_nothing() -> None:
    await held(lambda report: campaign.outlast_an_outage(SEED, report))


async def test_deaths_of_an_application_service_lose_nothing() -> None:
    report = await held(lambda report: campaign.kill_a_service(SEED, OF_A_SERVICE, report))
    assert report.counts["users who spoke"] == Size().nodes, "each node speaks for itself"
    assert report.counts["commands: confirmed"]


async def test_deaths_before_a_real_synapse_lose_nothing() -> None:
    await held(lambda report: campaign.kill_before_synapse(SEED, BEFORE_SYNAPSE, report))
