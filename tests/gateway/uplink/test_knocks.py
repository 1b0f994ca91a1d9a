"""Security events become few lines in words, however many there are, and none of the counts is lost."""

from typing import Any

from comatrix.gateway.uplink.knocks import EVERY_MS, LISTED, MOST_NODES, MOST_STRANGERS, Knocks
from comatrix.session.server import Knock

ADDRESS = (0, ("fd00::12", 5683))


def listening(names: dict[int, str] | None = None) -> tuple[Knocks, list[str]]:
    lines: list[str] = []
    return Knocks(lines.append, ({7: "garden"} if names is None else names).get), lines


def test_the_first_is_told_at_once_and_the_rest_in_bulk() -> None:
    knocks, lines = listening()
    for now in range(0, EVERY_MS + 1, EVERY_MS // 14):
        knocks.note(Knock("wrong key", ADDRESS, b"\x07", 7), now)
    knocks.handle_timer(EVERY_MS)
    assert lines == ["node 'garden' knocked once with a wrong key", "node 'garden' knocked 14 times with a wrong key"]


def test_the_last_count_is_told_when_nobody_knocks_any_more() -> None:
    knocks, lines = listening()
    assert knocks.next_deadline() is None
    for _ in range(128):
        knocks.note(Knock("malformed", ADDRESS), 1_000)
    assert lines == ["1 malformed datagram from fd00::12"]
    assert knocks.next_deadline() == 1_000 + EVERY_MS
    knocks.handle_timer(999 + EVERY_MS)
    assert len(lines) == 1
    knocks.handle_timer(1_000 + EVERY_MS)
    assert lines[1:] == ["127 malformed datagrams from fd00::12"]
    knocks.handle_timer(1_000 + 2 * EVERY_MS)
    assert knocks.next_deadline() is None
    assert len(lines) == 2


def test_a_gateway_that_stops_tells_what_it_counted() -> None:
    knocks, lines = listening()
    for _ in range(3):
        knocks.note(Knock("blocked", ADDRESS, b"\x07", 7), 0)
    knocks.tell_rest(5)
    knocks.tell_rest(6)
    assert lines == ["blocked node 'garden' knocked once", "blocked node 'garden' knocked 2 times"]


def test_a_line_comes_at_most_once_in_ten_minutes_a_subject() -> None:
    knocks, lines = listening()
    for now in range(0, 10 * EVERY_MS, 1_000):
        knocks.note(Knock("replay", ADDRESS, None, 7), now)
        knocks.handle_timer(now)
    assert len(lines) == 10


def test_each_event_is_told_in_words_by_what_is_known() -> None:
    knocks, lines = listening()
    for knock in (
        Knock("unknown node", ADDRESS, b"\x4d"),
        Knock("unknown node", ADDRESS, b"abcdefg"),
        Knock("no security", ADDRESS),
        Knock("wrong listener", ADDRESS, None, 7),
        Knock("wrong address", ADDRESS),
        Knock("dropped", ADDRESS),
        Knock("too fast", ADDRESS, None, 7),
        Knock("replay", ADDRESS, None, 9),
        Knock("old key", ADDRESS, b"\x07", 7),
    ):
        knocks.note(knock, 0)
    assert lines == [
        "unknown node 77 from fd00::12 knocked once",
        "unknown node from fd00::12 knocked once",
        "fd00::12 knocked once without security",
        "plain node 'garden' knocked once at a listener for encrypted nodes: it belongs to [udp] plain_bind",
        "fd00::12 knocked once without security and is no plain node's address",
        "1 datagram from fd00::12 dropped unread: too many before had failed",
        "node 'garden' was told once to slow down: it sends more than [limits] node_rate allows",
        "1 replayed message of node '9' refused",
        "node 'garden' knocked once with a key from before the database was put back; it makes a new one by itself",
    ]


def test_no_name_or_address_breaks_its_line() -> None:
    knocks, lines = listening({7: "gar\u202eden\n\x1b[31mred"})
    knocks.note(Knock("wrong key", ADDRESS, b"\x07", 7), 0)
    knocks.note(Knock("malformed", (0, ("fe80::1%eth\n0", 5683))), 0)
    assert lines == [
        "node 'garden [31mred' knocked once with a wrong key",
        "1 malformed datagram from fe80::1%eth 0",
    ]


def test_a_storm_of_strangers_fills_neither_log_nor_memory_and_hides_no_node() -> None:
    knocks, lines = listening()
    for number in range(10_000):
        knocks.note(Knock("malformed", (0, (f"2001:db8::{number:x}", 1))), 0)
        knocks.note(Knock("unknown node", (0, (f"2001:db8::{number:x}", 1)), b"\x4d"), 0)
    knocks.note(Knock("wrong key", ADDRESS, b"\x07", 7), 0)
    assert len(lines) == MOST_STRANGERS + 2 + 1
    assert lines[-1] == "node 'garden' knocked once with a wrong key"
    assert "1 malformed datagram from other addresses" in lines
    assert "unknown nodes from other addresses knocked once" in lines
    knocks.handle_timer(EVERY_MS)
    assert sum("9983 malformed" in line or "9983 times" in line for line in lines) == 2
    assert len(knocks.report(0)) <= LISTED
    assert knocks.total == 20_001


def test_a_storm_in_the_name_of_many_nodes_is_bounded_too() -> None:
    knocks, lines = listening({})
    for number in range(1, 60_000):
        knocks.note(Knock("wrong key", ADDRESS, number.to_bytes(2, "big"), number), 0)
    assert len(lines) == MOST_NODES + 1
    assert lines[-1] == "other nodes knocked once with a wrong key"
    assert len(knocks.report(0)) == MOST_NODES + 1


def test_the_list_keeps_counts_and_times_and_the_latest_events() -> None:
    knocks, _ = listening()
    knocks.note(Knock("wrong key", ADDRESS, b"\x07", 7), 1_000)
    knocks.note(Knock("malformed", (0, ("10.0.0.9", 1))), 2_000)
    for _ in range(13):
        knocks.note(Knock("wrong key", (0, ("10.0.0.9", 1)), b"\x07", 7), 3_000)
    first: dict[str, Any]
    first, second = knocks.report(1_700_000_000_000)
    assert first == {
        "text": "node 'garden' knocked 14 times with a wrong key",
        "reason": "wrong key",
        "who": "node 'garden'",
        "count": 14,
        "first_ms": 1_700_000_001_000,
        "last_ms": 1_700_000_003_000,
        "address": "10.0.0.9",
    }
    assert second["text"] == "1 malformed datagram from 10.0.0.9"
    for turn in range(20):
        now = (turn + 1) * 2 * EVERY_MS
        knocks.handle_timer(now)
        knocks.handle_timer(now + EVERY_MS)
        for number in range(MOST_STRANGERS):
            knocks.note(Knock("malformed", (0, (f"2001:db8:{turn:x}::{number:x}", 1))), now + EVERY_MS)
    assert len(knocks.report(0)) == LISTED
