"""A run as pictures: the map, what waited, how long readings took."""

from bisect import bisect_right
from collections.abc import Sequence

from comatrix.gateway.sim.report import seconds_words
from comatrix.gateway.sim.simulation import Outcome
from comatrix.gateway.sim.svg import Point, bar, dot, label, line, picture

WIDTH, HEIGHT, EDGE = 720, 260, 46
MOMENTS = 240
BOUNDS_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600)
MOST_LINES = 1_000  # of a map: beyond it nobody sees one


def network_map(out: Outcome) -> str:
    """Nodes about their gateway; a node of which readings are missing stands out."""
    size = 520
    furthest = max((max(abs(east), abs(north)) for east, north in out.fleet.positions), default=0.0) or 1.0
    scale = (size / 2 - 24) / furthest

    def place(east: float, north: float) -> Point:
        return size / 2 + east * scale, size / 2 - north * scale

    centre, links, nodes = place(0, 0), [], []
    for number, (plan, at) in enumerate(zip(out.scenario.nodes, out.fleet.positions, strict=True), 1):
        measured, delivered = out.books.measured_of.get(number, 0), out.books.delivered_of.get(number, 0)
        style = "node" if measured == delivered else "node missing"
        nodes.append(
            dot(
                place(*at),
                4 if len(out.fleet.positions) <= 100 else 2.5,
                style,
                f"{plan.name}: {delivered} of {measured} readings in the room, link {plan.link}",
            )
        )
        if number <= MOST_LINES:
            links.append(line([centre, place(*at)], "link"))
    gateway = [dot(centre, 8, "gateway", "the gateway"), label(centre[0], centre[1] - 13, "gateway")]
    return picture(size, size, "Map of the nodes and the gateway", [*links, *nodes, *gateway])


def waiting_plot(out: Outcome) -> str:
    """How many readings were measured and not in the room yet; faults shaded."""
    end_ms = out.scenario.whole.duration_ms + out.scenario.whole.drain_ms
    moments = [end_ms * step // MOMENTS for step in range(MOMENTS + 1)]
    waiting = out.books.waiting_at(moments)
    top = max(*waiting, 1)
    parts = []
    for fault in out.scenario.faults:
        left, right = _x(fault.at_ms, end_ms), _x(min(end_ms, fault.at_ms + fault.for_ms), end_ms)
        parts.append(bar(left, 10, max(1.0, right - left), HEIGHT - EDGE - 10, "fault", fault.kind))
        parts.append(label(left, 22, fault.kind, "start"))
    points = [(_x(at, end_ms), _y(one / top)) for at, one in zip(moments, waiting, strict=True)]
    parts += [line(points, "curve"), *_frame(f"{top:,}", "0")]
    for step in range(5):
        parts.append(label(_x(end_ms * step // 4, end_ms), HEIGHT - EDGE + 18, seconds_words(end_ms * step / 4000)))
    return picture(WIDTH, HEIGHT, "Readings on their way", parts)


def latency_plot(out: Outcome) -> str:
    """How many readings took how long, in steps of about two."""
    counts = [0] * (len(BOUNDS_S) + 1)
    for latency_ms in out.books.latencies_ms:
        counts[bisect_right(BOUNDS_S, latency_ms / 1000)] += 1
    top, width = max(*counts, 1), (WIDTH - EDGE - 10) / len(counts)
    names = [f"< {seconds_words(bound)}" for bound in BOUNDS_S] + ["more"]
    parts = []
    for step, (count, name) in enumerate(zip(counts, names, strict=True)):
        left, y = EDGE + step * width, _y(count / top)
        parts.append(bar(left + 2, y, width - 4, HEIGHT - EDGE - y, "bar", f"{name}: {count:,}"))
        parts.append(label(left + width / 2, HEIGHT - EDGE + 18, name))
        if count:
            parts.append(label(left + width / 2, y - 4, f"{count:,}"))
    return picture(WIDTH, HEIGHT, "Latency from sensor to room", [*parts, *_frame("", "")])


def _frame(top: str, bottom: str) -> Sequence[str]:
    base = HEIGHT - EDGE
    return (
        line([(EDGE, 24), (EDGE, base), (WIDTH - 10, base)], "axis"),
        label(EDGE - 6, 32, top, "end"),
        label(EDGE - 6, base, bottom, "end"),
    )


def _x(at_ms: float, end_ms: int) -> float:
    return EDGE + (WIDTH - EDGE - 10) * at_ms / end_ms


def _y(share: float) -> float:
    return HEIGHT - EDGE - share * (HEIGHT - EDGE - 34)
