"""What is in a room, read by one of its members over plain HTTP: none of the gateway's code is asked."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from comatrix.gateway.demo.stage import Stage


@dataclass(frozen=True, slots=True)
class Seen:
    """One record of a node, as an event of the room names it. `values`: SenML name -> decimal string."""

    node: int
    enrolment: int
    seq: int
    values: dict[str, str]
    late: bool
    event_id: str


async def events(stage: Stage, room_id: str) -> list[dict[str, Any]]:
    """Every event of the room, oldest first, by paging /messages."""
    assert stage.person is not None
    headers = {"Authorization": f"Bearer {stage.person.account.access_token}"}
    url = f"{stage.synapse.base_url}/_matrix/client/v3/rooms/{quote(room_id, safe='')}/messages"
    found: list[dict[str, Any]] = []
    query = {"dir": "f", "limit": "500"}
    async with httpx.AsyncClient(trust_env=False, timeout=30, headers=headers) as http:
        while True:
            answer = await http.get(url, params=query)
            assert answer.status_code == 200, answer.text
            page = answer.json()
            found += page["chunk"]
            if "end" not in page:
                return found
            query["from"] = page["end"]


async def seen(stage: Stage, room_id: str) -> list[Seen]:
    """Every record of every node in the room, in the room's order."""
    found = []
    for event in await events(stage, room_id):
        if event["type"] != "m.room.message":
            continue
        for one in event["content"].get("eu.comatrix.telemetry", {}).get("records", []):
            values = {reading["n"]: reading["v"] for reading in one.get("readings", [])}
            found.append(Seen(one["id"], one["enr"], one["seq"], values, one.get("late", False), event["event_id"]))
    return found


async def wait_for(stage: Stage, room_id: str, count: int, timeout_s: float) -> list[Seen]:
    """As `seen`, once it holds `count` records. Fails the test, with the gateway's log, after `timeout_s`."""

    async def enough() -> bool:
        return len(await seen(stage, room_id)) >= count

    try:
        await until(enough, timeout_s, f"{count} records in the room")
    except AssertionError as error:
        found = len(await seen(stage, room_id))
        raise AssertionError(f"{error}, but {found}\n{stage.gateway_log()}") from None
    return await seen(stage, room_id)


async def until(condition: Callable[[], Awaitable[bool]], timeout_s: float, what: str) -> None:
    """Look again and again. Fails the test after `timeout_s`."""
    end = time.monotonic() + timeout_s
    while not await condition():
        assert time.monotonic() < end, f"waited {timeout_s:g} s for {what}"
        await asyncio.sleep(0.25)


def assert_once_and_in_order(found: list[Seen], resets: int = 0) -> None:
    """Each (node, enrolment, seq) once, and each node's in the order of their seq.

    A node that is reset may leave the one record it had open on the link, to arrive behind its successors: then it
    stands there marked late (wire.md, section Order), at most one for each of the `resets`.
    """
    names = [(one.node, one.enrolment, one.seq) for one in found]
    doubled = sorted({name for name in names if names.count(name) > 1})
    assert not doubled, f"more than once in the room: {doubled}"
    for key in {name[:2] for name in names}:
        own = [one for one in found if (one.node, one.enrolment) == key]
        seqs = [one.seq for one in own if not one.late]
        assert seqs == sorted(seqs), f"node {key} out of order: {seqs}"
        late = [one.seq for one in own if one.late]
        assert len(late) <= resets, f"node {key} has late ones: {late}"
