"""An alarm is told once, edited once when it is over, and neither a crash nor a restart loses or repeats one."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from comatrix.codec import vocab
from comatrix.gateway.edges.store import alarms, nodes, outbox, rooms
from comatrix.gateway.errors import StoreError
from comatrix.gateway.model import SealedRow, Voice
from comatrix.gateway.uplink.alarms import MOST_PER_NODE
from comatrix.gateway.uplink.priority import ALARM, ALARM_SPACING_MS
from tests.gateway.delivery_homeserver import answer
from tests.gateway.delivery_world import settle
from tests.gateway.desk.alarm_world import ANN, HUMIDITY, MINUTE_MS, AlarmWorld

SET = "garden: alarm at battery below 3.30 V, over at 3.46 V."


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[AlarmWorld]:
    """With an alarm of Ann's at 3.3 V."""
    world = AlarmWorld(tmp_path)
    await world.start()
    world.poster.on_posted(lambda row: world.alarming.posted(row))
    assert world.type("alarm garden battery <3.3V") == SET
    yield world
    await world.crash()


async def test_who_set_it_is_mentioned_in_a_text(world: AlarmWorld) -> None:
    await world.read(340, 329)
    [event] = world.events()
    assert event["msgtype"] == "m.text"
    assert event["body"] == "Alarm: garden battery 3.29 V is below 3.30 V"
    assert event["m.mentions"] == {"user_ids": [ANN]}
    assert event["eu.comatrix.alarm"] == {
        "v": 1, "node": 1, "n": "battery", "u": "V", "comparison": "<", "limit": "3.30", "value": "3.29",
        "t": world.clock.ms, "state": "raised",
    }  # fmt: skip
    [row] = [row for row in world.store.read(outbox_rows) if row.event_id is not None]
    assert (row.priority, row.kind) == (ALARM, "msg")


async def test_it_is_edited_once_it_is_over_and_nobody_is_mentioned_again(world: AlarmWorld) -> None:
    await world.read(329, 340, 346)
    await world.look()
    raised, over = world.events()
    assert over["body"] == "* Resolved: garden battery 3.46 V, it was below 3.30 V for 2 min 0 s"
    assert over["m.mentions"] == {}
    assert over["m.new_content"]["m.mentions"] == raised["m.mentions"]
    assert over["m.new_content"]["body"] == over["body"][2:]
    assert over["m.new_content"]["eu.comatrix.alarm"]["state"] == "resolved"
    [target] = [event["event_id"] for event in world.server.log if event["content"] == raised]
    assert over["m.relates_to"] == {"rel_type": "m.replace", "event_id": target}


async def test_a_value_that_trembles_at_the_limit_raises_one_alarm(world: AlarmWorld) -> None:
    await world.read(*[329, 331] * 20)
    assert len(world.events()) == 1


async def test_one_that_comes_again_is_a_new_event(world: AlarmWorld) -> None:
    await world.read(329, 350, 329, 350)
    await world.look()
    first, over, second, over_again = world.events()
    targets = [event["m.relates_to"]["event_id"] for event in (over, over_again)]
    assert len(set(targets)) == 2
    assert "m.relates_to" not in second and second["m.mentions"] == first["m.mentions"]


async def test_one_that_comes_again_at_once_is_told_a_little_later_if_it_still_holds(world: AlarmWorld) -> None:
    await world.read(329)
    await world.read(350, 329, 350, 329, after_ms=1000)
    assert [body[:6] for body in world.bodies()] == ["Alarm:", "* Reso"]
    await world.after(ALARM_SPACING_MS)
    await world.look()
    assert [body[:6] for body in world.bodies()] == ["Alarm:", "* Reso", "Alarm:"]


async def test_the_edit_waits_until_the_event_is_in_its_room(world: AlarmWorld) -> None:
    world.server.rule = lambda room, content: answer(502, "M_UNKNOWN")
    await world.read(329, 350)
    assert [row.kind for row in world.store.read(outbox.open_rows)] == ["msg"]
    world.server.rule = lambda room, content: None
    await world.after(5 * MINUTE_MS)
    await world.look()
    assert [body[:6] for body in world.bodies()] == ["Alarm:", "* Reso"]


async def test_an_event_a_person_dropped_is_not_edited(world: AlarmWorld) -> None:
    world.server.rule = lambda room, content: answer(400, "M_BAD_JSON")
    await world.read(329)
    [row] = world.store.read(outbox.parked_rows)
    world.store.write(lambda connection: outbox.drop(connection, row.id))
    world.server.rule = lambda room, content: None
    await world.read(350)
    assert world.events() == [] and events_kept(world) == 0


async def test_a_crash_between_storing_and_judging_loses_and_doubles_nothing(world: AlarmWorld) -> None:
    await world.keep({2: 329})
    await world.again()
    await world.look()
    assert len(world.events()) == 1
    await world.again()
    await world.look()
    assert len(world.events()) == 1 and world.state() == ["raised"]


async def test_the_state_and_the_event_commit_together_or_not_at_all(world: AlarmWorld) -> None:
    def fails() -> Voice:
        raise StoreError("no disk")

    works, world.voice = world.voice, fails
    with pytest.raises(StoreError):
        await world.read(329)
    assert world.state() == ["ok"]
    world.voice = works
    await world.look()
    assert world.state() == ["raised"] and len(world.events()) == 1


async def test_a_raised_alarm_is_edited_after_a_restart_too(world: AlarmWorld) -> None:
    await world.read(329)
    await world.again(after_ms=3_600_000)
    await world.look()
    assert len(world.events()) == 1
    await world.read(350)
    assert world.bodies()[1].startswith("* Resolved")


async def test_a_reading_that_comes_late_changes_nothing(world: AlarmWorld) -> None:
    await world.read(340)
    await world.read(300, age_s=3600)
    assert world.events() == []
    await world.read(329)
    await world.read(400, age_s=3600)
    assert world.state() == ["raised"] and len(world.events()) == 1


async def test_an_old_reading_says_when_it_was_measured(world: AlarmWorld) -> None:
    await world.read(300, age_s=3600)
    assert world.bodies() == ["Alarm: garden battery 3.00 V is below 3.30 V, measured 21:14:20"]


async def test_what_came_before_the_first_limit_is_not_judged(tmp_path: Path) -> None:
    world = AlarmWorld(tmp_path)
    await world.start()
    await world.read(300)
    world.type("alarm garden battery <3.3V")
    await world.look()
    assert world.events() == []
    await world.crash()


async def test_without_a_limit_nothing_is_read_or_written(tmp_path: Path) -> None:
    world = AlarmWorld(tmp_path)
    before = world.store.read(lambda connection: connection.execute("PRAGMA data_version").fetchone())
    await world.look()
    assert world.store.read(lambda connection: connection.execute("PRAGMA data_version").fetchone()) == before
    await world.read(300)
    assert not world.alarming._woken.is_set()
    assert world.store.read(alarms.unjudged)
    await world.crash()


async def test_the_same_limit_again_keeps_what_is_known_and_another_begins_anew(world: AlarmWorld) -> None:
    await world.read(329)
    assert world.type("alarm garden battery <3.3V") == SET
    assert world.state() == ["raised"]
    world.type("alarm garden battery <3.2V")
    assert world.state() == ["ok"]
    await world.look()
    assert world.bodies()[1] == "* Alarm: garden battery 3.29 V is below 3.30 V - its limit was changed"


async def test_off_ends_what_was_told(world: AlarmWorld) -> None:
    await world.read(329)
    assert world.type("alarm garden battery off") == "garden: no alarm any more at battery below 3.30 V."
    await world.look()
    assert world.bodies()[1].endswith(f"is below 3.30 V - switched off by {ANN}")
    assert world.events()[1]["m.new_content"]["eu.comatrix.alarm"]["state"] == "ended"
    await world.read(300)
    assert len(world.events()) == 2 and world.type("alarm garden off") == "There is no such alarm at garden."


async def test_limits_are_listed_with_their_state(world: AlarmWorld) -> None:
    world.type("alarm garden temperature >30")
    await world.read(329)
    assert world.type("alarm garden").splitlines() == [
        "Alarms of garden:",
        "temperature above 30.00 °C, over at 28.50 °C: ok (by @ann:b)",
        "battery below 3.30 V, over at 3.46 V: 3.29 V since 22:14:20 (by @ann:b)",
    ]
    assert world.type("alarm garden humidity").startswith("garden has no alarm.")


async def test_both_sides_of_a_word_have_limits_of_their_own(world: AlarmWorld) -> None:
    world.type("alarm garden battery >4V")
    await world.read(329, 410)
    await world.look()
    assert world.state() == ["ok", "raised"]
    assert [body[:6] for body in world.bodies()] == ["Alarm:", "Alarm:", "* Reso"]


async def test_a_node_has_so_many_limits_and_no_more(world: AlarmWorld) -> None:
    words = [row.name for row in vocab.rows()[:11] if row.name != "battery"]
    lines = [f"alarm garden {word} {side}1" for word in words for side in "<>"]
    told = [world.type(line) for line in lines]
    assert sum("alarm at" in one for one in told) == MOST_PER_NODE - 1
    assert told[-1] == f"A node has at most {MOST_PER_NODE} alarms: switch one off first"
    assert world.type("alarm garden battery <3.2V").startswith("garden: alarm at")


async def test_nothing_is_sealed_for_an_encrypted_room(world: AlarmWorld) -> None:
    await world.read(329)
    world.store.write(lambda connection: rooms.set_encrypted(connection, world.room_.id))
    await world.read(350, 329)
    await world.look()
    assert len(world.events()) == 1 and world.state() == ["raised"]
    assert world.store.read(outbox.open_rows) == []


async def test_in_a_room_that_replaced_its_own_a_fresh_notice_says_that_it_is_over(world: AlarmWorld) -> None:
    await world.read(329)
    world.store.write(lambda connection: connection.execute("UPDATE room SET room_id = '!new:b'"))
    world.poster.reload()
    await world.read(350)
    over = world.events()[1]
    assert over["msgtype"] == "m.notice" and "m.relates_to" not in over and over["body"].startswith("Resolved:")


async def test_a_revoked_node_has_no_alarm_any_more(world: AlarmWorld) -> None:
    await world.read(329)
    world.store.write(lambda connection: nodes.revoke(connection, world.garden.number))
    await world.look()
    assert world.store.read(alarms.of) == []
    assert world.bodies()[1].endswith("- the node was revoked")


async def test_the_loop_is_woken_by_a_reading_of_a_node_with_a_limit(world: AlarmWorld) -> None:
    task = asyncio.create_task(world.alarming.run())
    await settle()
    await world.keep({2: 329})
    await world.clock.run_until(world.clock.ms + 1000)
    assert len(world.events()) == 1
    task.cancel()
    await asyncio.wait([task])


async def test_what_is_over_already_is_edited_as_soon_as_its_event_is_there(world: AlarmWorld) -> None:
    world.server.rule = lambda room, content: answer(502, "M_UNKNOWN")
    await world.read(329, 350)
    task = asyncio.create_task(world.alarming.run())
    await world.after(0)
    world.server.rule = lambda room, content: None
    await world.clock.run_until(world.clock.ms + 5 * MINUTE_MS)
    task.cancel()
    await asyncio.wait([task])
    raised, over = [event["origin_server_ts"] for event in world.server.log if "eu.comatrix.alarm" in event["content"]]
    assert over - raised < 1000


async def test_an_alarm_that_lasts_longer_than_its_row_in_the_outbox_is_edited_too(world: AlarmWorld) -> None:
    await world.read(329)
    await world.look()
    world.store.write(lambda connection: connection.execute("DELETE FROM outbox"))  # as retention does
    await world.read(350)
    assert world.bodies()[1].startswith("* Resolved")


async def test_words_without_a_limit_raise_nothing(world: AlarmWorld) -> None:
    await world.keep({HUMIDITY: 1})
    await world.look()
    assert world.events() == [] and not world.store.read(alarms.unjudged)


def events_kept(world: AlarmWorld) -> int:
    return int(
        world.store.read(lambda connection: connection.execute("SELECT count(*) FROM alarm_event").fetchone()[0])
    )


def outbox_rows(connection: sqlite3.Connection) -> list[SealedRow]:
    ids = [id for (id,) in connection.execute("SELECT id FROM outbox WHERE records = '[]' ORDER BY id")]
    return [row for id in ids if (row := outbox.by_id(connection, id)) is not None]
