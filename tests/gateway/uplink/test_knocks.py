"""Strangers and wrong keys become few lines in words, however many there are."""

from comatrix.gateway.uplink.knocks import CAP, EVERY_MS, Knocks
from comatrix.session.server import Knock

ADDRESS = (0, ("fd00::12", 5683))


def listening() -> tuple[Knocks, list[str]]:
    lines: list[str] = []
    return Knocks(lines.append, {7: "garden"}.get), lines


def test_the_first_is_told_at_once_and_the_rest_in_bulk() -> None:
    knocks, lines = listening()
    for now in range(0, EVERY_MS + 1, EVERY_MS // 15):
        knocks.note(Knock("wrong key", ADDRESS, b"\x07", 7), now)
    assert lines == ["node 'garden' knocked once with a wrong key", "node 'garden' knocked 15 times with a wrong key"]


def test_unknown_nodes_and_plain_strangers_are_named_by_what_is_known() -> None:
    knocks, lines = listening()
    knocks.note(Knock("unknown node", ADDRESS, b"\x4d"), 0)
    knocks.note(Knock("unknown node", ADDRESS, b"abcdefg"), 0)
    knocks.note(Knock("no security", ADDRESS), 0)
    knocks.note(Knock("old key", ADDRESS, b"\x07", 7), 0)
    assert lines == [
        "unknown node 77 from fd00::12 knocked once",
        "unknown node from fd00::12 knocked once",
        "fd00::12 knocked once without security",
        "node 'garden' knocked once with a key from before the database was put back; it makes a new one by itself",
    ]


def test_a_storm_of_strangers_is_remembered_within_bounds() -> None:
    knocks, lines = listening()
    for number in range(CAP + 500):
        knocks.note(Knock("no security", (0, (f"192.0.2.{number}", 1))), 0)
    assert len(knocks._known) <= CAP + 3
    assert len(lines) == CAP + 1
    assert "many others" in lines[-1]
    assert knocks.total == CAP + 500
