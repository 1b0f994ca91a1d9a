"""The room as it grows, with what people type, what becomes of it, and the link's counters beside it."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

from comatrix.gateway.demo.air import Air
from comatrix.gateway.demo.lossy_link import LossyLink
from comatrix.gateway.downlink import states
from comatrix.gateway.downlink.replies import COMMAND_KEY
from comatrix.gateway.edges.matrix import MatrixClient
from comatrix.gateway.uplink.json_values import mapping
from comatrix.gateway.uplink.typed import TELEMETRY_KEY

SYNC_MS = 1_000
FILTER = {"room": {"timeline": {"limit": 100, "types": ["m.room.message"]}}, "presence": {"types": []}}


class RoomShow:
    """Follows a room as one of its members. `records` are what the room holds, from the events themselves."""

    def __init__(
        self, member: MatrixClient, room_id: str, link: LossyLink, say: Callable[[str], None], air: Air | None = None
    ) -> None:
        self._member = member
        self._room_id = room_id
        self._link = link
        self._air = air
        self._say = say
        self._since: str | None = None
        self._shown: set[str] = set()
        self._asked: dict[str, str] = {}  # reply -> the command it answers
        self._over: set[str] = set()  # commands whose reply says how they ended
        self._looked = asyncio.Condition()
        self.records: list[tuple[str, int, int]] = []  # (node, enrolment, seq) in the room's order
        self.late: set[tuple[str, int, int]] = set()  # those marked so

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
        async with self._looked:
            self._looked.notify_all()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Back when what was shown made it true."""
        async with self._looked:
            await self._looked.wait_for(condition)

    def counters(self) -> str:
        """One line: what went over the air, and what came of it; another for LoRa."""
        counts = self._link.counts
        share = 100 * counts.lost / counts.sent if counts.sent else 0
        readings = "1 reading" if len(self.records) == 1 else f"{len(self.records)} readings"
        return (
            f"    air: {counts.sent} datagrams sent, {counts.lost} lost ({share:.0f} %), "
            f"{counts.retransmitted} retransmitted, {counts.bytes} bytes | room: {readings} delivered"
        ) + (f"\n    {self._air}" if self._air is not None else "")

    def _new(self, event: dict[str, Any]) -> bool:
        if event.get("type") != "m.room.message" or event["event_id"] in self._shown:
            return False
        self._shown.add(event["event_id"])
        return True

    def heard(self, node: str) -> int:
        """How many of its readings the room holds."""
        return sum(name == node for name, _, _ in self.records)

    def over(self, command: str) -> bool:
        """Whether the reply to this event says how its command ended."""
        return command in self._over

    def _show(self, event: dict[str, Any]) -> None:
        content = mapping(event.get("content"))
        for record in content.get(TELEMETRY_KEY, {}).get("records", []):
            told = record["node"], record["enr"], record["seq"]
            self.records.append(told)
            if record.get("late"):
                self.late.add(told)
        relation = mapping(content.get("m.relates_to"))
        answered = mapping(relation.get("m.in_reply_to")).get("event_id")
        if relation.get("rel_type") == "m.replace":
            self._edited(relation.get("event_id"), mapping(content.get("m.new_content")))
        elif isinstance(answered, str):
            self._asked[event["event_id"]] = answered
            self._note(answered, content)
            self._lines("    ", content)
        else:
            self._said(event, content)

    def _said(self, event: dict[str, Any], content: Mapping[str, Any]) -> None:
        """Readings; with a name, what somebody typed."""
        clock = time.strftime("%H:%M:%S", time.localtime(event.get("origin_server_ts", 0) / 1000))
        who = event["sender"][1:].partition(":")[0] + ": " if content.get("msgtype") == "m.text" else ""
        self._lines(f"{clock}  {who}", content)

    def _edited(self, reply: object, content: Mapping[str, Any]) -> None:
        """What the reply says now, without what it said before too."""
        asked = self._asked.get(str(reply))
        if asked is not None:
            self._note(asked, content)
            self._say(f"    -> {str(content.get('body', '')).partition(' - ')[2]}")

    def _note(self, asked: str, content: Mapping[str, Any]) -> None:
        if states.final(mapping(content.get(COMMAND_KEY)).get("state", states.QUEUED)):
            self._over.add(asked)

    def _lines(self, before: str, content: Mapping[str, Any]) -> None:
        first, *more = str(content.get("body", "")).splitlines() or [""]
        self._say(f"{before}{first}")
        for line in more:
            self._say(f"{' ' * 10}{line}")
