"""Events that tell of something that goes on, sealed, and edited once it is over. Steps of a transaction."""

import sqlite3

from comatrix.gateway.desk.sitting import House
from comatrix.gateway.edges.store import alarm_events, replies, rooms
from comatrix.gateway.edges.store.alarm_events import Over
from comatrix.gateway.edges.store.replies import Speech
from comatrix.gateway.model import Node, Room
from comatrix.gateway.uplink import alarm_events as wording
from comatrix.gateway.uplink.alarm_events import Words
from comatrix.gateway.uplink.priority import ALARM, FINAL_EDIT


def announce(connection: sqlite3.Connection, house: House, node: Node, told: Words, now_ms: int) -> int | None:
    """Tells the node's default room -> the event's number in alarm_event; None: the room is encrypted."""
    room = rooms.by_id(connection, node.room)
    if room is None or room.encrypted:
        return None
    speech = Speech(room, lambda txn: wording.first(told, txn), "msg", ALARM)
    row = replies.seal(connection, house.instance, house.voice(), speech, now_ms)
    return alarm_events.begin(connection, room.id, row, told)


def edit_over(connection: sqlite3.Connection, house: House, now_ms: int) -> int:
    """Every event that is over and can be edited by now, is -> how many events were sealed."""
    alarm_events.learn(connection)
    return sum(_edit(connection, house, one, now_ms) for one in alarm_events.to_edit(connection))


def _edit(connection: sqlite3.Connection, house: House, one: Over, now_ms: int) -> bool:
    alarm_events.forget(connection, one.id)
    room = rooms.by_id(connection, one.room)
    if one.event_id is None or room is None or room.encrypted:
        return False  # nobody read that it began, or nothing may be said there any more
    replies.seal(connection, house.instance, house.voice(), _speech(house, room, one, one.event_id), now_ms)
    return True


def _speech(house: House, room: Room, one: Over, target: str) -> Speech:
    """Only its own sender, in its own room, can edit an event; otherwise a fresh one says it."""
    if (room.room_id, house.voice().user_id) == (one.room_id, one.sender):
        return Speech(room, lambda txn: wording.edit(one.told, one.over, target, txn), "edit", FINAL_EDIT)
    return Speech(room, lambda txn: wording.instead(one.over, txn), "msg", FINAL_EDIT)
