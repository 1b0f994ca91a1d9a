"""What waits in each stream (room, node), and when it is due. Counts only: the records stay in the log."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from comatrix.gateway.model import Arrivals, Record
from comatrix.gateway.uplink.cadence import Post, due_ms, values_of

EVERY = Post("every")


@dataclass(slots=True)
class Stream:
    """`first_id`: no waiting record has a lower row id. `posted_values`: what was posted last, for "change"."""

    room: int
    node: int
    post: Post
    count: int = 0
    first_id: int = 0
    last_id: int = 0
    first_ms: int = 0
    not_readings: bool = False
    at_once: bool = False
    changed: bool = False
    posted_ms: int | None = None
    posted_values: object = None

    def due_ms(self) -> int:
        """When what waits is to be posted. Only while something waits."""
        return due_ms(
            self.post,
            oldest_ms=self.first_ms,
            posted_ms=self.posted_ms,
            changed=self.changed,
            at_once=self.at_once or self.not_readings,
        )

    def waiting(self) -> Arrivals:
        """The same as a value."""
        return Arrivals(self.room, self.node, self.count, self.first_id, self.last_id, self.first_ms, self.not_readings)


class Streams:
    """All streams, by room. `posts`: node -> cadence."""

    def __init__(self, posts: Mapping[int, Post]) -> None:
        self._posts = posts
        self._rooms: dict[int, dict[int, Stream]] = {}
        self._due_ms: dict[int, int | None] = {}  # per room; kept, so that a wake-up costs a room, not a node

    def set_posts(self, posts: Mapping[int, Post]) -> None:
        """Cadences changed, or nodes came."""
        self._posts = posts
        for room, streams in self._rooms.items():
            for node, stream in streams.items():
                stream.post = posts.get(node, EVERY)
            self._reckon(room)

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
        self._reckon(new.room)

    def returned(self, spans: Iterable[Arrivals]) -> None:
        """Records were unsealed: they are due at once, as they were."""
        for span in spans:
            self._add(span).at_once = True
            self._reckon(span.room)

    def sealed(self, members: Sequence[Record], now_ms: int) -> None:
        """Records left for an event. Others of theirs that were due stay so."""
        for room, node in {(record.room, record.node) for record in members}:
            own = [record for record in members if record.node == node]
            stream = self._stream(room, node)
            stream.count = max(0, stream.count - len(own))
            stream.first_id = max(record.id for record in own) + 1
            stream.posted_ms = now_ms
            stream.changed = stream.not_readings = False
            stream.at_once = stream.count > 0
            if self.wants_bodies(node):
                stream.posted_values = values_of(max(own, key=lambda record: record.id).body)
            self._reckon(room)

    def nothing_waits(self, lane: Iterable[Arrivals]) -> None:
        """The log had none of these after all."""
        for part in lane:
            self._stream(part.room, part.node).count = 0
            self._reckon(part.room)

    def rooms(self) -> list[int]:
        """Rooms where something waits."""
        return [room for room, at_ms in self._due_ms.items() if at_ms is not None]

    def due_ms(self, room: int) -> int | None:
        """When the room's first stream is due; None: nothing waits."""
        return self._due_ms.get(room)

    def due(self, room: int, now_ms: int) -> list[Arrivals]:
        """The streams of a room that are due."""
        streams = self._rooms.get(room, {}).values()
        return [stream.waiting() for stream in streams if stream.count and stream.due_ms() <= now_ms]

    def floor(self) -> int:
        """Every record up to this row id is sealed. Only while something waits."""
        return min(one.first_id for streams in self._rooms.values() for one in streams.values() if one.count) - 1

    def _add(self, new: Arrivals) -> Stream:
        stream = self._stream(new.room, new.node)
        if not stream.count:
            stream.first_id, stream.first_ms, stream.last_id = new.first_id, new.first_ms, new.last_id
        stream.first_id = min(stream.first_id, new.first_id)
        stream.first_ms = min(stream.first_ms, new.first_ms)
        stream.last_id = max(stream.last_id, new.last_id)
        stream.count += new.count
        stream.not_readings = stream.not_readings or new.not_readings
        return stream

    def _stream(self, room: int, node: int) -> Stream:
        streams = self._rooms.setdefault(room, {})
        if node not in streams:
            streams[node] = Stream(room, node, self._posts.get(node, EVERY))
        return streams[node]

    def _reckon(self, room: int) -> None:
        waiting = [stream.due_ms() for stream in self._rooms[room].values() if stream.count]
        self._due_ms[room] = min(waiting, default=None)
