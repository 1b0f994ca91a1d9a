"""What a room's state tells of a node, what is a change of it, and when it is looked at."""

from dataclasses import replace

import pytest

from comatrix.gateway.uplink.node_state import (
    BATTERY_STEP_CV,
    SPACING_MS,
    STALE_MS,
    Facts,
    Mark,
    Turns,
    content,
    is_news_untrusted,
)
from comatrix.gateway.uplink.sealing import canonical

SEEN_MS = 1_717_243_510_000
GARDEN = Facts(7, "!a:b", "garden", SEEN_MS, 398, "comatrix 0.1", 60, ("interval", "label"))
HERE = Mark("!a:b", "garden", silent=False)


def test_it_holds_integers_and_texts_only_and_nothing_that_is_not_known() -> None:
    assert content(GARDEN) == {
        "v": 1,
        "name": "garden",
        "last_seen_ms": SEEN_MS,
        "battery": "3.98",
        "firmware": "comatrix 0.1",
        "interval": 60,
        "settings": ["interval", "label"],
    }
    assert content(Facts(7, "!a:b", "garden")) == {"v": 1, "name": "garden"}
    canonical(content(replace(GARDEN, firmware="\u202e\x00", settings=("\ud800",))))


def test_nothing_stands_of_a_silent_node() -> None:
    assert content(replace(GARDEN, silent=True)) == {}


@pytest.mark.parametrize(
    ("change", "news"),
    [
        ({}, False),
        ({"name": "shed"}, True),
        ({"firmware": "comatrix 0.2"}, True),
        ({"interval_s": 61}, True),
        ({"settings": ("interval",)}, True),
        ({"settings": ()}, True),
        ({"battery_cv": 398 - BATTERY_STEP_CV + 1}, False),
        ({"battery_cv": 398 - BATTERY_STEP_CV}, True),
        ({"battery_cv": None}, True),
        ({"last_seen_ms": SEEN_MS + STALE_MS - 1}, False),
        ({"last_seen_ms": SEEN_MS + STALE_MS}, True),
        ({"silent": True}, True),
    ],
)
def test_a_change_is_what_a_program_would_act_on(change: dict[str, object], news: bool) -> None:
    assert is_news_untrusted(content(GARDEN), content(replace(GARDEN, **change))) == news  # type: ignore[arg-type]


@pytest.mark.parametrize("there", [{}, {"v": 1}, {"v": 2, "name": "garden"}, {"name": ["garden"]}])
def test_whatever_else_stands_there_is_replaced(there: dict[str, object]) -> None:
    assert is_news_untrusted(there, content(GARDEN))
    assert is_news_untrusted(there, {}) == bool(there)


def test_each_node_is_looked_at_once_in_15_minutes() -> None:
    turns = Turns()
    looks: dict[int, list[int]] = {7: [], 8: []}
    for now_ms in range(0, 3 * SPACING_MS, 10_000):
        turns.know({7: HERE, 8: HERE}, now_ms)
        node = turns.next(now_ms)
        if node is not None:
            looks[node].append(now_ms)
            turns.looked(node, now_ms, sent=True)
    assert looks == {7: [0, SPACING_MS, 2 * SPACING_MS], 8: [10_000, SPACING_MS + 10_000, 2 * SPACING_MS + 10_000]}


def test_what_changed_is_looked_at_when_15_minutes_since_its_last_event_are_over() -> None:
    turns = Turns()
    turns.know({7: HERE}, 0)
    turns.looked(7, 0, sent=True)
    turns.looked(7, 600_000, sent=False)
    turns.know({7: replace(HERE, name="shed")}, 700_000)
    assert turns.next(SPACING_MS - 1) is None
    assert turns.next(SPACING_MS) == 7


def test_what_has_to_go_is_looked_at_at_once_and_before_what_can_wait() -> None:
    turns = Turns()
    turns.know({7: HERE, 8: HERE}, 0)
    turns.looked(7, 5, sent=True)
    turns.know({7: replace(HERE, silent=True), 8: HERE}, 10)
    assert turns.next(10, silent_only=True) == 7
    turns.looked(7, 10, sent=True)
    assert turns.next(10, silent_only=True) is None


def test_a_node_that_is_not_there_is_forgotten() -> None:
    turns = Turns()
    turns.know({7: HERE}, 0)
    turns.know({}, 0)
    assert turns.next(0) is None
    turns.know({7: HERE}, 0)
    assert turns.next(0) == 7
