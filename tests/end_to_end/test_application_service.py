"""The gateway as an application service of a real Synapse: each real node speaks under its own name."""

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from comatrix.gateway.demo.lossy_link import Faults
from comatrix.gateway.demo.stage import Stage
from tests.end_to_end.node_programs import POST_MANY
from tests.end_to_end.room_reading import assert_once_and_in_order, events, until, wait_for
from tests.end_to_end.service_stage import service_stage
from tests.support.people import Person

pytestmark = pytest.mark.slow

COUNT = 30


@pytest.fixture(params=["push", "sync"])
async def stage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Stage]:
    """By each intake."""
    async with service_stage(tmp_path, request.param) as made:
        yield made


async def _two_nodes(stage: Stage, room: str, count: int) -> None:
    for name in ("garden", "cellar"):
        configuration = await stage.provision(name, room, post="every", interval_s=1)
        configuration["ack_timeout_ms"] = 100
        await stage.start_node(name, configuration, POST_MANY.format(count=count))


async def _messages(stage: Stage, room: str) -> list[dict[str, Any]]:
    return [event for event in await events(stage, room) if event["type"] == "m.room.message"]


def _ghosts(messages: list[dict[str, Any]]) -> dict[int, set[str]]:
    """Node number -> who spoke for it."""
    senders: dict[int, set[str]] = {}
    for event in messages:
        for record in event["content"]["eu.comatrix.telemetry"]["records"]:
            senders.setdefault(record["id"], set()).add(event["sender"])
    return senders


def _owner(stage: Stage) -> Person:
    assert stage.person is not None
    return Person(stage.person, None)


async def test_readings_come_from_ghosts_with_the_nodes_names(stage: Stage) -> None:
    room = (await stage.create_room("ghosts"))["room_id"]
    await stage.start_gateway()
    await stage.open_link(Faults(loss=0.1, double=0.1, delay_s=(0.001, 0.01)), seed=5)
    await _two_nodes(stage, room, COUNT)
    found = await wait_for(stage, room, 2 * COUNT, 60)
    assert_once_and_in_order(found)
    assert len(found) == 2 * COUNT
    messages = await _messages(stage, room)
    assert _ghosts(messages) == {1: {"@cx_node_1:localhost"}, 2: {"@cx_node_2:localhost"}}
    assert stage.person is not None
    for number, name in ((1, "garden"), (2, "cellar")):
        member = await stage.person.state_event(room, "m.room.member", f"@cx_node_{number}:localhost")
        assert (member.body or {})["displayname"] == name
    assert not any("per_message_profile" in str(event["content"]) for event in messages), "it is shown by its own name"


async def test_through_a_kill_and_a_kick_each_reading_is_there_once(stage: Stage) -> None:
    room = (await stage.create_room("kills"))["room_id"]
    await stage.start_gateway()
    await _two_nodes(stage, room, 3 * COUNT)
    await wait_for(stage, room, COUNT // 2, 60)
    await stage.end_gateway(signal.SIGKILL)
    await stage.start_gateway()
    await wait_for(stage, room, COUNT, 60)
    await _owner(stage).kick(room, "@cx_node_1:localhost", "not you")
    found = await wait_for(stage, room, 6 * COUNT, 90)
    assert_once_and_in_order(found)
    assert len(found) == 6 * COUNT
    assert _ghosts(await _messages(stage, room)) == {1: {"@cx_node_1:localhost"}, 2: {"@cx_node_2:localhost"}}


async def test_a_room_that_is_encrypted_hears_nothing_more(stage: Stage) -> None:
    room = (await stage.create_room("encrypted later"))["room_id"]
    await stage.start_gateway()
    await _two_nodes(stage, room, 10_000)
    await wait_for(stage, room, COUNT, 60)
    await _owner(stage).put_state(room, "m.room.encryption", {"algorithm": "m.megolm.v1.aes-sha2"})

    async def known() -> bool:
        return "is encrypted" in stage.gateway_log()

    await until(known, 20, "the encryption")
    count = len(await _messages(stage, room))
    await asyncio.sleep(3)
    assert len(await _messages(stage, room)) == count
