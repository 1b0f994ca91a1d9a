"""Who speaks for a node: decided by how crowded a room is, by refusals, by the setting."""

from comatrix.gateway.model import Room, Voice
from comatrix.gateway.uplink.voices import DEVICE, BotVoices, ServiceNames, Speakers

NAMES = ServiceNames("cx_", "@cx:example.org")
ROOM = Room(1, "!garden:example.org")
GHOST = Voice("@cx_node_7:example.org", DEVICE)
BOT = Voice("@cx:example.org", DEVICE)


def test_a_ghost_is_named_by_the_number_and_never_by_the_nodes_name() -> None:
    assert NAMES.ghost(7) == "@cx_node_7:example.org"
    assert NAMES.node_of("@cx_node_7:example.org") == 7


def test_only_our_users_are_ours() -> None:
    assert all(NAMES.is_ours(user) for user in (NAMES.bot, NAMES.service, NAMES.ghost(65535)))
    for user in (
        "@cx_node_7:example.com",
        "@cx_node_:example.org",
        "@cx_node_x:example.org",
        "@xcx_node_7:example.org",
    ):
        assert not NAMES.is_ours(user)


def test_a_prefix_with_a_dot_matches_only_itself() -> None:
    assert ServiceNames("c.x_", "@cx:example.org").node_of("@cax_node_7:example.org") is None


def test_a_node_speaks_for_itself_up_to_so_many_nodes_in_a_room() -> None:
    speakers = Speakers(NAMES, most_nodes=2)
    speakers.set_counts({1: 2, 2: 3})
    assert speakers.voice(ROOM, 7) == GHOST
    assert speakers.voice(Room(2, "!crowd:example.org"), 7) == BOT


def test_zero_means_always_the_bot() -> None:
    speakers = Speakers(NAMES, most_nodes=0)
    assert speakers.voice(ROOM, 7) == BOT


def test_a_refused_ghost_is_spoken_for_in_that_room_only_until_something_changes() -> None:
    speakers = Speakers(NAMES, most_nodes=20)
    assert speakers.refuse(GHOST.user_id, ROOM.room_id)
    assert not speakers.refuse(GHOST.user_id, ROOM.room_id)
    assert speakers.voice(ROOM, 7) == BOT
    assert speakers.voice(ROOM, 8) != BOT
    assert speakers.voice(Room(3, "!other:example.org"), 7) == GHOST
    speakers.allow()
    assert speakers.voice(ROOM, 7) == GHOST


def test_a_refusal_is_not_carried_into_the_room_that_replaces_this_one() -> None:
    speakers = Speakers(NAMES, most_nodes=20)
    speakers.refuse(GHOST.user_id, ROOM.room_id)
    assert speakers.voice(Room(1, "!replacement:example.org"), 7) == GHOST


async def test_a_plain_bot_is_always_the_same_voice_and_always_ready() -> None:
    voices = BotVoices(BOT)
    assert voices.voice(ROOM, 7) == BOT
    voices.fall_back(BOT, ROOM, "x")
    voices.forget(BOT, None)
    assert (await voices.prepare(BOT, ROOM)).ok
