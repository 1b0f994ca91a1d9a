"""Gateways killed, nodes reset, counters lost, keys rotated: nothing acknowledged is lost, doubled or reordered."""

import asyncio
import shutil
import signal
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from comatrix.gateway.demo.lossy_link import Address, Faults
from comatrix.gateway.demo.node_process import NodeProcess
from comatrix.gateway.demo.stage import Stage
from tests.end_to_end.node_programs import POST_MANY, POST_THROUGH_RESETS
from tests.end_to_end.nonce_watch import NonceWatch
from tests.end_to_end.room_reading import Seen, assert_once_and_in_order, seen, until, wait_for

pytestmark = pytest.mark.slow

BAD_LINK = Faults(loss=0.1, double=0.1, late=0.1, delay_s=(0.001, 0.02), late_s=0.15)


async def opened(stage: Stage, name: str, faults: Faults = BAD_LINK) -> str:
    """Homeserver, gateway and link; the id of a room."""
    await stage.open_homeserver()
    room = await stage.create_room(name)
    await stage.start_gateway()
    await stage.open_link(faults, seed=5)
    return str(room["room_id"])


async def provisioned(stage: Stage, name: str, room: str) -> dict[str, Any]:
    """The configuration of a node that repeats quickly."""
    configuration = await stage.provision(name, room, post="every", interval_s=1)
    return configuration | {"ack_timeout_ms": 100}


def acknowledged(node: NodeProcess) -> list[str]:
    """The numbers of the readings it was told are on disk, through all its resets."""
    return [line.split()[1] for line in node.output().splitlines() if line.startswith("acknowledged")]


def has_acknowledged(node: NodeProcess, count: int) -> Callable[[], Awaitable[bool]]:
    """For `until`."""

    async def enough() -> bool:
        return len(acknowledged(node)) >= count

    return enough


def numbers(found: list[Seen]) -> list[str]:
    """The readings' own numbers, in the room's order."""
    return [one.values["count"] for one in found]


def listen(stage: Stage) -> dict[Address, NonceWatch]:
    """A watch for each node that speaks from now on, by its address."""
    watches: dict[Address, NonceWatch] = defaultdict(NonceWatch)
    assert stage.link is not None
    stage.link.tap = lambda data, node, up: watches[node](data, node, up)
    return watches


async def with_all(stage: Stage, room: str, told: list[str]) -> list[Seen]:
    """What is in the room once all of these readings are: beside them it may hold some that nobody was told of."""

    async def all_there() -> bool:
        return set(told) <= set(numbers(await seen(stage, room)))

    await until(all_there, 30, "everything acknowledged in the room")
    return await seen(stage, room)


async def finished(node: NodeProcess, timeout_s: float = 60) -> None:
    """It ended by itself, having nothing left to send."""
    assert await asyncio.wait_for(node.wait(), timeout_s) == 0, node.output()


async def test_a_gateway_killed_again_and_again_loses_doubles_and_reorders_nothing(stage: Stage) -> None:
    count = 60
    room = await opened(stage, "killed gateway")
    watches = listen(stage)
    for name in ("garden", "cellar"):
        await stage.start_node(name, await provisioned(stage, name, room), POST_MANY.format(count=count))
    for round_ in range(1, 5):
        await wait_for(stage, room, round_ * 12, 30)
        await stage.end_gateway(signal.SIGKILL)
        await stage.start_gateway()
    await asyncio.gather(*(finished(node) for node in stage.nodes.values()))
    found = await wait_for(stage, room, 2 * count, 30)
    assert_once_and_in_order(found)
    for number in (1, 2):
        assert numbers([one for one in found if one.node == number]) == [str(i) for i in range(count)]
    assert len(watches) == 2
    for watch in watches.values():
        watch.assert_no_nonce_was_used_twice()


async def test_a_node_reset_again_and_again_repeats_no_seq_and_loses_nothing_acknowledged(stage: Stage) -> None:
    count = 60
    room = await opened(stage, "reset node")
    watch = NonceWatch()
    assert stage.link is not None
    stage.link.tap = watch
    program = POST_THROUGH_RESETS.format(count=count, pause_ms=50)
    node = await stage.start_node("garden", await provisioned(stage, "garden", room), program)
    for acknowledgements in (8, 20, 30, 42):
        await until(has_acknowledged(node, acknowledgements), 30, "acknowledgements")
        await node.stop()
        node = await stage.resume_node("garden")
    await finished(node)
    told = acknowledged(node)
    found = await with_all(stage, room, told)
    assert_once_and_in_order(found, resets=4)
    assert len(told) == len(set(told))
    assert set(told) <= set(numbers(found)), "acknowledged, and not in the room"
    assert len(numbers(found)) == len(set(numbers(found))), "a reading stands twice in the room"
    timely = numbers([one for one in found if not one.late])
    assert timely == sorted(timely, key=int)
    assert len(found) < count + 5 and len(told) > count - 20
    watch.assert_no_nonce_was_used_twice()


async def test_a_node_that_lost_its_counter_goes_on_above_its_old_seqs(stage: Stage) -> None:
    room = await opened(stage, "lost counter")
    program = POST_THROUGH_RESETS.format(count=40, pause_ms=50)
    node = await stage.start_node("garden", await provisioned(stage, "garden", room), program)
    await until(has_acknowledged(node, 15), 30, "acknowledgements")
    await node.stop()
    before = await wait_for(stage, room, len(acknowledged(node)), 30)
    for slot in node.folder.glob("state.*"):
        slot.unlink()
    node = await stage.resume_node("garden")
    await finished(node)
    found = await with_all(stage, room, acknowledged(node))
    assert_once_and_in_order(found, resets=1)
    assert set(acknowledged(node)) <= set(numbers(found))
    assert found[: len(before)] == before
    assert min(one.seq for one in found[len(before) + 1 :]) > max(one.seq for one in before)
    assert {one.enrolment for one in found} == {before[0].enrolment}


async def test_a_rotated_node_goes_on_and_its_old_key_dies(stage: Stage) -> None:
    room = await opened(stage, "rotated keys")
    configuration = await provisioned(stage, "garden", room)
    program = POST_THROUGH_RESETS.format(count=30, pause_ms=50)
    node = await stage.start_node("garden", configuration, program)
    await until(has_acknowledged(node, 5), 30, "acknowledgements")
    (old,) = (await stage.operate("node.show", name="garden"))["keys"]
    rotated = await stage.operate("node.rotate", name="garden")
    await until(has_acknowledged(node, 10), 30, "acknowledgements under the old key, until the new one is there")
    await node.stop()
    kept = stage.folder / "kept"
    shutil.copytree(node.folder, kept, ignore=shutil.ignore_patterns("output.txt", "numbers.txt"))
    new = rotated["configuration"] | {"gateway": configuration["gateway"], "ack_timeout_ms": 100}
    assert new["secret"] != configuration["secret"]
    node = await stage.start_node("garden", new, program)
    await finished(node)
    found = await with_all(stage, room, acknowledged(node))
    assert_once_and_in_order(found, resets=1)
    assert set(acknowledged(node)) <= set(numbers(found))
    assert {one.enrolment for one in found} == {configuration["enrolment"]}
    (key,) = (await stage.operate("node.show", name="garden"))["keys"]
    assert key["generation"] == old["generation"] + 1 and key["state"] == "active"

    # Whoever kept the old configuration, with its state or without, is not heard any more.
    shutil.copytree(kept, stage.folder / "nodes" / "ghost")
    ghosts = [await stage.start_node(name, configuration, program) for name in ("ghost", "stranger")]
    await asyncio.sleep(3)
    assert not any(acknowledged(ghost) for ghost in ghosts)
    assert await seen(stage, room) == found
    assert "node 'garden' knocked" in stage.gateway_log(), stage.gateway_log()
