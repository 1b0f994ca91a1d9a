"""The room as it grows, with the link's counters beside it."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from comatrix.gateway.demo.lossy_link import LossyLink
from comatrix.gateway.edges.matrix import MatrixClient
from comatrix.gateway.uplink.typed import TELEMETRY_KEY

SYNC_MS = 1_000
FILTER = {"room": {"timeline": {"limit": 100, "types": ["m.room.message"]}}, "presence": {"types": []}}


class RoomShow:
    """Follows a room as one of its members. `readings` counts what the room holds, from the events themselves."""

    def __init__(self, member: MatrixClient, room_id: str, link: LossyLink, say: Callable[[str], None]) -> None:
        self._member = member
        self._room_id = room_id
        self._link = link
        self._say = say
        self._since: str | None = None
        self._shown: set[str] = set()
        self.records: list[tuple[str, int, int]] = []  # (node, enrolment, seq) in the room's order

    async def follow(self) -> None:
        """Show until cancelled."""
        while True:
            await self.look()

    async def look(self) -> None:
        """One /sync: show what is new, and the counters when something was."""
        answer = await self._member.sync(self._since, SYNC_MS if self._since else 0, FILTER)
        if not answer.ok or answer.body is None:
            await asyncio.sleep(1.0)
            return
        self._since = answer.body["next_batch"]
        room = answer.body.get("rooms", {}).get("join", {}).get(self._room_id, {})
        fresh = [event for event in room.get("timeline", {}).get("events", []) if self._new(event)]
        for event in fresh:
            self._show(event)
        if fresh:
            self._say(self.counters())

    def counters(self) -> str:
        """One line: what went over the air, and what came of it."""
        counts = self._link.counts
        share = 100 * counts.lost / counts.sent if counts.sent else 0
        readings = "1 reading" if len(self.records) == 1 else f"{len(self.records)} readings"
        return (
            f"    air: {counts.sent} datagrams sent, {counts.lost} lost ({share:.0f} %), "
            f"{counts.retransmitted} retransmitted, {counts.bytes} bytes | room: {readings} delivered"
        )

    def _new(self, event: dict[str, Any]) -> bool:
        if event.get("type") != "m.room.message" or event["event_id"] in self._shown:
            return False
        self._shown.add(event["event_id"])
        return True

    def _show(self, event: dict[str, Any]) -> None:
        content = event.get("content", {})
        for record in content.get(TELEMETRY_KEY, {}).get("records", []):
            self.records.append((record["node"], record["enr"], record["seq"]))
        clock = time.strftime("%H:%M:%S", time.localtime(event.get("origin_server_ts", 0) / 1000))
        first, *more = str(content.get("body", "")).splitlines() or [""]
        self._say(f"{clock}  {first}")
        for line in more:
            self._say(f"          {line}")
