"""Events that nobody takes stay few, and none is lost that matters."""

from comatrix_lora.station_events import (
    Delivered,
    DescriptionWanted,
    Events,
    Item,
    Refused,
    Rekeyed,
    Reserve,
    Time,
)


def taken(events: Events) -> list[object]:
    return list(iter(events.take, None))


def test_events_come_in_the_order_in_which_they_were_told() -> None:
    events = Events()
    told = [Delivered("r", 1), Time(5), Refused("m", 2), Item(1, 1, b""), Reserve(32)]
    for one in told:
        events.put(one)
    assert taken(events) == told and events.take() is None and events.dropped == 0


def test_of_what_only_the_newest_counts_only_the_newest_is_kept() -> None:
    events = Events()
    for i in range(1000):
        events.put(Time(i))
        events.put(Item(i, 1, bytes(100)))
        events.put(DescriptionWanted())
    time, item, wanted = taken(events)
    assert isinstance(time, Time) and time.unix_s == 999
    assert isinstance(item, Item) and item.id == 999
    assert isinstance(wanted, DescriptionWanted) and events.dropped == 0


def test_readings_that_nobody_hears_of_go_first_and_what_must_be_answered_never() -> None:
    events = Events(8)
    must = [Reserve(32), Rekeyed(b"x"), Delivered("m", 1), Refused("d", 2)]
    for one in must:
        events.put(one)
    for seq in range(1000):
        events.put(Delivered("r", seq))
    left = taken(events)
    assert left[:4] == must
    assert [one.seq for one in left[4:] if isinstance(one, Delivered)] == [996, 997, 998, 999]
    assert events.dropped == 996


def test_other_records_go_only_where_there_are_no_readings() -> None:
    events = Events(3)
    for seq in range(5):
        events.put(Delivered("m", seq))
    events.put(Reserve(32))
    assert [type(one) for one in taken(events)] == [Delivered, Delivered, Reserve]
