"""What the operator is told reaches the admin room, in few notices, and never an encrypted one."""

import asyncio
import contextlib
import json
from typing import Any

import pytest

from comatrix.gateway.edges.operator_room import OperatorRoom
from comatrix.gateway.model import HomeserverAnswer


class Room:
    """A homeserver with one room."""

    def __init__(self, encrypted: bool | None) -> None:
        self.encrypted = encrypted
        self.posted: list[dict[str, Any]] = []

    async def join(self, room: str) -> HomeserverAnswer:
        return HomeserverAnswer(200, {"room_id": "!admin"})

    async def is_encrypted(self, room_id: str) -> bool | None:
        return self.encrypted

    async def send_event(self, room_id: str, event_type: str, txn_id: str, content: bytes) -> HomeserverAnswer:
        self.posted.append(json.loads(content))
        return HomeserverAnswer(200, {"event_id": "$1"})


async def told(room: Room, name: str, lines: list[str]) -> list[str]:
    """Tell the lines, let the notices go out -> what was logged."""
    logged: list[str] = []

    async def pause(_seconds: float) -> None:
        await asyncio.sleep(0)

    operator = OperatorRoom(room, name, log=logged.append, transaction=iter("abc").__next__, sleep=pause)
    for line in lines:
        operator.tell(line)
    task = asyncio.get_running_loop().create_task(operator.run())
    for _ in range(10):
        await asyncio.sleep(0)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    return logged


async def test_lines_told_together_are_one_silent_notice() -> None:
    room = Room(encrypted=False)
    assert await told(room, "#admin:x", ["one", "two"]) == ["one", "two"]
    assert room.posted == [{"msgtype": "m.notice", "body": "one\ntwo", "m.mentions": {}}]


@pytest.mark.parametrize("encrypted", [True, None])
async def test_nothing_is_posted_unless_the_room_is_known_to_be_plain(encrypted: bool | None) -> None:
    room = Room(encrypted)
    assert await told(room, "#admin:x", ["one"]) == ["one"]
    assert room.posted == []


async def test_without_an_admin_room_the_log_is_all() -> None:
    room = Room(encrypted=False)
    assert await told(room, "", ["one"]) == ["one"]
    assert room.posted == []
