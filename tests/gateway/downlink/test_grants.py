"""Who may do what: by the room's power levels, its version, and the level it sets for commands."""

from typing import Any

import pytest

from comatrix.gateway.downlink.grants import COMMAND, Levels, RoomPowers, level, may, powers_untrusted
from comatrix.gateway.downlink.verbs import Level
from comatrix.gateway.uplink.power import INFINITE

ALICE, BOB, EVE = "@alice:hs", "@bob:hs", "@eve:hs"
LEVELS = Levels()


def room(version: str, levels: dict[str, Any] | None, **create: Any) -> RoomPowers:
    """Made by Alice."""
    event = {"type": "m.room.create", "sender": ALICE, "content": {"room_version": version, **create}}
    powers = powers_untrusted(event, levels)
    assert powers is not None
    return powers


@pytest.mark.parametrize("version", ["10", "11", "12"])
@pytest.mark.parametrize(("user", "power"), [(BOB, 50), (EVE, 0)])
def test_a_member_has_the_power_that_the_room_gives(version: str, user: str, power: int) -> None:
    assert level(user, room(version, {"users": {BOB: 50}})) == power
    assert level(user, room(version, {"users": {BOB: 50}, "users_default": 7})) == max(power, 7)


@pytest.mark.parametrize(
    ("version", "levels", "power"),
    [
        ("10", None, 100),
        ("11", None, 100),
        ("12", None, INFINITE),
        ("10", {}, 0),  # levels that are there, and give nobody anything
        ("11", {"users": {ALICE: 30}}, 30),
        ("12", {"users": {ALICE: 30}}, INFINITE),
        ("12", {}, INFINITE),
    ],
)
def test_a_creators_power(version: str, levels: dict[str, Any] | None, power: int) -> None:
    assert level(ALICE, room(version, levels)) == power
    assert level(EVE, room(version, levels)) == 0


def test_further_creators_count_from_version_12_on() -> None:
    more = {"additional_creators": [BOB, None, "bob", 7]}
    assert level(BOB, room("12", {"users": {}}, **more)) == INFINITE
    assert level(BOB, room("11", None, **more)) == level(BOB, room("10", None, **more)) == 0


@pytest.mark.parametrize("version", ["10", "11", "12"])
@pytest.mark.parametrize(
    ("power", "needed", "allowed"),
    [
        (0, "view", True),
        (-1, "view", False),
        (49, "operate", False),
        (50, "operate", True),
        (99, "admin", False),
        (100, "admin", True),
    ],
)
def test_what_a_power_allows(version: str, power: int, needed: Level, allowed: bool) -> None:
    powers = room(version, {"users": {BOB: power}})
    assert (may(BOB, needed, powers, True, LEVELS) is None) == allowed


def test_a_refusal_says_what_is_needed_what_one_has_and_who_can_change_it() -> None:
    assert may(EVE, "operate", room("11", {"users": {}}), True, LEVELS, "set") == (
        "set needs level 50 (operate) here and you have 0; a moderator can change it in the room's permissions"
    )
    assert may(EVE, "admin", room("11", None), True, LEVELS) == (
        "this needs level 100 (admin) here and you have 0; the room's creator can change it in the room's permissions"
    )


@pytest.mark.parametrize("version", ["10", "11", "12"])
def test_whoever_is_not_in_the_room_may_nothing_not_even_its_creator(version: str) -> None:
    powers = room(version, {"users": {ALICE: 100}})
    for needed in ("view", "operate", "admin"):
        assert may(ALICE, needed, powers, False, LEVELS, "get") == (
            "get is for members of this room, and you are not in it"
        )


def test_a_room_may_set_the_level_of_commands() -> None:
    low = room("11", {"events": {COMMAND: 10}, "users": {BOB: 10}})
    high = room("11", {"events": {COMMAND: 75}, "users": {BOB: 60}})
    assert may(BOB, "operate", low, True, LEVELS) is None
    assert "level 75 (operate)" in (may(BOB, "operate", high, True, LEVELS) or "")
    assert may(EVE, "view", high, True, LEVELS) is None
    assert "level 100 (admin)" in (may(BOB, "admin", low, True, LEVELS) or "")


@pytest.mark.parametrize("nonsense", [None, True, "all", 1.5, [], {}])
def test_a_level_of_commands_that_is_none_leaves_the_default(nonsense: object) -> None:
    powers = room("9", {"events": {COMMAND: nonsense}, "events_default": 0})
    assert "level 50 (operate)" in (may(EVE, "operate", powers, True, LEVELS) or "")


def test_the_configured_levels_hold_where_the_room_says_nothing() -> None:
    strict = Levels(view=1, operate=2, admin=3)
    powers = room("12", {"users": {BOB: 2}})
    assert [may(BOB, needed, powers, True, strict) is None for needed in ("view", "operate", "admin")] == [
        True,
        True,
        False,
    ]


@pytest.mark.parametrize(
    "create",
    [
        {},
        {"room_version": "11", "creator": ALICE},  # its content alone: nobody says who made it
        {"type": "m.room.create", "content": {}},
        {"type": "m.room.create", "sender": "alice", "content": {}},
        {"type": "m.room.member", "sender": ALICE, "content": {}},
    ],
)
def test_a_room_whose_creator_is_not_named_gives_no_powers(create: dict[str, Any]) -> None:
    assert powers_untrusted(create, {}) is None
