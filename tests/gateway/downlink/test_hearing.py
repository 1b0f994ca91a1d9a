"""What is heard of what people write: texts and what they take back, nothing else, and nothing breaks it."""

from dataclasses import replace
from typing import Any

import pytest

from comatrix.gateway.downlink.hearing import MAX_TEXT_BYTES, Redacted, Said, heard_untrusted

BOT, GHOST, ALICE = "@bot:hs", "@bot_node_7:hs", "@alice:hs"
ROOM = "!garden:hs"
SAID = Said(ROOM, "$1", ALICE, "set garden interval 60", 1_700_000_000_000)


def message(body: object = SAID.text, **content: Any) -> dict[str, Any]:
    content = {"msgtype": "m.text", "body": body, **{key.replace("_", "."): value for key, value in content.items()}}
    return {
        "type": "m.room.message",
        "event_id": "$1",
        "sender": ALICE,
        "origin_server_ts": SAID.origin_ms,
        "content": content,
    }


def relating(body: str, relation: dict[str, Any], **content: Any) -> dict[str, Any]:
    made = message(body)
    made["content"] |= {"m.relates_to": relation, **content}
    return made


def own(user_id: str) -> bool:
    return user_id in (BOT, GHOST)


def heard(*events: object, room_id: str = ROOM) -> list[Said | Redacted]:
    return heard_untrusted({"rooms": {"join": {room_id: {"timeline": {"events": list(events)}}}}}, own)


def test_a_text_is_heard_as_it_was_typed() -> None:
    assert heard(message()) == [SAID]


def test_each_rooms_texts_come_in_its_order() -> None:
    events = [message(str(number)) | {"event_id": f"${number}"} for number in range(20)]
    rooms = {room: {"timeline": {"events": events}} for room in ("!b:hs", "!a:hs")}
    found = heard_untrusted({"rooms": {"join": rooms}}, own)
    assert [one.text for one in found if isinstance(one, Said)] == 2 * [str(number) for number in range(20)]
    assert [one.room_id for one in found] == 20 * ["!b:hs"] + 20 * ["!a:hs"]


@pytest.mark.parametrize("msgtype", ["m.notice", "m.emote", "m.image", "", None, 1])
def test_what_is_no_text_is_never_heard(msgtype: object) -> None:
    made = message()
    made["content"]["msgtype"] = msgtype
    assert heard(made) == []


@pytest.mark.parametrize("user_id", [BOT, GHOST])
def test_what_our_own_users_say_is_never_heard(user_id: str) -> None:
    assert heard(message() | {"sender": user_id}) == []


def test_what_was_taken_back_already_is_never_heard() -> None:
    assert heard(message() | {"content": {}}) == []


def test_a_message_in_the_place_of_state_is_none() -> None:
    assert heard(message() | {"state_key": ""}) == []


def test_what_was_said_in_a_room_that_was_left_is_not_heard() -> None:
    assert heard_untrusted({"rooms": {"leave": {ROOM: {"timeline": {"events": [message()]}}}}}, own) == []


def test_an_edit_is_told_as_one_with_its_new_text() -> None:
    new = {"m.new_content": {"msgtype": "m.text", "body": "set garden interval 30"}}
    edit = relating("* set garden interval 30", {"rel_type": "m.replace", "event_id": "$0"}, **new)
    assert heard(edit) == [replace(SAID, text="set garden interval 30", edited=True)]


def test_an_edit_without_new_content_is_still_one() -> None:
    edit = relating("* x", {"rel_type": "m.replace", "event_id": "$0"})
    assert heard(edit) == [replace(SAID, text="* x", edited=True)]


def test_a_thread_is_named_by_the_event_it_began_with() -> None:
    relation = {"rel_type": "m.thread", "event_id": "$root"}
    assert heard(relating(SAID.text, relation)) == [replace(SAID, thread="$root")]
    behind = relation | {"is_falling_back": True, "m.in_reply_to": {"event_id": "$last"}}
    assert heard(relating(SAID.text, behind)) == [replace(SAID, thread="$root")]
    answer = relation | {"is_falling_back": False, "m.in_reply_to": {"event_id": "$last"}}
    assert heard(relating(SAID.text, answer)) == [replace(SAID, thread="$root", reply_to="$last")]


REPLY = {"m.in_reply_to": {"event_id": "$0"}}


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("> <@bot:hs> 21 C\n> 22 C\n\nget garden interval", "get garden interval"),
        ("> <@bot:hs> 21 C\n>\n> 22 C\n\nget garden interval", "get garden interval"),
        ("> 21 C\nget garden interval", "get garden interval"),
        ("get garden interval", "get garden interval"),
        ("get garden interval\n> not a quote", "get garden interval\n> not a quote"),
        (">get", ">get"),
        ("> only a quote", ""),
        ("> quote\n\n\nlast", "\nlast"),
    ],
)
def test_what_a_reply_repeats_of_another_message_is_no_part_of_it(body: str, text: str) -> None:
    assert heard(relating(body, REPLY)) == [replace(SAID, text=text, reply_to="$0")]


def test_a_quote_that_was_typed_stays() -> None:
    assert heard(message("> a\n\nb")) == [replace(SAID, text="> a\n\nb")]


def test_who_is_mentioned() -> None:
    assert heard(message(m_mentions={"user_ids": ["@eve:hs", BOT]})) == [replace(SAID, mentions_us=True)]
    assert heard(message(m_mentions={"user_ids": [GHOST]})) == [replace(SAID, mentions_us=True)]
    assert heard(message(m_mentions={"user_ids": ["@eve:hs"]})) == [SAID]
    strange: tuple[object, ...] = (None, [], {"user_ids": BOT}, {"user_ids": [None, [], {}]}, {"room": True})
    for nonsense in strange:
        assert heard(message(m_mentions=nonsense)) == [SAID]


def test_a_long_text_is_heard_cut_so_that_it_can_be_refused() -> None:
    fits = "ü" * (MAX_TEXT_BYTES // 2)
    assert heard(message(fits)) == [replace(SAID, text=fits)]
    assert heard(message(fits + "x")) == [replace(SAID, text=fits, too_long=True)]
    assert heard(message("x" + fits)) == [replace(SAID, text="x" + fits[:-1], too_long=True)]
    quote = "> " + "x" * MAX_TEXT_BYTES + "\n\nget garden interval"  # what is quoted does not count
    assert heard(relating(quote, REPLY)) == [replace(SAID, text="get garden interval", reply_to="$0")]


def test_what_fits_neither_a_database_nor_a_homeserver_is_replaced() -> None:
    (said,) = heard(message("set \ud800 gar\x00den \udfff"))
    assert isinstance(said, Said) and said.text == "set � gar�den �" and said.text.encode()


@pytest.mark.parametrize("when", [None, True, -1, 1.5, "1", 1 << 53, [], {}])
def test_a_time_that_is_none_is_long_ago(when: object) -> None:
    assert heard(message() | {"origin_server_ts": when}) == [replace(SAID, origin_ms=0)]


REDACTION = {"type": "m.room.redaction", "event_id": "$2", "sender": ALICE, "content": {}}


def test_what_is_taken_back_is_named_in_either_place() -> None:
    told = [Redacted(ROOM, "$2", "$1", ALICE)]
    assert heard(REDACTION | {"redacts": "$1"}) == told  # before room version 11
    assert heard(REDACTION | {"content": {"redacts": "$1", "reason": "oops"}}) == told  # from it on
    # Before version 11 the content is the sender's own: it takes back nothing.
    assert heard(REDACTION | {"redacts": "$1", "content": {"redacts": "$of-somebody-else"}}) == told
    assert heard(REDACTION) == heard(REDACTION | {"redacts": 1}) == heard(REDACTION | {"redacts": ["$1"]}) == []


@pytest.mark.parametrize(
    "event",
    [
        None,
        [],
        "m.room.message",
        {},
        message() | {"event_id": None},
        message() | {"event_id": "1"},
        message() | {"event_id": "$" + 255 * "x"},
        message() | {"event_id": "$" + 100 * "ü" + 100 * "x"},
        message() | {"event_id": "$\ud800"},
        message() | {"event_id": "$\n"},
        message() | {"sender": None},
        message() | {"sender": "alice"},
        message() | {"content": None},
        message() | {"content": []},
        message() | {"type": None},
        message() | {"type": "m.room.encrypted"},
        message(None),
        message(7),
        message(["set"]),
    ],
)
def test_what_is_no_message_is_not_heard_and_hides_no_other(event: object) -> None:
    assert heard(event, message()) == [SAID]


@pytest.mark.parametrize("relation", [None, [], "m.thread", {"rel_type": []}, {"rel_type": "m.thread", "event_id": 1}])
def test_a_strange_relation_is_none(relation: Any) -> None:
    assert heard(relating(SAID.text, relation)) == [SAID]


@pytest.mark.parametrize("room_id", ["", "garden", "#garden:hs", "!\ud800", "!" + 255 * "x"])
def test_a_room_without_an_id_is_no_room(room_id: str) -> None:
    assert heard(message(), room_id=room_id) == []
