"""What waits for the homeserver, and whether it waits too long."""

from collections.abc import Mapping

from comatrix.gateway.admin.doctor.lines import OK, RUN, STATUS, WARNING, WRONG, Finding, Line, Lines, Outcome, span
from comatrix.gateway.admin.doctor.process import Running
from comatrix.gateway.admin.doctor.surroundings import Surroundings
from comatrix.gateway.admin.rooms import named
from comatrix.gateway.edges.store.checkup import Contents
from comatrix.gateway.model import Arrivals, Node, Room
from comatrix.gateway.uplink.cadence import due_ms, parse_post

LATE_MS = 10 * 60_000  # a homeserver may be slow, or restarted, without anybody being told

LINES = Lines(
    {
        "queue.ok": Line(OK, "nothing waits longer than it should"),
        "queue.parked": Line(
            WRONG, "{room}: {events} parked, waiting for you to decide: {why}", "comatrix queue --parked"
        ),
        "queue.paused": Line(WRONG, "{room}: nothing is sent there now ({why})", "comatrix queue"),
        "queue.late": Line(WARNING, "{room}: {records} should have been posted {span} ago", STATUS),
        "queue.stopped": Line(
            WARNING, "{room}: {records} should have been posted {span} ago, and the gateway is not running", RUN
        ),
    }
)


async def queue(given: Surroundings, contents: Contents, gateway: Running) -> Outcome:
    """Room by room."""
    said = [finding for room in contents.rooms for finding in _room(room, contents, gateway, given.wall_ms())]
    return Outcome(tuple(said) or (LINES.say("queue.ok"),))


def _room(room: Room, contents: Contents, gateway: Running, now_ms: int) -> list[Finding]:
    name, said = named(room), []
    parked = [row for row in contents.parked if row.room == room.id]
    if parked:
        events = "an event is" if len(parked) == 1 else f"{len(parked)} events are"
        said.append(LINES.say("queue.parked", room=name, events=events, why=parked[0].reason))
    if room.paused:
        said.append(LINES.say("queue.paused", room=name, why=room.paused))
    since_ms, count = _overdue(room, contents, now_ms)
    if count and now_ms - since_ms > LATE_MS:
        code = "queue.late" if gateway.running else "queue.stopped"
        records = "a record" if count == 1 else f"{count} records"
        said.append(LINES.say(code, room=name, records=records, span=span((now_ms - since_ms) / 1000)))
    return said


def _overdue(room: Room, contents: Contents, now_ms: int) -> tuple[int, int]:
    """(when the first of them should have been posted, how many records are overdue)."""
    known = {node.number: node for node in contents.nodes}
    late = [(row.sealed_ms, len(row.records)) for row in contents.open if row.room == room.id]
    for part in contents.waiting:
        if part.room == room.id and (due := _due_ms(part, known, contents)) <= now_ms:
            late.append((due, part.count))
    return min((at_ms for at_ms, _ in late), default=now_ms), sum(count for _, count in late)


def _due_ms(part: Arrivals, known: Mapping[int, Node], contents: Contents) -> int:
    """Unchanged readings may ride along an hour later; here they count as changed, so LATE_MS must not be short."""
    node = known.get(part.node)
    post = parse_post(node.post if node is not None else "every")
    posted_ms = contents.posted_ms.get((part.room, part.node))
    waits = post.mode == "change"
    return due_ms(post, oldest_ms=part.first_ms, posted_ms=posted_ms, changed=not waits, at_once=part.not_readings)
