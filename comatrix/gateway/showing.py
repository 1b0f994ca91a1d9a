"""Wires what rooms' state tells of nodes: read from the store, sent when nothing else is."""

import asyncio
import sqlite3
from collections.abc import Callable, Mapping

from comatrix.gateway.admin.nodes import last_battery_cv
from comatrix.gateway.clock import wall_ms
from comatrix.gateway.downlink.grants import level
from comatrix.gateway.edges.matrix import MatrixClient
from comatrix.gateway.edges.node_states import NodeStates
from comatrix.gateway.edges.room_powers import RoomPowersBook
from comatrix.gateway.edges.store import descriptions, nodes, rooms, status
from comatrix.gateway.edges.store.store import Store
from comatrix.gateway.model import Node, Room
from comatrix.gateway.uplink.node_state import EVENT_TYPE, Facts, Mark
from comatrix.gateway.uplink.power import needed_to_set

Seen = Callable[[int], int | None]  # node -> when the running gateway heard it last, Unix ms


def open_node_states(
    store: Store, matrix: MatrixClient, powers: RoomPowersBook, *, seen: Seen, quiet: Callable[[], bool]
) -> NodeStates:
    """`quiet()` as in NodeStates."""

    async def may(room_id: str) -> bool:
        found = await powers.look(room_id, matrix.user_id)
        return (
            found is not None
            and found[1]
            and level(matrix.user_id, found[0]) >= needed_to_set(found[0].levels, EVENT_TYPE)
        )

    return NodeStates(
        matrix,
        marks=lambda: store.read(marks_of),
        facts=lambda node: store.read(lambda connection: facts_of(connection, node, seen)),
        may=may,
        quiet=quiet,
        now_ms=wall_ms,
        sleep=asyncio.sleep,
    )


def marks_of(connection: sqlite3.Connection) -> Mapping[int, Mark]:
    """Of every node, revoked ones too: what is told of them goes."""
    known = {room.id: room for room in rooms.all_rooms(connection)}
    return {
        node.number: Mark(known[node.room].room_id, node.name, _silent(node, known[node.room]))
        for node in nodes.all_nodes(connection, revoked=True)
    }


def facts_of(connection: sqlite3.Connection, number: int, seen: Seen) -> Facts | None:
    """What is known of a node now."""
    node = nodes.by_number(connection, number)
    room = None if node is None else rooms.by_id(connection, node.room)
    if node is None or room is None or room.successor is not None:
        return None  # a room that was closed: the one that takes its place is told
    known, live_ms = status.of(connection, number), seen(number)
    described = descriptions.read(connection, number)
    return Facts(
        node=number,
        room_id=room.room_id,
        name=node.name,
        last_seen_ms=max(filter(None, (known.last_seen_ms, live_ms)), default=None),
        battery_cv=last_battery_cv(connection, number, known.battery_cv),
        firmware=known.firmware,
        interval_s=known.wake_interval_s,
        settings=() if described is None else tuple(one.name for one in described.settings),
        silent=_silent(node, room),
    )


def _silent(node: Node, room: Room) -> bool:
    return node.revoked or room.encrypted
