"""How far the rooms were heard and what came of it commit together, once, whatever comes again."""

import pytest

from comatrix.gateway.desk.pace import BURST
from comatrix.gateway.edges.store import mailbox, outbox, rooms
from comatrix.gateway.errors import StoreError
from tests.gateway.desk.world import BOB, MINUTE_MS, OTHER, ROOM, World

SET = "!cx set garden interval 60"
INTERVAL = "interval = 60 s"
WAITS = f"garden: {INTERVAL} - queued as #1, waits for the node's next contact"


async def test_a_flood_is_answered_once_and_people_do_not_pay_for_each_other(world: World) -> None:
    await world.hear(*(world.said("!cx nodes") for _ in range(BURST + 5)), world.said("!cx nodes", BOB))
    await world.post()
    texts = world.news()
    assert len(texts) == BURST + 2
    assert texts[-2].startswith("Too many commands in a row")
    world.now_ms += MINUTE_MS
    await world.say("!cx nodes")
    assert len(world.news()) == 1


async def test_a_batch_that_comes_again_counts_once(world: World) -> None:
    await world.break_disk()
    batch = [world.said("!cx nodes") for _ in range(BURST - 1)] + [world.said(SET)]
    for _ in range(3):
        with pytest.raises(StoreError):
            await world.hear(*batch)
    await world.mend_disk()
    await world.hear(*batch)
    await world.post()
    assert world.news()[-1] == WAITS


# Exactly once.


async def test_a_batch_is_whole_or_not_at_all(world: World) -> None:
    await world.hear()
    token = world.since()
    await world.break_disk()
    with pytest.raises(StoreError):
        await world.hear(world.said("!cx nodes"), world.said("!cx revoke shed"), world.said(SET))
    assert (world.since(), world.items(), world.changed, world.read) == (token, [], [], [])
    assert world.store.read(outbox.open_rows) == []
    await world.say("!cx nodes")
    assert world.news() == ["garden: never heard\nshed: never heard"]


async def test_what_is_heard_twice_counts_once(world: World) -> None:
    news = [world.said(SET), world.said("!cx nodes"), world.said("!cx sett")]
    await world.hear(*news)
    await world.restart()
    await world.hear(*news)
    await world.hear(*news)
    await world.post()
    assert [len(world.replies_to(one.event_id)) for one in news] == [1, 1, 1]
    assert len(world.items()) == 1


async def test_a_command_is_known_by_its_message_though_nothing_else_remembers_it(world: World) -> None:
    said = await world.say(SET)
    await world.store.run(lambda connection: connection.execute("DELETE FROM heard_event"))
    await world.hear(said)
    await world.post()
    assert (len(world.items()), len(world.news())) == (1, 1)


async def test_only_the_newest_command_of_a_room_is_marked_as_read(world: World) -> None:
    said = [world.said("!cx nodes"), world.said(SET), world.said("hello"), world.said("!cx nodes", room_id=OTHER)]
    await world.hear(*said)
    assert sorted(world.read) == [(ROOM, said[1].event_id), (OTHER, said[3].event_id)]


async def test_more_than_can_be_read_is_told_and_not_done(world: World) -> None:
    await world.missed(1000)
    await world.missed(0)
    assert world.news() == [
        "I was away and missed at least 1000 messages here. None of them was done.",
        "I was away and cannot read what was said here meanwhile. None of it was done.",
    ]


# The room.


async def test_a_room_found_encrypted_meanwhile_gets_neither_answer_nor_command(world: World) -> None:
    """Though the directory does not know it yet."""
    known = world.room_by_id(ROOM)
    assert known is not None
    world.room_by_id = lambda room_id: known  # type: ignore[method-assign]
    await world.restart()
    world.store.write(lambda c: rooms.set_encrypted(c, known.id))
    await world.say(SET)
    assert (world.items(), world.news()) == ([], [])


async def test_a_room_nobody_configured_is_not_listened_to(world: World) -> None:
    await world.say(SET, room_id="!nowhere:b")
    assert (world.asked, world.news(), world.since()) == ([], [], "token1")


async def test_commands_are_forgotten_with_their_replies(world: World) -> None:
    """A command row that leaves takes its reply along."""
    await world.say(SET)
    await world.say("!cx cancel 1")
    await world.after()
    far = mailbox.REMEMBERED + 5
    world.store.write(lambda c: c.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = 'command'", (far,)))
    await world.say(SET)
    assert f"queued as #{far + 1}" in world.news()[-1]
    assert world.store.read(lambda c: c.execute("SELECT count(*) FROM reply").fetchone()[0]) == 1
