"""Each node may have a user of its own: lanes side by side, and never a record out of its node's order."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from comatrix.gateway.edges.store import outbox, rooms
from comatrix.gateway.model import HomeserverAnswer, Node
from tests.gateway.delivery_homeserver import FakeVoices, Step, answer, hang_after, hang_before, lost_after, lost_before
from tests.gateway.delivery_world import World

MINUTE_MS = 60_000
FORBIDDEN = HomeserverAnswer(403, {"errcode": "M_FORBIDDEN"}, "M_FORBIDDEN", "not invited")
GONE = answer(400, "M_UNKNOWN_DEVICE")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    world.voices = FakeVoices([1, 2])
    yield world
    await world.crash()


def three(world: World) -> list[Node]:
    """Two nodes with a ghost, one for whom the bot speaks."""
    room = world.room()
    return [world.node(name, room) for name in ("one", "two", "three")]


def voices(world: World) -> FakeVoices:
    assert world.voices is not None
    return world.voices


async def slow(world: World) -> None:
    await world.clock.wait(world.clock.ms + 300)


async def test_ghosts_post_side_by_side_and_the_bot_for_the_others(world: World) -> None:
    nodes = three(world)
    world.server.latency = lambda: slow(world)
    await world.start()
    for node in nodes:
        await world.say(node, 1)
    await world.after(100)
    assert world.server.most_in_flight["!a:b"] == 3
    assert {voice.user_id for voice in world.server.voices} == {"@cx_node_1:b", "@cx_node_2:b", "@cx:b"}
    assert sorted(voices(world).prepared) == [("@cx:b", "!a:b"), ("@cx_node_1:b", "!a:b"), ("@cx_node_2:b", "!a:b")]
    await world.say(nodes[0], 2)
    await world.after(1000)
    assert len(voices(world).prepared) == 3  # once since the start
    assert len(world.server.checks) == 1  # the room was asked about once, not once a ghost


async def test_a_ghosts_event_holds_its_own_node_and_the_bots_many(world: World) -> None:
    voices(world).ghosts = {1: voices(world).ghosts[1]}
    nodes = three(world)
    for node in nodes:
        await world.say(node, 1, 2)
    await world.start()
    await world.after(1000)
    shown = [sorted({node for node, _ in event["content"]["records"]}) for event in world.server.log]
    assert sorted(shown) == [[1], [2, 3]]


async def test_a_ghost_that_may_not_join_is_spoken_for_by_the_bot(world: World) -> None:
    nodes = three(world)
    voices(world).refusals["@cx_node_1:b"] = FORBIDDEN
    for node in nodes:
        await world.say(node, 1, 2)
    await world.start()
    await world.after(1000)
    assert voices(world).fallen == ["@cx_node_1:b"]
    assert sorted(world.server.seqs()) == [[1, 1], [1, 2], [2, 3], [2, 4], [3, 5], [3, 6]]
    assert {event["sender"] for event in world.server.log} == {"@cx_node_2:b", "@cx:b"}
    await world.say(nodes[0], 3)
    await world.after(1000)
    assert world.server.log[-1]["sender"] == "@cx:b"


async def test_no_answer_to_its_preparation_is_no_refusal(world: World) -> None:
    (node, *_) = three(world)
    voices(world).refusals["@cx_node_1:b"] = HomeserverAnswer(None, error="timed out")
    await world.start()
    await world.say(node, 1)
    await world.after(MINUTE_MS)
    assert (voices(world).fallen, world.server.calls) == ([], [])
    voices(world).refusals.clear()
    await world.after(2 * MINUTE_MS)
    assert world.server.log[0]["sender"] == "@cx_node_1:b"


async def test_a_device_that_is_gone_is_made_anew_and_the_same_bytes_go_out_once_more(world: World) -> None:
    (node, *_) = three(world)
    world.server.script.append(GONE)
    await world.start()
    await world.say(node, 1)
    await world.after(100)
    assert voices(world).forgotten == [("@cx_node_1:b", None)]
    assert len(voices(world).prepared) == 2
    assert world.server.calls[0] == world.server.calls[1]
    assert world.server.seqs() == [[1, 1]]
    assert world.lines == []


async def test_a_device_that_stays_gone_makes_the_bot_speak(world: World) -> None:
    (node, *_) = three(world)
    world.server.rule = lambda room, content: GONE if world.server.voices[-1].user_id != "@cx:b" else None
    await world.start()
    await world.say(node, 1)
    await world.after(1000)
    assert world.server.seqs() == [[1, 1]]
    assert len(world.server.calls) == 3  # twice as the ghost
    assert voices(world).fallen == ["@cx_node_1:b"]


@pytest.mark.parametrize("step", [lost_before, lost_after])
async def test_a_device_that_went_with_its_memory_leaves_a_row_in_doubt_to_be_looked_for(
    world: World, step: Step
) -> None:
    """Synapse forgets a device's transaction ids with the device."""
    (node, *_) = three(world)
    world.server.script.extend([step, GONE])
    await world.start()
    await world.say(node, 1)
    await world.after(100)
    world.server.forget(device="G")
    await world.after(10_000)
    assert world.server.seqs() == [[1, 1]]
    assert world.server.reads == [("!a:b", "@cx_node_1:b")]


async def test_a_ghost_that_was_kicked_is_brought_back_and_then_the_room_waits(world: World) -> None:
    (node, *_) = three(world)
    world.server.script.extend([answer(403, "M_FORBIDDEN")] * 2)
    await world.start()
    await world.say(node, 1)
    await world.after(1000)
    assert voices(world).forgotten == [("@cx_node_1:b", "!a:b")]
    assert len(world.server.calls) == 2
    assert len([line for line in world.lines if "trying again every 10 minutes" in line]) == 1
    await world.after(10 * MINUTE_MS)
    assert world.server.seqs() == [[1, 1]]
    assert world.lines[-1] == "!a:b: sending again"


async def test_a_closed_room_is_told_once_for_all_its_ghosts(world: World) -> None:
    nodes = three(world)
    shut = True
    world.server.rule = lambda room, content: answer(403, "M_FORBIDDEN") if shut else None
    await world.start()
    for node in nodes:
        await world.say(node, 1)
    await world.after(25 * MINUTE_MS)
    assert len(world.lines) == 1
    shut = False
    await world.after(10 * MINUTE_MS)
    assert world.lines[1:] == ["!a:b: sending again"]
    assert world.store.read(lambda c: rooms.by_name(c, "!a:b")).paused is None  # type: ignore[union-attr]
    assert sorted(world.server.seqs()) == [[1, 1], [2, 2], [3, 3]]


@pytest.mark.parametrize("step", [hang_before, hang_after, lost_before, lost_after])
async def test_a_voice_changes_only_when_nothing_of_its_node_is_under_way(world: World, step: Step) -> None:
    (node, *_) = three(world)
    world.server.script.append(step)
    await world.start()
    await world.say(node, 1)
    await world.after(100)
    voices(world).ghosts.clear()  # the room has too many nodes now
    world.poster.reload()
    await world.say(node, 2)
    await world.after(100)
    if step in (hang_before, hang_after):
        assert len(world.server.calls) == 1  # the bot waits for what the ghost began
        await world.restart()
    await world.after(2 * MINUTE_MS)
    assert world.server.seqs() == [[1, 1], [1, 2]]
    assert [event["sender"] for event in world.server.log] == ["@cx_node_1:b", "@cx:b"]


async def test_a_voice_that_changes_while_its_records_are_sealed_waits_for_them(world: World) -> None:
    (node, *_) = three(world)
    await world.start()
    real = world.delivery.seal

    async def slow_disk(*args: Any, **more: Any) -> Any:
        sealed = await real(*args, **more)
        await world.clock.wait(world.clock.ms + 500)
        return sealed

    world.delivery.seal = slow_disk  # type: ignore[method-assign]
    world.server.latency = lambda: slow(world)
    await world.say(node, 1)
    await world.after(100)
    voices(world).ghosts.clear()
    world.poster.reload()
    await world.after(600)
    (lag,) = world.poster.lags()
    assert (lag["waiting"], lag["events"]) == (1, 1)  # it was brought by who sealed it and by who looked
    await world.say(node, 2)
    await world.after(10_000)
    assert world.server.seqs() == [[1, 1], [1, 2]]
    assert [event["sender"] for event in world.server.log] == ["@cx_node_1:b", "@cx:b"]


@pytest.mark.parametrize("step", [hang_before, hang_after])
async def test_what_a_ghost_may_have_sent_is_looked_for_before_the_bot_says_it(world: World, step: Step) -> None:
    (node, *_) = three(world)
    world.server.script.append(step)
    await world.start()
    await world.say(node, 1)
    await world.after(100)
    voices(world).refusals["@cx_node_1:b"] = FORBIDDEN
    await world.restart()
    await world.say(node, 2)
    await world.after(1000)
    assert world.server.seqs() == [[1, 1], [1, 2]]
    assert world.server.reads == [("!a:b", "@cx_node_1:b")]
    assert world.server.log[-1]["sender"] == "@cx:b"
    assert world.counts()["waiting"] == 0
    assert world.store.read(outbox.open_rows) == []


async def test_a_ghost_that_is_deactivated_makes_the_bot_speak_and_stops_nobody_else(world: World) -> None:
    nodes = three(world)
    world.server.rule = lambda room, content: (
        answer(403, "M_USER_DEACTIVATED") if world.server.voices[-1].user_id == "@cx_node_1:b" else None
    )
    await world.start()
    for node in nodes:
        await world.say(node, 1)
    await world.after(1000)
    assert sorted(world.server.seqs()) == [[1, 1], [2, 2], [3, 3]]
    assert not any("account" in line for line in world.lines)
