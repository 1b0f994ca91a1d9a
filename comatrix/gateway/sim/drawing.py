"""A run as pictures: the map, what waited, how long readings took."""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from math import floor, log10
from typing import Any

from comatrix.gateway.sim.report import seconds_words
from comatrix.gateway.sim.simulation import Outcome
from comatrix.gateway.sim.svg import Point, bar, dot, label, line, picture

WIDTH, HEIGHT, EDGE = 720, 260, 46
MAP = 560
COLOURS = 4
MOMENTS = 240
BOUNDS_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600)
MOST_LINES = 1_000  # of a map: beyond it nobody sees one


def network_map(out: Outcome) -> str:
    """Nodes about their gateway, a colour a link; lines as strong as the radio hears, circles of equal distance."""
    radios = _radio_places(out)
    points = [*out.fleet.positions, *radios.values()]
    furthest = max((max(abs(east), abs(north)) for east, north in points), default=0.0) or 1.0
    scale = (MAP / 2 - 30) / furthest

    def place(at: Point) -> Point:
        return MAP / 2 + at[0] * scale, MAP / 2 - at[1] * scale

    parts = _rings(furthest, scale)
    for number in range(1, len(out.fleet.positions) + 1):
        parts += _lines(out, number, radios, place)
    small = len(out.fleet.positions) > 100
    parts += [_node(out, number, place, 2.6 if small else 5) for number in range(1, len(out.fleet.positions) + 1)]
    for name, at in radios.items():
        parts.append(dot(place(at), 6, "gateway", f"radio {name}"))
    centre = place((0.0, 0.0))
    parts += [dot(centre, 8, "gateway", "the gateway"), label(centre[0], centre[1] - 13, "gateway")]
    return picture(MAP, MAP, "Map of the nodes and the gateway", parts)


def link_style(out: Outcome, link: str) -> str:
    """The CSS class of a link's colour."""
    return f"link{sorted(out.scenario.links).index(link) % COLOURS}"


def _radio_places(out: Outcome) -> dict[str, Point]:
    """Of the gateway's radios, by name."""
    if out.radios is None:
        return {}
    return {name: (one.radio.position[0], one.radio.position[1]) for name, one in out.radios.stations.items()}


def _rings(furthest: float, scale: float) -> list[str]:
    """Circles about the gateway, a round number of metres apart, two to five of them."""
    step = 10.0 ** floor(log10(furthest / 2))
    step = next(step * one for one in (1, 2, 5, 10) if furthest / (step * one) < 5)
    parts = []
    for ring in range(1, int(furthest / step) + 1):
        radius = ring * step * scale
        parts.append(dot((MAP / 2, MAP / 2), radius, "ring"))
        parts.append(label(MAP / 2, MAP / 2 + radius - 4, metres_words(ring * step)))
    return parts


def metres_words(metres: float) -> str:
    """ "200 m", "1.5 km" """
    return f"{metres / 1000:g} km" if metres >= 1000 else f"{metres:g} m"


def _lines(out: Outcome, number: int, radios: dict[str, Point], place: Callable[[Point], Point]) -> list[str]:
    """From a node to whoever hears it: over LoRa to each radio that did."""
    if number > MOST_LINES:
        return []
    here = place(out.fleet.positions[number - 1])
    style = f"link {link_style(out, out.scenario.nodes[number - 1].link)}"
    if out.radios is None or number not in out.fleet.lora_nodes:
        return [line([place((0.0, 0.0)), here], style)]
    heard = [name for name in radios if (f"node/{number}", name) in out.radios.books.levels]
    return [line([place(radios[name]), here], style) for name in heard]


def _node(out: Outcome, number: int, place: Callable[[Point], Point], radius: float) -> str:
    plan, books = out.scenario.nodes[number - 1], out.books
    measured, delivered = books.measured_of.get(number, 0), books.delivered_of.get(number, 0)
    style = f"node {link_style(out, plan.link)}" if measured == delivered else "node missing"
    words = f"{plan.name}: {delivered} of {measured} readings in the room, link {plan.link}"
    if out.radios is not None:
        for name in out.radios.stations:
            level = out.radios.books.levels.get((f"node/{number}", name))
            if level is not None:
                words += f"; {name} heard {level.frames} frames at {level.rssi / level.frames / 10:.0f} dBm"
    return dot(place(out.fleet.positions[number - 1]), radius, style, words)


def airtime_plot(links: Mapping[str, Any]) -> str:
    """Airtime a reading on each LoRa link, beside one frame a reading, the least at its loss, and the floor."""
    kinds = (
        ("floor", "floor"),
        ("one_frame", "a frame each"),
        ("erasure_limit", "least at this loss"),
        ("used", "used"),
    )
    rows = [(name, one["airtime_ms_a_reading"]) for name, one in links.items()]
    top = max((value for _, row in rows for value in row.values() if value), default=1.0)
    height, parts = 22, []
    for place, (name, row) in enumerate(rows):
        y = 26 + place * (len(kinds) * height + 26)
        parts.append(label(4, y - 8, f"{name}, SF{links[name]['sf']}", "start"))
        for step, (key, words) in enumerate(kinds):
            value = row[key] or 0.0
            at = y + step * height
            width = (WIDTH - 230) * value / top
            parts.append(label(124, at + 13, words, "end"))
            parts.append(bar(130, at, width, height - 5, "bar" if key == "used" else "beside"))
            parts.append(label(136 + width, at + 13, f"{value:.1f} ms", "start"))
    return picture(WIDTH, len(rows) * (len(kinds) * height + 26) + 8, "Airtime a reading", parts)


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
