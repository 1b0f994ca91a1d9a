"""The nodes: heard as often as they should, and who else knocks."""

from collections.abc import Mapping, Sequence
from typing import Any

from comatrix.gateway.admin.doctor.lines import OK, TO_CHECK, WARNING, Finding, Line, Lines, Outcome, outcome, span
from comatrix.gateway.admin.doctor.process import Running
from comatrix.gateway.admin.doctor.surroundings import Surroundings
from comatrix.gateway.edges.store.checkup import Contents
from comatrix.gateway.model import Node

SILENT_INTERVALS = 3
SHORTEST_MS = 10 * 60_000  # a node that reads every few seconds may reboot, or lose its Wi-Fi for a moment
UNKNOWN_MS = 24 * 3_600_000  # how long a node may be silent that never said how often it wakes
RECENT_MS = 24 * 3_600_000
MOST_EVENTS = 5  # of each kind
SHOW_NODE = "comatrix node show {node}"

LINES = Lines(
    {
        "nodes.ok": Line(OK, "{count} heard as often as they should"),
        "nodes.new": Line(OK, "'{node}' was added {span} ago and was not heard yet"),
        "nodes.none": Line(WARNING, "there are none yet", "comatrix node add garden --room ROOM"),
        "nodes.never": Line(WARNING, "'{node}' was never heard, {span} after it was added", SHOW_NODE),
        "nodes.silent": Line(WARNING, "'{node}' is silent for {span}; it should be heard every {every}", SHOW_NODE),
        "nodes.blocked": Line(WARNING, "'{node}' is blocked: nothing it sends is read", "comatrix node unblock {node}"),
        "nodes.dropped": Line(WARNING, "'{node}' says that it had to drop {count} records", SHOW_NODE),
        "nodes.dtls": Line(
            WARNING,
            "'{node}' comes over DTLS, and the gateway does not listen for that",
            'set [dtls] listen = "[::]:5684"' + TO_CHECK,
        ),
        "nodes.key": Line(WARNING, "{text}", "comatrix node rotate {node}"),
        "nodes.renewing": Line(OK, "{text}"),
        "nodes.stranger": Line(WARNING, "{text}", "comatrix node list"),
        "nodes.unsecured": Line(WARNING, "{text}", "comatrix node add NAME --room ROOM --plain ADDRESS"),
        "nodes.fast": Line(WARNING, "{text}", "comatrix tail"),
        "nodes.noise": Line(WARNING, "{text}", "comatrix status"),
    }
)
# What the gateway tells of those who knocked, by its reason; "blocked" and "too fast" speak of nodes we know.
CODES = {
    "wrong key": "nodes.key",
    "old key": "nodes.renewing",
    "unknown node": "nodes.stranger",
    "unknown identity": "nodes.stranger",
    "no security": "nodes.unsecured",
    "wrong listener": "nodes.unsecured",
    "wrong address": "nodes.unsecured",
    "too fast": "nodes.fast",
}
UNHEARD = {"nodes.never", "nodes.new", "nodes.silent", "nodes.blocked"}


async def nodes(given: Surroundings, contents: Contents, gateway: Running) -> Outcome:
    """Every provisioned node."""
    if not contents.nodes:
        return outcome(LINES.say("nodes.none"))
    seen: Mapping[str, int] = gateway.live.get("seen", {})
    said = [finding for node in contents.nodes for finding in _node(node, contents, seen, given.wall_ms())]
    if gateway.running and "dtls" not in gateway.live:
        said += [LINES.say("nodes.dtls", node=node.name) for node in contents.nodes if node.security == "dtls"]
    heard = len(contents.nodes) - sum(finding.code in UNHEARD for finding in said)
    if heard:
        said.append(LINES.say("nodes.ok", count=f"{heard} of {len(contents.nodes)}"))
    return Outcome(tuple(said))


def _node(node: Node, contents: Contents, seen: Mapping[str, int], now_ms: int) -> list[Finding]:
    known = contents.status.get(node.number)
    said = []
    if known is not None and known.dropped:
        said.append(LINES.say("nodes.dropped", node=node.name, count=known.dropped))
    if node.blocked:
        return [*said, LINES.say("nodes.blocked", node=node.name)]
    told_ms = known.last_seen_ms if known else None
    moments = (told_ms, contents.last_ms.get(node.number), seen.get(str(node.number)))
    last_ms = max((at_ms for at_ms in moments if at_ms is not None), default=None)
    every_ms = known.wake_interval_s * 1000 if known and known.wake_interval_s else None
    if last_ms is None:
        age_ms = now_ms - node.created_ms
        code = "nodes.never" if age_ms > SHORTEST_MS else "nodes.new"
        said.append(LINES.say(code, node=node.name, span=span(max(0, age_ms) / 1000)))
    elif now_ms - last_ms > _patience_ms(every_ms):
        every = span(every_ms / 1000) if every_ms else "day at least"
        said.append(LINES.say("nodes.silent", node=node.name, span=span((now_ms - last_ms) / 1000), every=every))
    return said


def _patience_ms(every_ms: int | None) -> int:
    return UNKNOWN_MS if every_ms is None else max(SILENT_INTERVALS * every_ms, SHORTEST_MS)


async def knocks(given: Surroundings, gateway: Running) -> Outcome:
    """What the running gateway counted in the last day; a gateway that does not run heard nobody."""
    since_ms = given.wall_ms() - RECENT_MS
    events: Sequence[Mapping[str, Any]] = gateway.live.get("security", [])
    by_code: dict[str, list[Finding]] = {}
    for event in events:
        if event["last_ms"] >= since_ms and event["reason"] != "blocked":
            code = CODES.get(event["reason"], "nodes.noise")
            by_code.setdefault(code, []).append(LINES.say(code, text=event["text"], node=_name(event["who"])))
    return Outcome(tuple(finding for found in by_code.values() for finding in found[:MOST_EVENTS]))


def _name(who: str) -> str:
    """The node's name in "node 'garden'"; NAME where it is of no one node."""
    return who[6:-1] if who.startswith("node '") and who.endswith("'") else "NAME"
