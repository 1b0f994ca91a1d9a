"""Virtual time: events come in one order, can be cancelled, and can be driven a step at a time."""

import pytest
from comatrix_lora.medium.scheduler import END, LOCK, Event, Scheduler


def test_events_of_one_instant_come_by_rank_and_then_as_planned() -> None:
    scheduler, told = Scheduler(), list[str]()
    scheduler.at(5, lambda: told.append("caller 1"))
    scheduler.at(5, lambda: told.append("lock"), LOCK)
    scheduler.at(5, lambda: told.append("caller 2"))
    scheduler.at(5, lambda: told.append("end"), END)
    scheduler.at(4, lambda: told.append("earlier"))
    scheduler.run()
    assert told == ["earlier", "end", "lock", "caller 1", "caller 2"]


def test_run_until_includes_its_end_and_moves_the_clock_there() -> None:
    scheduler, told = Scheduler(), list[int]()
    for us in (10, 20, 21):
        scheduler.at(us, lambda: told.append(scheduler.now_us))
    scheduler.run_until(20)
    assert (told, scheduler.now_us, scheduler.next_event_us()) == ([10, 20], 20, 21)
    scheduler.run_until(1000)
    assert (told, scheduler.now_us, scheduler.next_event_us(), scheduler.events) == ([10, 20, 21], 1000, None, 3)


def test_what_an_event_plans_for_now_happens_now() -> None:
    scheduler, told = Scheduler(), list[int]()
    scheduler.at(7, lambda: scheduler.after(0, lambda: told.append(scheduler.now_us)))
    scheduler.run_until(7)
    assert told == [7]


def test_a_cancelled_event_does_not_happen_and_is_not_waited_for() -> None:
    scheduler, told = Scheduler(), list[str]()
    first = scheduler.at(1, lambda: told.append("no"))
    scheduler.at(2, lambda: told.append("yes"))
    first.cancel()
    first.cancel()
    assert scheduler.next_event_us() == 2
    scheduler.run()
    assert told == ["yes"]
    first.cancel()
    assert scheduler.next_event_us() is None


def test_an_event_may_cancel_itself_and_another_of_its_instant() -> None:
    scheduler, told = Scheduler(), list[str]()
    events = list[Event]()

    def cancel_all() -> None:
        for event in events:
            event.cancel()

    events.append(scheduler.at(1, cancel_all))
    events.append(scheduler.at(1, lambda: told.append("no")))
    scheduler.run()
    assert told == []


def test_cancelled_events_do_not_pile_up() -> None:
    scheduler = Scheduler()
    scheduler.at(10**9, lambda: None)
    for us in range(10_000):
        scheduler.at(10**6 + us, lambda: None).cancel()
    assert len(scheduler._queue) < 200
    assert scheduler.next_event_us() == 10**9


def test_the_past_is_refused() -> None:
    scheduler = Scheduler()
    scheduler.run_until(10)
    with pytest.raises(ValueError, match="9 us is past"):
        scheduler.at(9, lambda: None)
    with pytest.raises(ValueError, match="9 us is past"):
        scheduler.run_until(9)


def test_a_driver_in_steps_sees_what_a_run_to_the_end_sees() -> None:
    def script(scheduler: Scheduler, told: list[int]) -> None:
        def again() -> None:
            told.append(scheduler.now_us)
            if scheduler.now_us < 100:
                scheduler.after(7, again)

        scheduler.at(0, again)

    at_once, in_steps = list[int](), list[int]()
    one, other = Scheduler(), Scheduler()
    script(one, at_once)
    one.run()
    script(other, in_steps)
    while (us := other.next_event_us()) is not None:
        other.run_until(us)
    assert at_once == in_steps == list(range(0, 106, 7))
