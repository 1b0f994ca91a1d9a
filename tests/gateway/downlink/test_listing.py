"""Lists that a person reads on a phone: what is known, and no more lines than a screen has."""

from comatrix.gateway.downlink import states
from comatrix.gateway.downlink.items import Item, NewItem, Order
from comatrix.gateway.downlink.listing import MOST_LINES, NodeNow, expected_ms, nodes_text, queue_text, status_text

NOW = 1_700_000_000_000


def item(number: int, state: str = states.QUEUED, shown: str = "interval = 60 s") -> Item:
    return Item(number, NewItem(1, Order("set", "interval", (60,), shown), "@ann:b", NOW - 90_000, NOW), state)


def test_nodes_are_told_with_when_they_were_heard() -> None:
    nodes = [
        NodeNow("garden", seen_ms=NOW - 30_000, interval_s=60),
        NodeNow("shed", seen_ms=NOW - 181_000, interval_s=60),
        NodeNow("barn", seen_ms=NOW - 7_200_000),
        NodeNow("roof"),
        NodeNow("pump", blocked=True, seen_ms=NOW),
        NodeNow("ahead", seen_ms=NOW + 5_000),
    ]
    assert nodes_text(nodes, NOW).splitlines() == [
        "garden: heard 30 s ago",
        "shed: silent, heard 3 min 1 s ago",
        "barn: heard 2 h 0 min ago",
        "roof: never heard",
        "pump: blocked",
        "ahead: heard 0 s ago",
    ]
    assert nodes_text([], NOW) == "No node is bound to this room."


def test_a_node_is_told_with_all_that_is_known() -> None:
    node = NodeNow("garden", False, NOW - 1_000, 900, 398, "1.2\nfake: line", "21.4 °C", NOW - 60_000, waiting=2)
    assert status_text(node, NOW).splitlines() == [
        "garden: heard 1 s ago",
        "last reading: 21.4 °C, measured 1 min 0 s ago",
        "battery: 3.98 V",
        "wakes every 15 min 0 s",
        "firmware: 1.2 fake: line",
        "commands waiting: 2",
    ]
    assert status_text(NodeNow("garden"), NOW) == "garden: never heard"


def test_what_waits_is_told_with_its_number() -> None:
    waiting = [("garden", item(7)), ("shed", item(8, states.ON_AIR))]
    assert queue_text(waiting, NOW).splitlines() == [
        "#7 garden: interval = 60 s, waits for 1 min 30 s",
        "#8 shed: interval = 60 s, on air for 1 min 30 s",
    ]
    assert queue_text([], NOW) == "No command waits."


def test_long_lists_end() -> None:
    nodes = [NodeNow(f"n{number}") for number in range(MOST_LINES + 5)]
    assert nodes_text(nodes, NOW).splitlines()[-1] == "and 5 more"
    assert len(nodes_text(nodes, NOW).splitlines()) == MOST_LINES + 1
    assert queue_text([("garden", item(n)) for n in range(MOST_LINES)], NOW).count("\n") == MOST_LINES - 1


def test_the_next_contact_is_known_while_it_is_ahead() -> None:
    assert expected_ms(NOW, 60, NOW) == NOW + 60_000
    assert expected_ms(NOW - 60_000, 60, NOW) is None
    assert expected_ms(None, 60, NOW) is expected_ms(NOW, None, NOW) is None
