"""A command has one reply, edited in place until it is over, whatever happens to room, row or process."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from comatrix.gateway.desk.replying import EDIT_SPACING_MS
from comatrix.gateway.downlink import states
from comatrix.gateway.downlink.replies import REACTIONS
from comatrix.gateway.edges.store import nodes, outbox, replies, rooms
from comatrix.gateway.model import Voice
from comatrix.gateway.uplink.lane import Lane, Place
from comatrix.gateway.uplink.priority import FINAL_EDIT, INTERMEDIATE_EDIT
from tests.gateway.desk.conftest import Made
from tests.gateway.desk.world import MINUTE_MS, ROOM, World

SET = "!cx set garden interval 60"
INTERVAL = "interval = 60 s"
QUEUED = f"garden: {INTERVAL} - queued as #1, waits for the node's next contact"
ON_AIR = f"garden: {INTERVAL} - on air (attempt 1), waits for the node's word"
UNKNOWN = f"garden: {INTERVAL} - not confirmed: it was on air, and no word came back by"


def confirmed(took: str, value: str = "60 s") -> str:
    return f"garden: {INTERVAL} - confirmed by the node: {value}, {took} after it was typed"


# What it says.


async def test_a_reply_is_edited_in_place_and_its_command_gets_a_reaction(world: World) -> None:
    said = await world.say(SET)
    world.now_ms += 40_000
    await world.contact()
    await world.answer(0, 60)
    assert await world.after() == [QUEUED, confirmed("40 s"), "✅"]
    first, edit, mark = world.room
    command = {"v": 1, "number": 1, "node": 1, "attempts": 1, "state": "confirmed"}
    txn = f"{world.store.instance}.2.edit"
    new = {
        "msgtype": "m.notice",
        "body": confirmed("40 s"),
        "m.mentions": {},
        "eu.comatrix.id": txn,
        "eu.comatrix.command": command,
    }
    assert edit.content == new | {
        "body": f"* {confirmed('40 s')}",
        "m.new_content": new,
        "m.relates_to": {"rel_type": "m.replace", "event_id": first.event_id},
    }
    assert first.content["eu.comatrix.command"] == command | {"attempts": 0, "state": "queued"}
    assert (mark.type, mark.content) == (
        "m.reaction",
        {
            "m.relates_to": {"rel_type": "m.annotation", "event_id": said.event_id, "key": "✅"},
            "eu.comatrix.id": f"{world.store.instance}.3.react",
        },
    )
    assert await world.after(60 * MINUTE_MS) == []


async def test_the_value_shown_is_the_nodes_own(world: World) -> None:
    await world.say(SET)
    await world.contact()
    await world.answer(0, 90)
    assert confirmed("0 s", "90 s") in await world.after()


async def test_a_reply_says_when_the_node_is_expected(world: World) -> None:
    world.seen[1] = world.now_ms + MINUTE_MS
    await world.say(SET)
    assert world.news() == [f"garden: {INTERVAL} - queued as #1, next contact expected 22:14"]


@pytest.mark.parametrize(
    ("status", "value", "told"),
    [
        (1, "too dry", "refused by the node: too dry"),
        (1, None, "refused by the node: it gave no reason"),
        (1, "@room\u202e\n!", "refused by the node: @room !"),
        (2, None, "refused by the node: the node does not know that (any more)"),
    ],
)
async def test_a_refusal_is_told_with_the_nodes_reason(world: World, status: int, value: object, told: str) -> None:
    await world.say(SET)
    await world.contact()
    await world.answer(status, value)
    assert (await world.after())[1:] == [f"garden: {INTERVAL} - {told}", "❌"]
    assert world.room[1].content["m.new_content"]["m.mentions"] == {}


async def test_time_that_runs_out_is_told(world: World) -> None:
    await world.say(SET)
    assert (await world.after(60 * MINUTE_MS))[1:] == [
        f"garden: {INTERVAL} - expired at 23:13, never reached the node",
        "⌛",
    ]


async def test_a_late_word_settles_it_once_and_brings_the_reaction(world: World) -> None:
    await world.say(SET)
    await world.contact()
    world.news()
    (told,) = await world.after(60 * MINUTE_MS)
    assert told.startswith(UNKNOWN)
    await world.answer(0, 60)
    assert await world.after(MINUTE_MS) == [confirmed("1 h 0 min"), "✅"]
    await world.answer(1, "no", id=1)
    assert await world.after(MINUTE_MS) == []


@pytest.mark.parametrize("state", [*REACTIONS, states.NOT_CONFIRMED])
def test_a_state_has_a_reaction_where_it_stays(state: str) -> None:
    changes = any(before == state for before, _ in states.TRANSITIONS)
    assert (state in REACTIONS) is not changes


# How often.


async def test_on_a_limited_account_edits_that_are_not_the_last_keep_their_distance(world: World) -> None:
    await world.say(SET)
    world.news()
    await world.contact()
    assert await world.after() == []
    assert await world.after(EDIT_SPACING_MS - 1) == []
    assert await world.after(1) == [ON_AIR]
    await world.contact()
    assert await world.after(1) == []
    await world.answer(0, 60)
    assert await world.after() == [confirmed("30 s"), "✅"], "and the last one does not wait"


async def test_a_clock_that_is_set_back_does_not_silence_a_reply(world: World) -> None:
    await world.say(SET)
    world.news()
    await world.contact()
    assert await world.after(-60 * MINUTE_MS) == [ON_AIR]


async def test_an_application_service_shows_every_state_and_attempt(made: Made) -> None:
    world = made(spacing_ms=0)
    await world.say(SET)
    await world.contact()
    assert await world.after() == [QUEUED, ON_AIR]
    await world.contact()
    assert await world.after() == [ON_AIR.replace("attempt 1", "attempt 2")]


async def test_what_changes_while_a_reply_is_on_its_way_becomes_one_edit(made: Made) -> None:
    world = made(spacing_ms=0)
    await world.hear(world.said(SET))
    await world.contact()
    await world.replying.look()
    await world.answer(0, 60)
    await world.replying.look()
    assert [row.kind for row in world.open_rows()] == ["msg"]
    await world.post()
    assert world.news() == [QUEUED, confirmed("0 s"), "✅"]


async def test_how_it_ended_does_not_wait_behind_an_edit_in_no_hurry(made: Made) -> None:
    """Which may wait for minutes, behind the readings of a busy account: both are sealed, and the lane hurries both."""
    world = made(spacing_ms=0)
    await world.hear(world.said(SET))
    await world.replying.look()
    await world.post()
    await world.contact()
    await world.replying.look()
    assert [row.priority for row in world.open_rows()] == [INTERMEDIATE_EDIT]
    await world.answer(0, 60)
    for _ in range(3):
        await world.replying.look()
        assert [row.priority for row in world.open_rows()] == [INTERMEDIATE_EDIT, FINAL_EDIT]
    room = world.room_by_id(ROOM)
    assert room is not None
    lane = Lane(Place(room), world.voice)
    lane.rows = world.open_rows()
    assert lane.urgency() == FINAL_EDIT and lane.first() == lane.rows[0]
    await world.post()
    assert world.news() == [QUEUED, ON_AIR, confirmed("0 s"), "✅"]


async def test_it_looks_when_a_command_changed_and_when_an_event_was_posted(world: World) -> None:
    """Not only every few seconds."""
    running = asyncio.create_task(world.replying.run())
    await world.hear(world.said(SET))
    await world.contact()
    await world.answer(0, 60)
    for kind in ("msg", "edit", "react"):
        await until(lambda: len(world.open_rows()) == 1)
        (row,) = world.open_rows()
        assert row.kind == kind
        await world.send(row)
        world.replying.posted(row)
    running.cancel()


async def test_a_disk_that_refuses_does_not_end_it(world: World, caplog: pytest.LogCaptureFixture) -> None:
    await world.say(SET)
    world.store.write(
        lambda c: c.execute("CREATE TRIGGER no BEFORE UPDATE ON reply BEGIN SELECT raise(ABORT, 'disk'); END")
    )
    await world.contact()
    await world.answer(0, 60)
    running = asyncio.create_task(world.replying.run())
    await until(lambda: "replies wait for the database" in caplog.text)
    world.store.write(lambda c: c.execute("DROP TRIGGER no"))
    world.replying.poke()
    await until(lambda: len(world.open_rows()) == 1)
    running.cancel()


async def until(there: Callable[[], bool]) -> None:
    for _ in range(2_000):
        if there():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it did not happen")


# Through crashes.


@pytest.mark.parametrize("step", range(1, 8))
async def test_a_restart_anywhere_leaves_one_reply_and_one_reaction(world: World, step: int) -> None:
    """A crash after each step in turn; a row sealed then is sent by the next life."""
    said = world.said(SET)

    async def send_all() -> None:
        for row in world.open_rows():
            await world.send(row)

    steps: list[Callable[[], Any]] = [
        lambda: world.hear(said),
        send_all,
        world.contact,
        lambda: world.answer(0, 60),
        world.replying.look,
        send_all,
        world.replying.look,
    ]
    for one in steps[:step]:
        await one()
    await world.restart()
    await world.hear(said)
    await world.post()
    if step < 4:
        await world.contact()
        await world.answer(0, 60)
    await world.after()
    assert len(world.replies_to(said.event_id)) == 1
    assert [one.content["m.relates_to"]["key"] for one in world.room if one.type == "m.reaction"] == ["✅"]
    assert world.room[-2].text == confirmed("0 s")


# A reply that is gone.


async def parked(world: World) -> int:
    (row,) = world.open_rows()
    await world.store.run(lambda c: outbox.park(c, row.id, "refused"))
    return row.id


async def test_a_reply_waits_for_a_person_who_decides_about_its_parked_event(world: World) -> None:
    await world.hear(world.said(SET))
    row = await parked(world)
    await world.contact()
    await world.answer(0, 60)
    assert await world.after(MINUTE_MS) == []
    await world.store.run(lambda c: outbox.retry(c, row))
    assert await world.after() == [QUEUED, confirmed("0 s"), "✅"]


async def test_in_place_of_a_dropped_reply_the_next_state_is_told(world: World) -> None:
    said = world.said(SET)
    await world.hear(said)
    row = await parked(world)
    await world.store.run(lambda c: outbox.drop(c, row))
    assert await world.after(MINUTE_MS) == []
    await world.contact()
    assert await world.after(MINUTE_MS) == [ON_AIR]
    assert len(world.replies_to(said.event_id)) == 1
    await world.answer(0, 60)
    assert await world.after() == [confirmed("2 min 0 s"), "✅"]


async def test_what_was_dropped_at_the_end_is_not_said_again(world: World) -> None:
    await world.hear(world.said(SET))
    await world.hear(world.said("!cx cancel 1"))
    row = await parked(world)
    await world.store.run(lambda c: outbox.drop(c, row))
    await world.replying.look()
    row = await parked(world)
    await world.store.run(lambda c: outbox.drop(c, row))
    assert await world.after(MINUTE_MS) == []
    assert world.store.read(replies.behind) == []


async def test_a_reply_somebody_removed_is_said_anew_once(world: World) -> None:
    said = await world.say(SET)
    await world.remove(world.room[0].event_id)
    await world.contact()
    world.news()
    assert await world.after() == [ON_AIR]
    assert [one.text for one in world.replies_to(said.event_id)] == [QUEUED, ON_AIR]
    await world.answer(0, 60)
    assert await world.after() == [confirmed("0 s"), "✅"]
    assert world.room[-2].content["m.relates_to"]["event_id"] == world.room[1].event_id


async def test_where_its_room_was_replaced_the_next_state_is_told_in_the_new_one(world: World) -> None:
    await world.say(SET)
    world.store.write(lambda c: rooms.replace(c, 1, "!new:b"))
    world.news()
    await world.contact()
    await world.answer(0, 60)
    assert await world.after() == [confirmed("0 s")], "and no reaction to a message of the old one"
    assert world.room[-1].room_id == "!new:b"
    assert "m.relates_to" not in world.room[-1].content


async def test_what_could_not_be_said_in_the_old_room_is_said_in_the_new_one(world: World) -> None:
    await world.hear(world.said(SET))
    await parked(world)
    world.store.write(lambda c: rooms.replace(c, 1, "!new:b"))
    assert await world.after() == [QUEUED]
    assert [one.room_id for one in world.room] == ["!new:b"]


async def test_while_a_room_is_being_replaced_nothing_is_sealed_for_it(world: World) -> None:
    await world.say(SET)
    world.news()
    world.store.write(lambda c: rooms.set_successor(c, 1, "!new:b"))
    await world.contact()
    await world.answer(0, 60)
    assert await world.after() == []
    world.store.write(lambda c: rooms.set_successor(c, 1, None))
    assert len(await world.after()) == 2


async def test_another_account_says_it_anew_since_it_cannot_edit(world: World) -> None:
    await world.say(SET)
    world.news()
    world.voice = Voice("@new:b", "NEW")
    await world.contact()
    await world.answer(0, 60)
    assert await world.after() == [confirmed("0 s"), "✅"]
    assert "m.new_content" not in world.room[1].content


async def test_an_encrypted_room_gets_nothing_more(world: World) -> None:
    await world.say(SET)
    world.news()
    world.store.write(lambda c: rooms.set_encrypted(c, 1))
    await world.contact()
    await world.answer(0, 60)
    assert await world.after() == []
    assert world.store.read(replies.behind) == []


async def test_the_outbox_may_forget_what_a_reply_needs(world: World) -> None:
    await world.say(SET)
    await world.store.run(lambda connection: connection.execute("DELETE FROM outbox"))
    await world.contact()
    await world.answer(0, 60)
    assert (await world.after())[1:] == [confirmed("0 s"), "✅"]
    assert world.room[1].content["m.relates_to"]["event_id"] == world.room[0].event_id


async def test_a_revoked_node_is_still_spoken_of_by_its_name(world: World) -> None:
    await world.say(SET)
    await world.contact()
    world.store.write(lambda c: nodes.revoke(c, 1))
    assert (await world.after())[1].startswith(UNKNOWN)


async def test_what_was_typed_at_the_command_line_has_no_reply(world: World) -> None:
    await world.say(SET, room_id=ROOM)
    world.store.write(lambda c: c.execute("UPDATE command SET room = NULL"))
    world.store.write(lambda c: c.execute("DELETE FROM reply"))
    world.news()
    await world.contact()
    await world.answer(0, 60)
    assert await world.after() == []
