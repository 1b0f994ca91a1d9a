"""Pushed events and the service user's /sync in the shape of the bot's own."""

from typing import Any

import pytest

from comatrix.gateway.edges.room_watch.changes import changes_untrusted
from comatrix.gateway.uplink.heard import fit_untrusted, pushed_body, service_body_untrusted, since_join_untrusted

BOT = "@cx:localhost"
ROOM = "!garden:localhost"


def event(event_type: str, content: dict[str, Any], state_key: str | None = None, **more: Any) -> dict[str, Any]:
    made = {"type": event_type, "content": content, "event_id": "$1", "room_id": ROOM, "sender": "@alice:localhost"}
    return made | ({} if state_key is None else {"state_key": state_key}) | more


def member(membership: str, user: str = BOT, **more: Any) -> dict[str, Any]:
    return event("m.room.member", {"membership": membership}, user, **more)


def kinds(body: dict[str, Any]) -> list[str]:
    return [change.kind for change in changes_untrusted(body, BOT, first=False)]


@pytest.mark.parametrize(
    ("pushed", "told"),
    [
        (event("m.room.encryption", {"algorithm": "x"}, ""), "encrypted"),
        (event("m.room.tombstone", {"replacement_room": "!new"}, ""), "upgraded"),
        (event("m.room.power_levels", {}, ""), "power"),
        (member("join"), "joined"),
        (member("leave"), "left"),
        (member("ban"), "left"),
        (member("invite"), "invited"),
    ],
)
def test_a_pushed_event_is_told_as_a_sync_tells_it(pushed: dict[str, Any], told: str) -> None:
    assert kinds(pushed_body([pushed], BOT)) == [told]


def test_an_invite_to_an_encrypted_room_shows_that_it_is_encrypted() -> None:
    shown = [event("m.room.encryption", {"algorithm": "x"}, "")]
    body = pushed_body([member("invite", unsigned={"invite_room_state": shown})], BOT)
    (change,) = changes_untrusted(body, BOT, first=False)
    assert change.kind == "invited" and change.reason


def test_of_an_invite_and_its_end_in_one_transaction_only_the_end_is_told() -> None:
    assert kinds(pushed_body([member("invite"), member("leave")], BOT)) == ["left"]
    assert kinds(pushed_body([member("leave"), member("invite"), member("join")], BOT)) == ["joined"]


def test_of_others_only_their_going_is_news() -> None:
    assert kinds(pushed_body([member("leave", "@alice:localhost"), member("join", "@bob:localhost")], BOT)) == ["gone"]


def test_the_bots_kick_is_seen_through_the_service_users_eyes() -> None:
    body = {"rooms": {"join": {ROOM: {"timeline": {"events": [member("leave")]}}}, "leave": {"!x": {}}}}
    assert kinds(service_body_untrusted(body, BOT)) == ["left"]


def test_the_service_users_own_leaving_is_not_the_bots() -> None:
    body = {"rooms": {"leave": {ROOM: {"timeline": {"events": [member("leave", "@cx_service:localhost")]}}}}}
    assert kinds(service_body_untrusted(body, BOT)) == []


def test_what_was_said_before_the_join_is_dropped_and_state_stays() -> None:
    said = event("m.room.message", {"body": "!cx garden valve on"})
    state = event("m.room.encryption", {"algorithm": "x"}, "")
    timeline = {"events": [said, state, member("join"), event("m.room.message", {"body": "hello"})]}
    body = since_join_untrusted({"rooms": {"join": {ROOM: {"timeline": timeline}}}}, BOT)
    left = body["rooms"]["join"][ROOM]["timeline"]["events"]
    assert [one["content"].get("body") or one["type"] for one in left] == [
        "m.room.encryption",
        "m.room.member",
        "hello",
    ]


def test_a_new_display_name_is_no_join() -> None:
    said = event("m.room.message", {"body": "!cx garden"})
    renamed = member("join", unsigned={"prev_content": {"membership": "join"}})
    body = since_join_untrusted({"rooms": {"join": {ROOM: {"timeline": {"events": [said, renamed]}}}}}, BOT)
    assert body["rooms"]["join"][ROOM]["timeline"]["events"] == [said, renamed]


@pytest.mark.parametrize(
    "events",
    [
        None,
        {},
        "x",
        [None, 1, "x", []],
        [{"type": "m.room.message"}],
        [event("m.room.message", {}) | {"event_id": 1}],
        [event("m.room.message", {}) | {"event_id": "$" + "x" * 255}],
        [event("m.room.message", {}) | {"event_id": "$\ud800"}],
        [event("m.room.message", {}) | {"content": []}],
        [event("m.room.message", {}) | {"room_id": ""}],
        [event("m.room.member", {}) | {"state_key": 7}],
        [event("m.room.member", {}) | {"state_key": ["@bot:hs"]}],
        [event("org.example.unknown", {})],
    ],
)
def test_what_is_no_event_of_ours_is_dropped(events: object) -> None:
    assert fit_untrusted(events) == []


@pytest.mark.parametrize(
    "body",
    [{}, {"rooms": []}, {"rooms": {"join": {ROOM: None}}}, {"rooms": {"join": {ROOM: {"timeline": {"events": [1]}}}}}],
)
def test_a_strange_sync_answer_breaks_nothing(body: dict[str, Any]) -> None:
    assert kinds(since_join_untrusted(service_body_untrusted(body, BOT), BOT)) == []
