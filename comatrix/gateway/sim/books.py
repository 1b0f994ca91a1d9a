"""What was measured against what stands in the room: each reading by its node and its running number."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

from comatrix.gateway.sim.numbering import count_of
from comatrix.gateway.sim.programs.expected import Expected
from comatrix.gateway.sim.scenario import COUNTED
from comatrix.gateway.uplink.typed import TELEMETRY_KEY

PERCENTILES = (50, 90, 99, 100)


class Books:
    """Times in virtual ms. `digest`: over everything that was on air and every event, in order."""

    def __init__(self, now_ms: Callable[[], int], late_after_ms: int) -> None:
        self._now_ms = now_ms
        self._late_after_ms = late_after_ms
        self._measured: dict[int, int] = {}
        self._arrived: dict[int, int] = {}
        self.doubled = self.late = self.stored = self.strangers = 0
        self.measured_of: dict[int, int] = {}
        self.delivered_of: dict[int, int] = {}
        self.latencies_ms: list[int] = []
        self.expected: dict[int, Expected] = {}  # of nodes whose program does not number its readings
        self._transcript = hashlib.sha256()

    def note(self, kind: str, node: int, data: bytes) -> None:
        """A line of the transcript."""
        self._transcript.update(b"%d %s %d %d " % (self._now_ms(), kind.encode(), node, len(data)) + data)

    def measured(self, node: int, count: int, at_ms: int) -> None:
        """A sensor was read."""
        self._measured[_place(node, count)] = at_ms
        self.measured_of[node] = self.measured_of.get(node, 0) + 1

    def posted(self, event_type: str, content: bytes) -> None:
        """An event stands in the room."""
        self.note("event", 0, content)
        self._stands(event_type, content, self._now_ms())

    def read_back(self, events: list[tuple[int, str, bytes]]) -> None:
        """What is counted as in the room from now on is these alone: when each was sent, its type, its content."""
        self._arrived.clear()
        self.delivered_of.clear()
        self.latencies_ms.clear()
        self.doubled = self.late = self.strangers = 0
        for at_ms, event_type, content in events:
            self._stands(event_type, content, at_ms)

    def _stands(self, event_type: str, content: bytes, at_ms: int) -> None:
        if event_type != "m.room.message" or TELEMETRY_KEY.encode() not in content:
            return
        for entry in json.loads(content).get(TELEMETRY_KEY, {}).get("records", ()):
            if (known := self.expected.get(entry["id"])) is not None:
                if "readings" in entry:
                    self._in_room(int(entry["id"]), known.number_of(entry), at_ms)
                continue
            values = {one["n"]: one["v"] for one in entry.get("readings", ())}
            count = int(values[COUNTED]) if COUNTED in values else count_of(values)
            if count is not None:
                self._in_room(int(entry["id"]), count, at_ms)

    def _in_room(self, node: int, count: int, at_ms: int) -> None:
        place = _place(node, count)
        if place in self._arrived:
            self.doubled += 1
        elif place not in self._measured:
            self.strangers += 1
        else:
            self._arrived[place] = at_ms
            latency_ms = at_ms - self._measured[place]
            self.latencies_ms.append(latency_ms)
            self.late += latency_ms > self._late_after_ms
            self.delivered_of[node] = self.delivered_of.get(node, 0) + 1

    def moments_of(self, node: int) -> list[int]:
        """When a node measured what is in the room, in order."""
        return [at for place, at in self._measured.items() if place >> 40 == node and place in self._arrived]

    @property
    def readings(self) -> int:
        """Measured so far."""
        return len(self._measured)

    @property
    def delivered(self) -> int:
        """In the room so far, each once."""
        return len(self._arrived)

    def missing(self) -> list[tuple[int, int]]:
        """(node, its running number) of each that was measured and is not in the room."""
        return [(place >> 40, place & (1 << 40) - 1) for place in self._measured if place not in self._arrived]

    def digest(self) -> str:
        """SHA-256, in hex."""
        return self._transcript.hexdigest()

    def percentiles_s(self) -> dict[str, float]:
        """Of the latency from sensor to room, seconds; empty where nothing arrived."""
        ordered = sorted(self.latencies_ms)
        return {f"p{one}": ordered[(len(ordered) - 1) * one // 100] / 1000 for one in PERCENTILES} if ordered else {}

    def waiting_at(self, moments: list[int]) -> list[int]:
        """How many readings were measured and not in the room yet, at each of the moments, which ascend."""
        changes = sorted([(at, 1) for at in self._measured.values()] + [(at, -1) for at in self._arrived.values()])
        found, place, waiting = [], 0, 0
        for moment in moments:
            while place < len(changes) and changes[place][0] <= moment:
                waiting += changes[place][1]
                place += 1
            found.append(waiting)
        return found


def _place(node: int, count: int) -> int:
    """A reading as one integer: the garbage collector need not look into a dictionary of integers, and the firmware
    has it run before each request."""
    return node << 40 | count


def as_json(value: Any) -> str:
    """The same bytes for the same value."""
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)
