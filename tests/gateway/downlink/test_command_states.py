"""A command always ends in one state, and only "not confirmed" is ever corrected."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comatrix.gateway.downlink import states
from comatrix.gateway.downlink.states import (
    AIRED,
    CANCELLED_BY,
    CONFIRMED,
    DENIED,
    DONE,
    EXPIRED,
    LOST,
    NOT_CONFIRMED,
    ON_AIR,
    QUEUED,
    REFUSED,
    REPLACED_BY,
    TIMED_OUT,
    WITHDREW,
    final,
    step,
)


def walk(events: list[str]) -> list[str]:
    """The states gone through, the first included."""
    gone = [QUEUED]
    for event in events:
        after = step(gone[-1], event)
        if after is not None:
            gone.append(after)
    return gone


@given(st.lists(st.sampled_from(sorted(states.EVENTS))))
def test_whatever_happens_one_final_state_is_reached_and_only_not_confirmed_changes_once(events: list[str]) -> None:
    gone = walk([*events, TIMED_OUT])  # time runs out for every command
    ends = [state for state in gone if final(state)]
    assert len(gone) == len(set(gone))
    assert final(gone[-1])
    assert len(ends) == 1 or (len(ends) == 2 and ends[0] == NOT_CONFIRMED and ends[1] in (CONFIRMED, REFUSED))


@given(st.lists(st.sampled_from(sorted(states.EVENTS))))
def test_what_was_on_air_is_never_said_not_to_have_reached_the_node(events: list[str]) -> None:
    gone = walk(events)
    if ON_AIR in gone:
        assert gone[-1] in (ON_AIR, CONFIRMED, REFUSED, NOT_CONFIRMED)


@given(st.lists(st.sampled_from(sorted(set(states.EVENTS) - {DONE}))))
def test_only_the_nodes_own_word_confirms(events: list[str]) -> None:
    assert CONFIRMED not in walk(events)


@pytest.mark.parametrize("event", [CANCELLED_BY, WITHDREW, REPLACED_BY])
def test_on_air_it_is_too_late_to_take_it_back(event: str) -> None:
    assert step(ON_AIR, event) is None


def test_time_that_runs_out_tells_what_never_left_from_what_may_have_been_done() -> None:
    assert (step(QUEUED, TIMED_OUT), step(ON_AIR, TIMED_OUT)) == (EXPIRED, NOT_CONFIRMED)
    assert step(ON_AIR, LOST) == NOT_CONFIRMED


def test_a_late_word_settles_it_once() -> None:
    assert walk([AIRED, TIMED_OUT, DONE, DENIED]) == [QUEUED, ON_AIR, NOT_CONFIRMED, CONFIRMED]
    assert walk([AIRED, TIMED_OUT, DENIED, DONE]) == [QUEUED, ON_AIR, NOT_CONFIRMED, REFUSED]


def test_every_state_and_event_has_its_words() -> None:
    froms = {state for state, _ in states.TRANSITIONS}
    assert set(states.STATES) == froms | set(states.TRANSITIONS.values())
    assert set(states.EVENTS) == {event for _, event in states.TRANSITIONS}
