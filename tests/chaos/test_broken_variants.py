"""The harness proves itself: it finds each planted mistake, and nothing in the same gateway without it."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chaos.gateway_process import STRACE
from tests.chaos.kills import Kills
from tests.chaos.link import Weather
from tests.chaos.plans import Plan
from tests.chaos.power_cut import Cuts
from tests.chaos.recording import SIZE, WEATHER, provision_recorded, record
from tests.chaos.report import Report
from tests.chaos.scene import Scene, Size

SEED = "proof"
LIVES_S = (1.0, 0.7)
CUTS = 80

pytestmark = [pytest.mark.slow]
needs_strace = pytest.mark.skipif(
    STRACE is None, reason="power cuts are replayed from what strace records: apt-get install strace"
)


def command(variant: str) -> Callable[[Path], list[str]]:
    return lambda home: [sys.executable, "-m", "tests.chaos.broken", variant, str(home)]


async def cut(variant: str, folder: Path) -> list[str]:
    """Power cuts into a short recorded run of a variant -> what was violated."""
    report = Report(lambda line: None)
    scene = Scene(folder / "scene", SEED, SIZE, WEATHER, command(variant), provision=provision_recorded)
    (folder / "scene").mkdir()
    try:
        await scene.open()
        recorded = await record(scene, LIVES_S)
        await Cuts(recorded, folder, SEED, report, CUTS, lambda summary: None).run()
    finally:
        await scene.close()
    return [one.text for one in report.violations]


async def kill_before_answers(variant: str, folder: Path) -> list[str]:
    """Three deaths, each between an event's arrival and its answer -> what was violated."""
    report = Report(lambda line: None)
    scene = Scene(folder / "scene", SEED, Size(nodes=8, rooms=1), Weather(), command(variant))
    (folder / "scene").mkdir()
    plan = Plan("event stored, not answered", None, "after", 2, 0.0, 0.0)
    try:
        await scene.open()
        await Kills(scene, report, 3, lambda summary: None, lambda generator: plan).run()
    finally:
        await scene.close()
    return [one.text for one in report.violations]


@needs_strace
@pytest.mark.parametrize("variant", ["sound", "hasty"])
async def test_power_cuts_find_nothing_in_a_sound_gateway(variant: str, tmp_path: Path) -> None:
    assert await cut(variant, tmp_path) == []


@needs_strace
async def test_an_acknowledgement_before_the_store_is_found(tmp_path: Path) -> None:
    found = await cut("acknowledges first", tmp_path)
    assert any("left before the log was synced" in text for text in found)
    assert any("acknowledged records are not in the database" in text for text in found)


@needs_strace
async def test_a_relaxed_sync_is_found(tmp_path: Path) -> None:
    found = await cut("synchronous normal", tmp_path)
    assert any("left before the log was synced" in text for text in found)
    assert any("acknowledged records are not in the database" in text for text in found)
    assert any("events were sent that the database does not know" in text for text in found)


async def test_kills_before_an_answer_find_nothing_in_a_sound_gateway(tmp_path: Path) -> None:
    assert await kill_before_answers("sound", tmp_path) == []


async def test_a_transaction_id_for_each_attempt_is_found(tmp_path: Path) -> None:
    found = await kill_before_answers("a transaction an attempt", tmp_path)
    assert any("records are shown more than once" in text for text in found)


async def test_a_batch_that_is_regrouped_after_a_crash_is_found(tmp_path: Path) -> None:
    found = await kill_before_answers("regroups", tmp_path)
    assert any("records are shown more than once" in text for text in found)
    assert any("were sent under several transaction ids" in text for text in found)
