"""Every invariant finds its violation, and is content where there is none."""

from collections.abc import Callable
from typing import Any

import pytest

from comatrix.session.replay import Window
from tests.chaos import invariants
from tests.chaos.ledger import Shown

Found = Callable[..., list[str]]


def shown(seq: int, *, late: bool = False, values: tuple[str, ...] = ("1.00",), event: int = 1) -> Shown:
    return Shown((7, 1, seq), values, late, event, "txn")


CASES: list[tuple[Found, tuple[Any, ...], tuple[Any, ...]]] = [
    (invariants.all_acknowledged_are_shown, ({(7, 1, 1)}, [shown(1), shown(2)]), ({(7, 1, 1), (7, 1, 3)}, [shown(1)])),
    (invariants.nothing_is_shown_twice, ([shown(1), shown(2)],), ([shown(1), shown(1, event=2)],)),
    (invariants.shown_in_the_nodes_order, ([shown(2), shown(1, late=True), shown(3)],), ([shown(2), shown(1)],)),
    (invariants.shown_as_measured, ({(7, 1, 1): ("1.00",)}, [shown(1)]), ({(7, 1, 1): ("1.01",)}, [shown(1)])),
    (invariants.shown_as_measured, ({(7, 1, 1): ("1.00",)}, [shown(1)]), ({}, [shown(1)])),
    (invariants.all_acknowledged_are_stored, ([(7, 1, 1)], [(7, 1, 1), (7, 1, 2)]), ([(7, 1, 1)], [(7, 1, 2)])),
    (invariants.database_is_whole, (("ok",),), (("row 3 missing from index",),)),
    (invariants.no_answer_before_its_sync, ([(1.0, 4.0)], [(2.0, 3.0)]), ([(1.0, 4.0)], [(0.5, 3.0)])),
    (invariants.no_answer_before_its_sync, ([(1.0, 4.0)], [(2.0, 5.0), (2.5, 3.0)]), ([(1.0, 4.0)], [(2.0, 5.0)])),
    (invariants.no_nonce_seals_two_messages, ({("k", 1): {b"a"}},), ({("k", 1): {b"a", b"b"}},)),
    (invariants.replays_change_nothing, ({"records": 3}, {"records": 3}), ({"records": 3}, {"records": 4})),
    (
        invariants.a_record_has_one_transaction,
        ([("1.1", [(7, 1, 1)]), ("1.1", [(7, 1, 1)])],),
        ([("1.1", [(7, 1, 1)]), ("1.2", [(7, 1, 1)])],),
    ),
    (invariants.retries_send_the_same_bytes, ([("1.1", b"a"), ("1.1", b"a")],), ([("1.1", b"a"), ("1.1", b"b")],)),
    (invariants.sent_was_sealed_before, ({"1.1": b"a"}, {"1.1": b"a", "1.2": b"b"}), ({"1.1": b"a"}, {"1.1": b"b"})),
    (invariants.sent_was_sealed_before, ({"1.1": b"a"}, {"1.1": None}), ({"1.1": b"a"}, {})),
    (invariants.each_record_is_sealed_once, ([1, 2, 3], [1, 3]), ([1, 1, 2], [1])),
    (invariants.each_record_is_sealed_once, ([1, 2, 3], [1, 3]), ([1, 2], [1, 3])),
    (invariants.counters_were_reserved, ({"7": 4}, {"7": 5}), ({"7": 5}, {"7": 5})),
    (invariants.memory_is_flat, ([50.0, 60, 60, 60, 60, 60, 60, 61],), ([50.0, 50, 51, 52, 55, 58, 60, 62],)),
    (invariants.memory_is_bounded, ([49.0, 53, 95],), ([49.0, 120, 50],)),
    (invariants.descriptors_are_flat, ([20.0] * 8,), ([20.0, 20, 20, 20, 25, 26, 27, 28],)),
    (invariants.first_answers_come_soon, ([0.5, 0.6, 9.0],), ([2.5, 2.6, 0.1],)),
    (invariants.it_was_killed, (-9,), (1,)),
    (invariants.it_ended_well, (0,), (-15,)),
    (invariants.nothing_is_executed_twice, ({1: 1}, {2: 1}), ({1: 2}, {})),
    (invariants.nothing_is_executed_twice, ({1: 1}, {2: 1}), ({1: 1}, {1: 1})),
    (invariants.each_command_has_one_reply, ({1: 1, 2: 0},), ({1: 2},)),
    (invariants.each_command_ends_once, ({1: ["open", "open", "confirmed"]},), ({1: ["open"]},)),
    (
        invariants.each_command_ends_once,
        ({1: ["open", "not_confirmed", "confirmed"]},),
        ({1: ["open", "expired", "confirmed"]},),
    ),
    (invariants.each_command_ends_once, ({1: ["declined"]},), ({1: ["open", "confirmed", "open"]},)),
    (invariants.what_is_said_was_done, ({1: "confirmed"}, {1: 1}, {}, {1}), ({1: "confirmed"}, {}, {}, {1})),
    (invariants.what_is_said_was_done, ({1: "refused"}, {}, {1: 1}, {1}), ({1: "refused"}, {1: 1}, {}, {1})),
    (invariants.what_is_said_was_done, ({1: "not_confirmed"}, {1: 1}, {}, {1}), ({1: "not_confirmed"}, {}, {}, set())),
    (invariants.what_is_said_was_done, ({1: "expired"}, {}, {}, set()), ({1: "expired"}, {}, {}, {1})),
    (invariants.what_is_said_was_done, ({}, {}, {}, set()), ({}, {1: 1}, {}, {1})),
    (invariants.nothing_was_refused, ([],), (["node 7: r 4.00"],)),
    (invariants.nothing_is_stored_twice, ([(7, 1, 1), (7, 1, 2)],), ([(7, 1, 1), (7, 1, 1)],)),
    (invariants.answered_requests_stay_known, ([(7, 5)], {7: Window(6, 3)}), ([(7, 5)], {7: Window(6, 1)})),
    (invariants.answered_requests_stay_known, ([(7, 5)], {7: Window(5, 1)}), ([(7, 5)], {})),
    (invariants.no_copy_is_suspected, (False,), (True,)),
    (invariants.secrets_are_whole, ("@cx:localhost",), ("unreadable: There is no access token",)),
    (invariants.something_was_overheard, (100, 3), (100, 0)),
    (invariants.it_came_true, (True, "it rains"), (False, "it rains")),
    (invariants.no_traceback, ("12:00:00 INFO stopped",), ("Traceback (most recent call last):",)),
]


@pytest.mark.parametrize(("invariant", "good", "bad"), CASES, ids=lambda case: getattr(case, "__name__", ""))
def test_it_tells_the_violation_from_the_rest(invariant: Found, good: tuple[Any, ...], bad: tuple[Any, ...]) -> None:
    assert invariant(*good) == []
    assert len(invariant(*bad)) == 1


def test_every_invariant_is_shown_a_violation() -> None:
    known = {
        name
        for name, value in vars(invariants).items()
        if not name.startswith("_") and getattr(value, "__module__", "") == invariants.__name__
    }
    assert known == {invariant.__name__ for invariant, _, _ in CASES}
