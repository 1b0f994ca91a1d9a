"""Records that came behind newer ones: in their place while they can be, marked late only where they cannot."""

from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from comatrix.gateway.model import Node, Record
from tests.gateway.delivery_world import World


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    world.render = said
    yield world
    await world.crash()


SAID: list[list[tuple[int, bool]]] = []


def said(records: Sequence[Record], nodes: Mapping[int, Node], *, txn_id: str, **_: Any) -> dict[str, Any]:
    """An event that says which seqs it shows, and which of them late."""
    SAID.append([(record.seq, record.late) for record in records])
    return {"msgtype": "m.notice", "body": str(SAID[-1]), "records": [[record.node, record.seq] for record in records]}


@pytest.fixture(autouse=True)
def _nothing_said() -> None:
    SAID.clear()


async def test_what_waits_for_an_older_record_is_sealed_behind_it(world: World) -> None:
    garden = world.node("garden", world.room())
    await world.start()
    world.poster.await_older(garden.number, awaits=True)
    await world.append(garden, 7, {0: 7})
    world.poke()
    await world.after(60_000)
    assert SAID == []
    await world.append(garden, 5, {0: 5})
    world.poster.await_older(garden.number, awaits=False)
    world.poke()
    await world.after(1000)
    assert SAID == [[(5, False), (7, False)]]


async def test_other_nodes_do_not_wait_with_it(world: World) -> None:
    room = world.room()
    garden, shed = world.node("garden", room), world.node("shed", room)
    await world.start()
    world.poster.await_older(garden.number, awaits=True)
    await world.append(garden, 7, {0: 7})
    await world.append(shed, 1, {0: 1})
    world.poke()
    await world.after(1000)
    assert SAID == [[(1, False)]]
    world.poster.await_older(garden.number, awaits=False)
    await world.after(1000)
    assert SAID == [[(1, False)], [(7, False)]]


async def test_what_comes_when_a_newer_one_is_in_the_room_is_marked_late(world: World) -> None:
    garden = world.node("garden", world.room())
    await world.start()
    await world.append(garden, 7, {0: 7})
    world.poke()
    await world.after(1000)
    await world.append(garden, 5, {0: 5})
    world.poke()
    await world.after(1000)
    await world.append(garden, 8, {0: 8})
    world.poke()
    await world.after(1000)
    assert SAID == [[(7, False)], [(5, True)], [(8, False)]]
