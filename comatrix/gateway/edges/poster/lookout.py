"""Looks out for what there is to send: new records in the log, rows left open, rooms and nodes that changed."""

from collections.abc import Iterable

from comatrix.gateway.edges.poster.parts import Parts
from comatrix.gateway.model import Arrivals, Node, Room, SealedRow, Voice
from comatrix.gateway.uplink.cadence import Post, parse_post
from comatrix.gateway.uplink.lane import Lane, Place

LOOK_EVERY_MS = 50  # under load the log is looked through this often, not once a commit


class LookOut:
    """Keeps places, lanes and streams as the database and the voices say they are."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._lanes = parts.dispatch.lanes
        self._places: dict[int, Place] = {}
        self._leaving: set[tuple[int, int]] = set()  # streams whose voice changed while records of them are under way
        self._last_events: dict[tuple[int, str], str] = {}
        self._seen: int | None = None  # row id of the newest record looked at
        self._arrived = True
        self._look_at_ms = 0

    def begin(self, rows: Iterable[SealedRow]) -> list[SealedRow]:
        """At start, with the rows left open -> those that nobody can send."""
        self._last_events = self._parts.outbox.newest_events()
        self.load()
        self._remember()
        return self.queue(rows)

    def arrived(self) -> bool:
        """A record was committed -> whether that was not known yet."""
        news, self._arrived = not self._arrived, True
        return news

    def next_ms(self) -> int | None:
        """When to look next, or None."""
        return self._look_at_ms if self._arrived else None

    def look(self) -> None:
        """Takes in what came since, and moves streams that may move now."""
        for room, node in list(self._leaving):
            self._assign(self._places[room], node)
        now_ms = self._parts.now_ms()
        if not self._arrived or now_ms < self._look_at_ms <= now_ms + LOOK_EVERY_MS:
            return
        self._arrived = False
        self._look_at_ms = now_ms + LOOK_EVERY_MS
        for new in self._parts.outbox.waiting(self._seen):
            self._take_in(new)

    def load(self) -> None:
        """Nodes, rooms and voices as they are now."""
        parts = self._parts
        parts.streams.set_posts({node.number: _cadence(node) for node in parts.outbox.nodes()})
        for room in parts.outbox.rooms():
            self._note(room)
        for row_id, node in parts.streams.known():
            self._assign(self._places[row_id], node)

    def queue(self, rows: Iterable[SealedRow]) -> list[SealedRow]:
        """Rows to send -> those that nobody can: sealed for a user we are not."""
        foreign = []
        for row in rows:
            ours = self._parts.ours(row.sender)
            if not (ours or row.forced):
                foreign.append(row)
                continue
            voice = Voice(row.sender, row.device) if ours else self._parts.outbox.voice
            lane = self._lane(self._places[row.room], voice)
            if lane.took(row) and row.in_doubt:
                lane.lost.add(row.id)
                lane.doubted_ms = self._parts.now_ms()
        return foreign

    def doubt_rooms(self) -> None:
        """Something may have happened to them unheard: each is asked about before its next event."""
        for place in self._places.values():
            place.checked = False

    def fell_silent(self, lane: Lane) -> bool:
        """Its voice was told to fall back -> whether somebody else speaks now; then the lane is mute."""
        room = lane.place.room
        nodes = {node for row in lane.rows for node in row.nodes}
        own = [key for key in self._parts.streams.known() if self._parts.streams.lane_of(*key) == lane.key]
        nodes |= {node for _, node in own}
        voices = [self._parts.voices.voice(room, node).user_id for node in nodes]
        lane.mute = bool(voices) and lane.voice.user_id not in voices
        for _, node in own:
            self._assign(lane.place, node)
        return lane.mute

    def place(self, room: int) -> Place:
        """Of a room row."""
        return self._places[room]

    def places(self) -> list[Place]:
        """By row id."""
        return [self._places[key] for key in sorted(self._places)]

    def _note(self, room: Room) -> None:
        place = self._places.get(room.id)
        if place is None:
            self._places[room.id] = Place(room)
            return
        if place.room.room_id != room.room_id:
            for lane in place.lanes:
                self._parts.voices.forget(lane.voice, place.room)
            place.replaced(room)
        place.room = room
        place.stopped = place.stopped or room.encrypted

    def _lane(self, place: Place, voice: Voice) -> Lane:
        """The lane of a voice into a room. The gateway's own account has the device it has now."""
        own = self._parts.outbox.voice
        voice = own if voice.user_id == own.user_id else voice
        lane = self._lanes.get((place.room.id, voice.user_id))
        if lane is None:
            lane = Lane(place, voice)
            lane.last_event = self._last_events.get(lane.key)
            self._lanes[lane.key] = lane
        return lane

    def _assign(self, place: Place, node: int) -> None:
        """Puts a stream into its voice's lane. What is under way of it elsewhere is waited for: that is older."""
        streams, room = self._parts.streams, place.room.id
        voice = self._parts.voices.voice(place.room, node)
        lane = self._lane(place, voice)
        before = streams.lane_of(room, node)
        if before is not None and before != lane.key and self._under_way(before, node):
            streams.put(room, node, before, held=True)
            self._leaving.add((room, node))
            return
        self._leaving.discard((room, node))
        if lane.mute or lane.voice.device_id != voice.device_id:
            lane.mute = lane.ready = False
        if voice.user_id == lane.voice.user_id != self._parts.outbox.voice.user_id:
            lane.voice = voice
        streams.put(room, node, lane.key)

    def _under_way(self, key: tuple[int, str], node: int) -> bool:
        lane = self._lanes[key]
        return lane.busy or lane.holds(node)  # busy: it may be sealing just now

    def _remember(self) -> None:
        """What was posted last, for the cadences."""
        outbox, streams = self._parts.outbox, self._parts.streams
        for room, node, sealed, sealed_ms in outbox.cursors():
            bodies = outbox.bodies(room, node, sealed, sealed) if streams.wants_bodies(node) else []
            streams.posted_before(room, node, sealed_ms, bodies[0] if bodies else None)
            self._assign(self._places[room], node)

    def _take_in(self, new: Arrivals) -> None:
        if new.room not in self._places:
            self.load()
        if self._parts.streams.lane_of(new.room, new.node) is None:
            self._assign(self._places[new.room], new.node)
        bodies = self._parts.outbox.bodies
        self._parts.streams.arrived(new, lambda: bodies(new.room, new.node, new.first_id, new.last_id))
        self._seen = max(self._seen or 0, new.last_id)


def _cadence(node: Node) -> Post:
    """A cadence the database should not hold is no reason to keep records back."""
    try:
        return parse_post(node.post)
    except ValueError:
        return Post("every")
