"""500 events in a seeded order: resets, sleep, loss, full flash; the gateway restarted, restored, its keys rotated."""

import gc
from collections.abc import Iterator

import pytest

from tests.support.node_under_fire import Copy, Fire

EVENTS = 500
FAST_SEEDS = range(6)
SLOW_SEEDS = range(100, 200)


@pytest.fixture(autouse=True)
def _quick_collections() -> Iterator[None]:
    """The node collects garbage for each message: what pytest brought along need not be looked through."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


class Schedule:
    """Draws events and carries them out. `told`: what happened, for whoever must find out why."""

    WEIGHTS = {
        "post": 30,
        "time": 40,
        "long time": 3,
        "loss": 8,
        "reset": 6,
        "reset in a write": 8,
        "sleep": 8,
        "flash full": 4,
        "flash free": 8,
        "flash unreadable": 1,
        "flash garbled": 1,
        "waiting garbled": 1,
        "gateway restarts": 6,
        "commits held": 3,
        "commits done": 12,
        "disk full": 2,
        "disk free": 8,
        "back up": 3,
        "restore": 1,
        "rotate": 1,
        "wall clock": 2,
    }

    def __init__(self, seed: int) -> None:
        self.fire = Fire(("none", "kept", "lost")[seed % 3], seed)
        self.random = self.fire.random
        self.copies: list[Copy] = []
        self.told: list[str] = []

    def run(self, events: int) -> None:
        """So many events; then all faults end, and the promises are looked at."""
        for what in self.random.choices(list(self.WEIGHTS), list(self.WEIGHTS.values()), k=events):
            self.told.append(what)
            self.happens(what)
        self.fire.heal()
        self.fire.check()

    def happens(self, what: str) -> None:
        """One event: the method of that name."""
        getattr(self, what.replace(" ", "_"))()

    # At the board

    def post(self) -> None:
        self.fire.surviving(self.fire.post)

    def time(self) -> None:
        self.fire.run(self.random.choice((1, 600, 5000, 60_000, 320_000)))

    def long_time(self) -> None:
        self.fire.run(4_000_000)

    def loss(self) -> None:
        self.fire.loss = self.random.choice((0.0, 0.0, 0.0, 0.3, 0.3, 1.0))

    def reset(self) -> None:
        self.fire.reset()

    def reset_in_a_write(self) -> None:
        board = self.fire.board
        board.cut = board.changes + self.random.randint(1, 6), self.random.randint(0, 3)

    def sleep(self) -> None:
        self.fire.sleep(self.random.choice((1000, 60_000, 3_600_000)))

    def flash_full(self) -> None:
        board = self.fire.board
        board.full = board.changes + self.random.randint(1, 4)
        board.refuses = self.random.randint(0, 2)

    def flash_free(self) -> None:
        self.fire.board.full = None

    def flash_unreadable(self) -> None:
        fire = self.fire
        fire.kept.clear()  # nothing can be promised of what cannot be read
        fire.board.unreadable = fire.unread = True
        fire.reset()
        fire.board.unreadable = False

    def flash_garbled(self) -> None:
        self._garble("state.")
        self.fire.lost = True
        self.fire.reset()

    def waiting_garbled(self) -> None:
        self.fire.kept.clear()
        self.fire.unread = True
        self._garble("waiting")

    def _garble(self, begin: str) -> None:
        files = self.fire.board.files
        for name in [name for name in files if name.startswith(begin)]:
            files[name] = self.random.randbytes(64)

    # At the gateway

    def gateway_restarts(self) -> None:
        self.fire.gateway.restart()

    def commits_held(self) -> None:
        self.fire.disk.hold = True

    def commits_done(self) -> None:
        self.fire.disk.hold = False
        self.fire.disk.sync()

    def disk_full(self) -> None:
        self.fire.disk.broken = True

    def disk_free(self) -> None:
        self.fire.disk.broken = False

    def back_up(self) -> None:
        self.copies.append(self.fire.back_up())

    def restore(self) -> None:
        if self.copies:
            number = self.random.randrange(len(self.copies))
            self.fire.restore(self.copies[number])
            del self.copies[number + 1 :]  # of a time that never was

    def rotate(self) -> None:
        self.fire.rotate()

    def wall_clock(self) -> None:
        self.fire.gateway.wall_shift_ms = self.random.choice((0, -7_200_000, 86_400_000))


def carried_out(seed: int) -> Schedule:
    """Every promise kept, or the seed and what happened are told."""
    schedule = Schedule(seed)
    try:
        schedule.run(EVENTS)
    except Exception as error:
        error.add_note(f"seed {seed}, after {len(schedule.told)} events, the last: {schedule.told[-12:]}")
        raise
    return schedule


@pytest.mark.parametrize("seed", FAST_SEEDS)
def test_no_order_of_events_loses_doubles_or_seals_twice(seed: int) -> None:
    assert carried_out(seed).fire.deliveries > 10, "hardly anything got through: this tests nothing"


@pytest.mark.slow
def test_nor_does_any_of_a_hundred_more() -> None:
    schedules = [carried_out(seed) for seed in SLOW_SEEDS]
    assert sum(schedule.fire.resets for schedule in schedules) > 3000
    assert sum(schedule.fire.deliveries for schedule in schedules) > 3000
