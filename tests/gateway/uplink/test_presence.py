"""When a node counts as silent, when it is back, and what causes no storm."""

from hypothesis import given
from hypothesis import strategies as st

from comatrix.gateway.uplink.presence import JUMP_MS, Change, Presence, Watched

MINUTE_MS = 60_000
QUARTER_MS = 15 * MINUTE_MS
START_MS = 1_700_000_000_000
NONE = Change({}, {})


class Watch:
    """Looks every minute at nodes that wake every quarter of an hour. `last`: their last contacts."""

    def __init__(self, *nodes: int) -> None:
        self.now_ms = START_MS
        self.last = dict.fromkeys(nodes, START_MS)
        self.silent: dict[int, int] = {}
        self.told: list[tuple[str, int, int]] = []  # what, node, after how many minutes
        self.presence = Presence()

    def pass_minutes(self, minutes: int, *, heard: tuple[int, ...] = ()) -> None:
        """`heard`: nodes that speak all the time."""
        for _ in range(minutes):
            self.now_ms += MINUTE_MS
            self.last.update(dict.fromkeys(heard, self.now_ms))
            self.look()

    def look(self) -> None:
        watched = {node: Watched(QUARTER_MS, last_ms) for node, last_ms in self.last.items()}
        change = self.presence.look(self.now_ms, watched, self.silent)
        after = (self.now_ms - START_MS) // MINUTE_MS
        self.told += [("silent", node, after) for node in change.silent]
        self.told += [("back", node, after) for node in change.back]
        self.silent |= change.silent
        for node in change.back:
            del self.silent[node]


def test_a_node_is_silent_after_three_missed_intervals_once() -> None:
    watch = Watch(1, 2)
    watch.look()
    watch.pass_minutes(600, heard=(2,))
    assert watch.told == [("silent", 1, 46)]


def test_it_is_back_once() -> None:
    watch = Watch(1)
    watch.look()
    watch.pass_minutes(60)
    watch.pass_minutes(60, heard=(1,))
    assert watch.told == [("silent", 1, 46), ("back", 1, 61)]
    watch.pass_minutes(60)
    assert watch.told[2:] == [("silent", 1, 166)]


def test_after_a_restart_every_node_has_an_interval_to_be_heard() -> None:
    watch = Watch(1, 2)
    watch.last = {1: START_MS - 50 * QUARTER_MS, 2: START_MS - 50 * QUARTER_MS}
    watch.look()
    watch.pass_minutes(15)
    watch.pass_minutes(30, heard=(2,))
    assert watch.told == [("silent", 1, 19)]


def test_what_was_silent_before_a_restart_is_not_told_again() -> None:
    watch = Watch(1)
    watch.last = watch.silent = {1: START_MS - 50 * QUARTER_MS}
    watch.look()
    watch.pass_minutes(120)
    assert watch.told == []
    watch.last = {1: watch.now_ms}
    watch.look()
    assert watch.told == [("back", 1, 120)]


def test_a_machine_that_slept_blames_no_node() -> None:
    watch = Watch(1)
    watch.look()
    watch.now_ms += 100 * QUARTER_MS
    watch.pass_minutes(15)
    assert watch.told == []
    watch.pass_minutes(60, heard=(1,))
    assert watch.told == []


def test_a_clock_that_was_set_blames_no_node() -> None:
    watch = Watch(1)
    watch.last = {1: START_MS + 100 * QUARTER_MS}
    watch.look()
    watch.now_ms -= 100 * QUARTER_MS
    watch.look()
    assert watch.told == []


def test_a_node_that_was_not_watched_begins_anew() -> None:
    watch = Watch(1)
    watch.look()
    del watch.last[1]  # blocked, say
    watch.pass_minutes(100)
    watch.last[1] = START_MS
    watch.pass_minutes(15)
    assert watch.told == []


def test_a_node_that_speaks_every_second_may_reboot() -> None:
    presence = Presence()
    told = [presence.look(at_ms, {1: Watched(1000, 0)}, {}) for at_ms in range(0, 70_000, 10_000)]
    assert told == [NONE] * 7
    assert presence.look(70_000, {1: Watched(1000, 0)}, {}) == Change({1: 0}, {})


@given(st.lists(st.tuples(st.integers(0, 2 * JUMP_MS), st.booleans()), max_size=80))
def test_silent_and_back_take_turns(steps: list[tuple[int, bool]]) -> None:
    watch = Watch(1)
    watch.last = {1: START_MS}
    for pause_ms, heard in steps:
        watch.now_ms += pause_ms
        if heard:
            watch.last[1] = watch.now_ms
        watch.look()
    kinds = [what for what, _, _ in watch.told]
    assert kinds == ["silent", "back"] * (len(kinds) // 2) + ["silent"] * (len(kinds) % 2)
