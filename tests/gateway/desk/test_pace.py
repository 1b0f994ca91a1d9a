"""A flood of one person is stopped and told once, and costs nobody else anything."""

from comatrix.gateway.desk.pace import A_MINUTE, AGAIN, BURST, MOST_PEOPLE, Allowed, Pace

ROOM, ANN, BOB = "!a:b", "@ann:b", "@bob:b"
TOKEN_MS = 60_000 // A_MINUTE
NOW = 1_700_000_000_000


def taken(pace: Pace, count: int, now_ms: int = NOW, person: str = ANN, room: str = ROOM) -> list[Allowed]:
    return [pace.take(room, person, now_ms) for _ in range(count)]


def test_some_at_once_then_some_a_minute() -> None:
    pace = Pace()
    assert taken(pace, BURST + 3) == [Allowed.YES] * BURST + [Allowed.LAST, Allowed.NO, Allowed.NO]
    assert taken(pace, 1, NOW + AGAIN * TOKEN_MS - 1) == [Allowed.NO]
    assert taken(pace, AGAIN + 1, NOW + AGAIN * TOKEN_MS) == [Allowed.YES] * AGAIN + [Allowed.LAST]
    assert taken(pace, BURST + 1, NOW + 120_000) == [Allowed.YES] * BURST + [Allowed.LAST]


def test_each_person_in_each_room_has_their_own() -> None:
    pace = Pace()
    taken(pace, BURST + 1)
    assert pace.take(ROOM, BOB, NOW) is pace.take("!other:b", ANN, NOW) is Allowed.YES


def test_a_clock_set_back_locks_nobody_out() -> None:
    pace = Pace()
    taken(pace, BURST)
    assert taken(pace, 1, NOW - 86_400_000) == [Allowed.LAST]
    assert taken(pace, 1, NOW - 86_400_000 + AGAIN * TOKEN_MS) == [Allowed.YES]


def test_a_copy_is_one() -> None:
    pace = Pace()
    taken(pace.copy(), BURST + 1)
    assert taken(pace, BURST) == [Allowed.YES] * BURST


def test_what_is_remembered_has_an_end() -> None:
    pace = Pace()
    taken(pace, BURST + 1)
    for number in range(MOST_PEOPLE):
        taken(pace, 1, person=f"@{number}:b")
    assert taken(pace, 1) == [Allowed.YES], "the one longest silent was forgotten"
