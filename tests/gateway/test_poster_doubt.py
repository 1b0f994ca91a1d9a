"""A row in doubt: repeated where the homeserver remembers it, looked for where it may have forgotten."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from comatrix.gateway.edges.store import outbox
from comatrix.gateway.model import HomeserverAnswer, Node, SealedRow, Voice
from comatrix.gateway.uplink.priority import FINAL_EDIT
from tests.gateway.delivery_homeserver import (
    Step,
    answer,
    hang_after,
    hang_before,
    lost_after,
    lost_before,
)
from tests.gateway.delivery_world import World

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
LONG_MS = 25 * HOUR_MS


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    yield world
    await world.crash()


async def doubted(world: World, step: Step, before: int = 1, node: str = "garden") -> Node:
    """A node with `before` records posted and one whose PUT ended with `step`."""
    garden = world.node(node, world.room())
    await world.start()
    for value in range(before):
        await world.say(garden, value)
        await world.after(100)
    world.server.script.append(step)
    await world.say(garden, 99)
    await world.after(100)
    return garden


def parked(world: World) -> SealedRow:
    (row,) = world.store.read(outbox.parked_rows)
    return row


@pytest.mark.parametrize("step", [hang_before, hang_after])
@pytest.mark.parametrize("before", [0, 3])
async def test_after_25_hours_it_is_looked_for_and_is_there_once(world: World, step: Step, before: int) -> None:
    garden = await doubted(world, step, before)
    world.server.forget()
    await world.restart(after_ms=LONG_MS)
    await world.say(garden, 100)
    await world.after(1000)
    assert [seq for _, seq in world.server.seqs()] == list(range(1, before + 3))
    assert world.server.reads == [("!a:b", "@cx:b")]
    assert world.counts() == {"done": before + 2, "waiting": 0}


async def test_within_the_window_it_is_only_repeated(world: World) -> None:
    await doubted(world, hang_after)
    await world.restart(after_ms=19 * HOUR_MS)
    await world.after(1000)
    assert world.server.reads == []
    assert world.server.calls[-1] == world.server.calls[-2]
    assert [seq for _, seq in world.server.seqs()] == [1, 2]


@pytest.mark.parametrize("step", [hang_before, hang_after])
@pytest.mark.parametrize("skew_ms", [-30 * HOUR_MS, 30 * HOUR_MS])
@pytest.mark.parametrize("restarted", [False, True])
async def test_a_clock_that_is_wrong_loses_and_doubles_nothing(
    world: World, step: Step, skew_ms: int, restarted: bool
) -> None:
    """Ours against the homeserver's, and after the restart ours stands before the seal."""
    world.server.clock_ms = lambda: world.clock.ms + skew_ms
    garden = world.node("garden", world.room())
    await world.start()
    await world.say(garden, 1)
    await world.after(100)
    if restarted:
        await world.restart()
    world.server.script.append(step)
    await world.say(garden, 2)
    await world.after(100)
    world.server.say("!a:b", "@cx:b", {"body": "an answer of the bot, newer than what is looked for"})
    world.server.forget()
    await world.restart(after_ms=-2 * HOUR_MS)
    await world.after(1000)
    assert [seq for _, seq in world.server.seqs()] == [1, 2]


async def test_a_room_that_cannot_be_read_parks_it_and_it_is_never_sent_again(world: World) -> None:
    garden = await doubted(world, hang_after)
    world.server.reading["!a:b"] = [HomeserverAnswer(403, {"errcode": "M_FORBIDDEN"}, "M_FORBIDDEN", "not there")]
    world.server.forget()
    await world.restart(after_ms=LONG_MS)
    await world.say(garden, 100)
    await world.after(HOUR_MS)
    assert parked(world).reason == "unknown whether posted: the room cannot be read (M_FORBIDDEN: not there)"
    assert any("1 record parked: unknown whether posted" in line for line in world.lines)
    assert [seq for _, seq in world.server.seqs()] == [1, 2, 3]
    assert len(world.server.calls) == 3  # the second is the one parked


@pytest.mark.parametrize("readable", [True, False])
async def test_a_person_retries_what_was_parked(world: World, readable: bool) -> None:
    await doubted(world, hang_after)
    refusal = HomeserverAnswer(403, {"errcode": "M_FORBIDDEN"}, "M_FORBIDDEN")
    world.server.reading["!a:b"] = [refusal] * (1 if readable else 2)
    world.server.forget()
    await world.restart(after_ms=LONG_MS)
    await world.after(1000)
    row = parked(world)
    assert world.store.write(lambda connection: outbox.retry(connection, row.id))
    world.poster.reload()
    await world.after(1000)
    # Where it can be looked for it is not doubled; where not, the person was told that it may be.
    assert [seq for _, seq in world.server.seqs()] == ([1, 2] if readable else [1, 2, 2])
    assert world.counts() == {"done": 2, "waiting": 0}


async def test_no_answer_while_looking_is_asked_again(world: World) -> None:
    await doubted(world, hang_before)
    world.server.reading["!a:b"] = [
        HomeserverAnswer(None, error="timed out"),
        HomeserverAnswer(502, error="HTML"),
        HomeserverAnswer(429, {"errcode": "M_LIMIT_EXCEEDED"}, "M_LIMIT_EXCEEDED", retry_after_ms=3000),
    ]
    await world.restart(after_ms=LONG_MS)
    await world.after(500)
    assert len(world.server.calls) == 2 and len(world.server.reads) == 1
    await world.after(MINUTE_MS)
    assert len(world.server.reads) == 4
    assert [seq for _, seq in world.server.seqs()] == [1, 2]


async def test_it_is_looked_for_on_every_page(world: World) -> None:
    garden = await doubted(world, hang_after)
    for n in range(50):
        world.server.say("!a:b", "@cx:b", {"body": f"answer {n}"})
    world.server.page_events = 10
    world.server.forget()
    await world.restart(after_ms=LONG_MS)
    await world.say(garden, 100)
    await world.after(1000)
    assert [seq for _, seq in world.server.seqs()] == [1, 2, 3]
    assert len(world.server.reads) == 6


async def test_looking_costs_no_token(world: World) -> None:
    world.dedupe = "none"
    garden = world.node("garden", world.room())
    other = world.node("other", world.room("!other:b"))
    await world.start()
    await world.say(garden, 1)
    await world.say(other, 2)
    await world.after(100)
    world.server.script.append(lost_after)
    await world.say(garden, 3)
    await world.after(50)
    world.server.script.append(answer(429, "M_LIMIT_EXCEEDED", retry_after_ms=2 * MINUTE_MS))
    await world.say(other, 4)
    await world.after(2 * MINUTE_MS + 1000)
    assert len(world.server.reads) == 1
    assert [seq for _, seq in world.server.seqs("!other:b")] == [2, 4]


async def test_a_429_clears_no_doubt(world: World) -> None:
    await doubted(world, hang_after)
    world.server.forget()
    world.server.script.append(answer(429, "M_LIMIT_EXCEEDED", retry_after_ms=2000))
    await world.restart(after_ms=19 * HOUR_MS)
    await world.after(1000)
    world.clock.ms += 2 * HOUR_MS
    world.poster.reload()
    await world.after(10_000)
    assert len(world.server.reads) == 1
    assert [seq for _, seq in world.server.seqs()] == [1, 2]


@pytest.mark.parametrize("step", [hang_before, hang_after])
async def test_after_a_new_login_the_old_devices_rows_are_looked_for(world: World, step: Step) -> None:
    garden = await doubted(world, step)
    await world.restart(device="OTHER")
    await world.say(garden, 100)
    await world.after(1000)
    assert [seq for _, seq in world.server.seqs()] == [1, 2, 3]
    assert len(world.server.reads) == 1
    assert world.counts() == {"done": 3, "waiting": 0}


@pytest.mark.parametrize("step", [lost_before, lost_after])
async def test_a_new_login_beside_the_running_gateway_doubles_nothing(world: World, step: Step) -> None:
    await doubted(world, step)
    world.poster.signed_in(Voice("@cx:b", "OTHER"))
    await world.after(MINUTE_MS)
    assert [seq for _, seq in world.server.seqs()] == [1, 2]
    assert len(world.server.reads) == 1


async def test_another_users_rows_are_parked_not_sent(world: World) -> None:
    garden = await doubted(world, hang_before)
    await world.restart(sender="@new:b")
    await world.say(garden, 100)
    await world.after(1000)
    assert parked(world).reason == "unknown whether posted: sealed for @cx:b on device CX"
    assert len([line for line in world.lines if "sealed for @cx:b" in line]) == 1
    assert len(world.server.calls) == 3
    row = parked(world)
    assert world.store.write(lambda connection: outbox.retry(connection, row.id))
    world.poster.reload()
    await world.after(1000)  # the person's word: the present user says it now
    assert [seq for _, seq in world.server.seqs()] == [1, 3, 2]
    assert world.server.voices[-1] == Voice("@new:b", "CX")


@pytest.mark.parametrize("step", [hang_before, hang_after])
async def test_an_edit_is_looked_for_beside_its_target(world: World, step: Step) -> None:
    garden = await doubted(world, lost_after, before=0)
    await world.after(2000)
    (event_id,) = [event["event_id"] for event in world.server.log]
    await world.crash()
    world.store = type(world.store).open(world.path, world.clock.ms)
    seal_edit(world, garden, event_id)
    world.server.script.append(step)
    await world.start()
    await world.after(1000)
    world.server.forget()
    await world.restart(after_ms=LONG_MS)
    await world.after(1000)
    edits = [event for event in world.server.log if "m.relates_to" in event["content"]]
    assert len(edits) == 1
    assert world.server.relations_asked == [(event_id, "m.replace")]
    assert len(world.server.reads) == 1
    assert world.counts() == {"done": 2, "waiting": 0}


def seal_edit(world: World, node: Node, target: str) -> None:
    def seal(connection: object) -> None:
        number = outbox.next_id(connection)  # type: ignore[arg-type]
        txn = f"{world.store.instance}.{number}.edit"
        content = {"eu.comatrix.id": txn, "m.relates_to": {"rel_type": "m.replace", "event_id": target}}
        row = SealedRow(
            number, node.room, "!a:b", "m.room.message", txn, json.dumps(content).encode(), world.clock.ms, (), False,
            0, "sealed", sender="@cx:b", device="CX", kind="edit",
        )  # fmt: skip
        outbox.seal(connection, replace(row, priority=FINAL_EDIT), [])  # type: ignore[arg-type]

    world.store.write(seal)
