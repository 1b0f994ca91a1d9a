"""A gateway that starts while a command has the database waits a moment for it: a real lock, of another process."""

import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from comatrix.gateway.edges.store.capacity import StoreLimits
from comatrix.gateway.errors import StoreError, StoreInUse
from comatrix.gateway.opening import WAIT_S, open_store

HOLD = """
import sys
from pathlib import Path
from comatrix.gateway.edges.store.lock import OwnerLock
lock = OwnerLock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""
LIMITS = StoreLimits()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "comatrix.db"


@pytest.fixture
def owner(path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that has the database until its input ends."""
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None and owner.stdout.readline() == b"held\n"
        yield owner
        owner.kill()


async def test_it_starts_once_the_command_is_over_and_says_once_that_it_waits(
    path: Path, owner: "subprocess.Popen[bytes]", caplog: pytest.LogCaptureFixture
) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 5:
            owner.communicate()  # its input ends

    with caplog.at_level(logging.INFO):
        store = await open_store(path, LIMITS, sleep)
    store.close()
    assert len(waited) == 5
    [told] = caplog.messages
    assert told == f"{path} is in use by another process (pid {owner.pid}): waiting up to 3 s for it"


async def test_who_holds_it_longer_is_told_after_3_s(path: Path, owner: "subprocess.Popen[bytes]") -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    with pytest.raises(StoreInUse, match=rf"in use by another process \(pid {owner.pid}\)") as caught:
        await open_store(path, LIMITS, sleep)
    assert caught.value.next_step == "comatrix status"
    assert sum(waited) == pytest.approx(WAIT_S) and WAIT_S == 3


async def never(seconds: float) -> None:
    raise AssertionError("waited")


async def test_nothing_waits_where_nobody_has_it(path: Path) -> None:
    (await open_store(path, LIMITS, never)).close()


@pytest.fixture
def damaged(path: Path) -> Path:
    path.write_bytes(b"no database at all" * 100)
    return path


async def test_what_time_does_not_mend_is_told_at_once(damaged: Path) -> None:
    with pytest.raises(StoreError, match="damaged or no database"):
        await open_store(damaged, LIMITS, never)
