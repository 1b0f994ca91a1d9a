"""How often the homeserver lets this account post, as the running gateway learned it, and whether that is enough."""

from collections.abc import Mapping, Sequence
from typing import Any

from comatrix.gateway.admin.doctor.lines import OK, WARNING, Line, Lines, Outcome, outcome, span
from comatrix.gateway.admin.doctor.process import Running
from comatrix.gateway.admin.doctor.surroundings import Surroundings
from comatrix.gateway.edges.store.checkup import Contents
from comatrix.gateway.model import Node
from comatrix.gateway.uplink.cadence import parse_post

HOUR_S = 3_600
UNKNOWN_S = 60  # between two readings of a node that never said how often it wakes
MANY = 20

LINES = Lines(
    {
        "limits.none": Line(OK, "the homeserver has not limited the gateway since its start"),
        "limits.enough": Line(
            OK, "the homeserver takes {rate}, the nodes need {needed:.0f} an hour; {many} nodes would be {late}"
        ),
        "limits.lag": Line(
            WARNING,
            "the homeserver takes {rate}, the nodes would post {needed:.0f} an hour: their readings gather into fewer"
            " events and come up to {span} late",
            "comatrix appservice   (or ask the homeserver's administrator for a higher limit)",
        ),
    }
)


async def limits(given: Surroundings, contents: Contents, gateway: Running) -> Outcome:
    """Nothing is known of it without a running gateway."""
    if not gateway.running:
        return outcome()
    lags: Sequence[Mapping[str, Any]] = gateway.live.get("lags", [])
    interval_ms = next((lag["interval_ms"] for lag in lags if lag.get("interval_ms")), None)
    if interval_ms is None:
        return outcome(LINES.say("limits.none"))
    interval_s, rooms = interval_ms / 1000, max(1, len({node.room for node in contents.nodes}))
    needed = sum(_events_an_hour(node, contents) for node in contents.nodes)
    code = "limits.lag" if needed * interval_s > HOUR_S else "limits.enough"
    facts = {"rate": lags[0]["rate"], "needed": needed, "span": span(rooms * interval_s)}
    return outcome(LINES.say(code, **facts, many=MANY, late=_of_many(interval_s)))


def _events_an_hour(node: Node, contents: Contents) -> float:
    """If each of its readings had an event of its own, as its cadence allows."""
    post = parse_post(node.post)
    known = contents.status.get(node.number)
    every_s = (known.wake_interval_s if known else None) or UNKNOWN_S
    return HOUR_S / max(every_s, post.span_ms / 1000)


def _of_many(interval_s: float) -> str:
    """Twenty nodes in one room with a reading a minute each."""
    if MANY * interval_s <= UNKNOWN_S:
        return "on time with a reading a minute each"
    return f"up to {span(interval_s)} late in one room, {span(MANY * interval_s)} in a room each"
