"""What waits in each stream (room, node), in which lane, and when it is due. Counts only: records stay in the log."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from comatrix.gateway.model import Arrivals, Record
from comatrix.gateway.uplink.cadence import Post, due_ms, values_of
from comatrix.gateway.uplink.lane import LaneKey
from comatrix.gateway.uplink.priority import ALARM, ALARM_SPACING_MS, TELEMETRY

EVERY = Post("every")


@dataclass(slots=True)
class Stream:
    """`first_id`: no waiting record has a lower row id. `posted_values`: what was posted last, for "change".

    `lane`: where it is sealed; `held`: not now, records of it are still under way in the lane it leaves; `awaits`: not
    now, an older record is still under way from its node.
    """

    room: int
    node: int
    post: Post
    lane: LaneKey | None = None
    held: bool = False
    awaits: bool = False
    count: int = 0
    first_id: int = 0
    last_id: int = 0
    first_ms: int = 0
    not_readings: bool = False
    at_once: bool = False
    changed: bool = False
    posted_ms: int | None = None
    alarmed_ms: int | None = None
    posted_values: object = None

    @property
    def ready(self) -> bool:
        """Whether something waits that may be sealed."""
        # A text is not kept waiting for a lost temperature: what was held goes with it.
        return self.count > 0 and not self.held and (not self.awaits or self.not_readings)

    def due_ms(self) -> int:
        """When what waits is to be posted. Only while something waits."""
        return due_ms(
            self.post,
            oldest_ms=self.first_ms,
            posted_ms=self.posted_ms,
            changed=self.changed,
            at_once=self.at_once or self.not_readings,
        )

    def urgent_ms(self) -> int | None:
        """From when on what waits goes first: an alarm, or a new node's first reading. None: it does not."""
        if self.posted_ms is None:
            return self.first_ms
        if not self.not_readings:
            return None
        return self.first_ms if self.alarmed_ms is None else self.alarmed_ms + ALARM_SPACING_MS

    def waiting(self) -> Arrivals:
        """The same as a value."""
        return Arrivals(self.room, self.node, self.count, self.first_id, self.last_id, self.first_ms, self.not_readings)


class Streams:
    """All streams, by lane. `posts`: node -> cadence."""

    def __init__(self, posts: Mapping[int, Post]) -> None:
        self._posts = posts
        self._streams: dict[tuple[int, int], Stream] = {}
        self._of_node: dict[int, list[Stream]] = {}
        # Those with something waiting: all, and by lane. What rests costs nothing.
        self._waiting: dict[tuple[int, int], Stream] = {}
        self._lanes: dict[LaneKey, dict[tuple[int, int], Stream]] = {}
        self._awaiting: set[int] = set()
        # Per lane, kept so that a wake-up costs a lane, not a node: when it is due, and from when on it goes first.
        self._due_ms: dict[LaneKey, int | None] = {}
        self._urgent_ms: dict[LaneKey, int | None] = {}

    def set_posts(self, posts: Mapping[int, Post]) -> None:
        """Cadences changed, or nodes came."""
        self._posts = posts
        for stream in self._streams.values():
            stream.post = posts.get(stream.node, EVERY)
        for lane in self._lanes:
            self._reckon(lane)

    def known(self) -> list[tuple[int, int]]:
        """(room, node) of every stream."""
        return list(self._streams)

    def lane_of(self, room: int, node: int) -> LaneKey | None:
        """The lane of a stream; None: it has none yet."""
        return self._stream(room, node).lane

    def put(self, room: int, node: int, lane: LaneKey, *, held: bool = False) -> None:
        """The stream is sealed in this lane from now on; `held`: in none for now."""
        stream = self._stream(room, node)
        before, stream.held = stream.lane, held
        if before != lane:
            if before is not None:
                self._lanes[before].pop((room, node), None)
                self._reckon(before)
            stream.lane = lane
            self._lanes.setdefault(lane, {})
            self._file(stream)
        self._reckon(lane)

    def await_older(self, node: int, *, awaits: bool) -> None:
        """An older record of the node is still on its way: what came since is not sealed before that, or until this
        is taken back."""
        (self._awaiting.add if awaits else self._awaiting.discard)(node)
        for stream in self._of_node.get(node, ()):
            if stream.awaits != awaits:
                stream.awaits = awaits
                self._reckon(stream.lane)

    def posted_before(self, room: int, node: int, sealed_ms: int, last_body: bytes | None) -> None:
        """At start: what the cursor remembers of a stream."""
        stream = self._stream(room, node)
        stream.posted_ms = sealed_ms
        stream.posted_values = None if last_body is None else values_of(last_body)

    def wants_bodies(self, node: int) -> bool:
        """Whether what the node says must be compared: only for "change"."""
        return self._posts.get(node, EVERY).mode == "change"

    def arrived(self, new: Arrivals, bodies: Callable[[], Iterable[bytes]]) -> None:
        """Records came. `bodies` is asked only where they decide."""
        stream = self._add(new)
        if self.wants_bodies(new.node) and not stream.changed:
            stream.changed = any(values_of(body) != stream.posted_values for body in bodies())
        self._hasten(stream)

    def returned(self, spans: Iterable[Arrivals]) -> None:
        """Records were unsealed: they are due at once, as they were."""
        for span in spans:
            stream = self._add(span)
            stream.at_once = True
            self._hasten(stream)

    def sealed(self, members: Sequence[Record], now_ms: int) -> None:
        """Records left for an event. Others of theirs that were due stay so."""
        for room, node in {(record.room, record.node) for record in members}:
            own = [record for record in members if record.node == node]
            stream = self._stream(room, node)
            stream.count = max(0, stream.count - len(own))
            stream.first_id = max(record.id for record in own) + 1
            if stream.not_readings:
                stream.alarmed_ms = now_ms
            stream.posted_ms = now_ms
            stream.changed = stream.not_readings = False
            stream.at_once = stream.count > 0
            self._file(stream)
            if self.wants_bodies(node):
                stream.posted_values = values_of(max(own, key=lambda record: record.id).body)
            self._reckon(stream.lane)

    def nothing_waits(self, parts: Iterable[Arrivals]) -> None:
        """The log had none of these after all."""
        for part in parts:
            stream = self._stream(part.room, part.node)
            stream.count = 0
            self._file(stream)
            self._reckon(stream.lane)

    def due_ms(self, lane: LaneKey) -> int | None:
        """When the lane's first stream is due; None: nothing waits."""
        return self._due_ms.get(lane)

    def priority(self, lane: LaneKey, now_ms: int) -> int:
        """Of what waits there."""
        urgent_ms = self._urgent_ms.get(lane)
        return ALARM if urgent_ms is not None and urgent_ms <= now_ms else TELEMETRY

    def due(self, lane: LaneKey, now_ms: int, limit: int) -> list[Arrivals]:
        """The streams of a lane that are due; where they hold more than `limit` records, only those that go first."""
        due = [stream for stream in self._in(lane) if stream.ready and stream.due_ms() <= now_ms]
        first = [one for one in due if (urgent_ms := one.urgent_ms()) is not None and urgent_ms <= now_ms]
        chosen = first if first and sum(stream.count for stream in due) > limit else due
        return [stream.waiting() for stream in chosen]

    def floor(self) -> int:
        """Every record up to this row id is sealed. Only while something waits."""
        return min(stream.first_id for stream in self._waiting.values()) - 1

    def waiting(self, room: int) -> list[Arrivals]:
        """What waits in a room, a part a stream."""
        return [one.waiting() for one in self._waiting.values() if one.room == room]

    def _add(self, new: Arrivals) -> Stream:
        stream = self._stream(new.room, new.node)
        if not stream.count:
            stream.first_id, stream.first_ms, stream.last_id = new.first_id, new.first_ms, new.last_id
        stream.first_id = min(stream.first_id, new.first_id)
        stream.first_ms = min(stream.first_ms, new.first_ms)
        stream.last_id = max(stream.last_id, new.last_id)
        stream.count += new.count
        stream.not_readings = stream.not_readings or new.not_readings
        self._file(stream)
        return stream

    def _in(self, lane: LaneKey) -> Iterable[Stream]:
        """Those with something waiting."""
        return self._lanes.get(lane, {}).values()

    def _file(self, stream: Stream) -> None:
        """Something waits in it now, or nothing any more."""
        key = stream.room, stream.node
        for waiting in [self._waiting] + ([self._lanes[stream.lane]] if stream.lane is not None else []):
            if stream.count:
                waiting[key] = stream
            else:
                waiting.pop(key, None)

    def _stream(self, room: int, node: int) -> Stream:
        stream = self._streams.get((room, node))
        if stream is None:
            stream = self._streams[room, node] = Stream(room, node, self._posts.get(node, EVERY))
            stream.awaits = node in self._awaiting
            self._of_node.setdefault(node, []).append(stream)
        return stream

    def _hasten(self, stream: Stream) -> None:
        """More waits in a stream: it is due no later than before, and with it its lane."""
        lane = stream.lane
        if lane is None or not stream.ready:
            return
        for moments, at_ms in ((self._due_ms, stream.due_ms()), (self._urgent_ms, stream.urgent_ms())):
            known = moments.get(lane)
            if at_ms is not None and (known is None or at_ms < known):
                moments[lane] = at_ms

    def _reckon(self, lane: LaneKey | None) -> None:
        if lane is None:
            return
        waiting = [stream for stream in self._in(lane) if stream.ready]
        self._due_ms[lane] = min((stream.due_ms() for stream in waiting), default=None)
        urgent = [at_ms for stream in waiting if (at_ms := stream.urgent_ms()) is not None]
        self._urgent_ms[lane] = min(urgent, default=None)
