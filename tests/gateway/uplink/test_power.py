"""Who may do what, by room version: from 12 on creators are above all levels and stand in none."""

from typing import Any

import pytest

from comatrix.gateway.uplink.power import INFINITE, level_of, needed_to_invite, needed_to_send

ME, OTHER = "@me:x", "@other:x"
BY_ME, BY_OTHER = frozenset({ME}), frozenset({OTHER})


@pytest.mark.parametrize(
    ("version", "creators", "levels", "level"),
    [
        ("10", BY_ME, {}, 100),
        ("11", BY_OTHER, {}, 0),
        ("11", BY_ME, {"users": {}}, 0),
        ("10", BY_OTHER, {"users": {ME: 50}}, 50),
        ("10", BY_OTHER, {"users": {OTHER: 50}, "users_default": 7}, 7),
        ("9", BY_OTHER, {"users": {ME: " 50 "}}, 50),
        ("12", BY_ME, {"users": {}}, INFINITE),
        ("12", BY_OTHER, {"users": {ME: 50}}, 50),
        ("12", BY_OTHER, {}, 0),
    ],
)
def test_a_users_power(version: str, creators: frozenset[str], levels: dict[str, Any], level: int) -> None:
    assert level_of(ME, levels, creators, version) == level


def test_what_an_event_and_an_invite_need() -> None:
    levels = {"events": {"m.room.message": 30}, "events_default": 10, "invite": 50}
    assert needed_to_send(levels, "m.room.message") == 30
    assert needed_to_send(levels, "m.reaction") == 10
    assert needed_to_invite(levels) == 50
    assert (needed_to_send({}, "m.room.message"), needed_to_invite({})) == (0, 0)


@pytest.mark.parametrize("nonsense", [True, None, [], 1.5, "many", "9" * 30])
def test_a_level_that_is_none_counts_as_the_default(nonsense: object) -> None:
    assert needed_to_send({"events": {"x": nonsense}, "events_default": 10}, "x") == 10
    assert level_of(ME, {"users": {ME: nonsense}, "users_default": 3}, BY_OTHER, "12") == 3
    assert level_of(ME, {"users": nonsense, "users_default": 3}, BY_OTHER, "12") == 3
