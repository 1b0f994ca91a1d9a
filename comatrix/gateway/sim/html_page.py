"""A run as one page that needs nothing else: no network, no script, light and dark."""

from collections.abc import Iterator
from html import escape
from typing import Any

from comatrix.gateway.sim.drawing import airtime_plot, latency_plot, link_style, network_map, waiting_plot
from comatrix.gateway.sim.report import figures, seconds_words
from comatrix.gateway.sim.simulation import Outcome

MOST_ROWS = 40
STYLE = """
:root { color-scheme: light dark; --ink: #1d2733; --paper: #fbfaf7; --soft: #8794a3; --card: #ffffff;
        --live: #1f8a70; --bad: #d1495b; --warm: #e9a23b33; --c1: #3366b8; --c2: #b06a12;
        --c3: #7a4fa3; }
@media (prefers-color-scheme: dark) { :root { --ink: #e7ebf0; --paper: #14181d; --soft: #7d8a99; --card: #1c2229;
        --live: #4cc3a2; --bad: #ff7b89; --warm: #e9a23b2e; --c1: #7fb0ff;
        --c2: #f0b35c; --c3: #c39be8; } }
body { margin: 0 auto; max-width: 76rem; padding: 2rem 1rem 4rem; background: var(--paper); color: var(--ink);
       font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.7rem; margin: 0; } h2 { font-size: 1rem; margin: 0 0 .6rem; }
p.sub { color: var(--soft); margin: 0 0 1.5rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .8rem; margin-bottom: 1rem; }
.tile, section { background: var(--card); border-radius: .7rem; padding: .9rem 1.1rem; box-shadow: 0 1px 4px #0002; }
.tile b { display: block; font-size: 1.5rem; } .tile span { color: var(--soft); font-size: .85rem; }
.two { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(22rem, 100%), 1fr)); gap: 1rem; }
section { margin-bottom: 1rem; overflow-x: auto; } svg { width: 100%; height: auto; }
svg text { font: 11px system-ui, sans-serif; fill: var(--soft); }
.link { fill: none; stroke: var(--soft); stroke-width: .5; opacity: .4; } .node { fill: var(--live); }
.link.link0 { stroke: var(--live); } .link.link1 { stroke: var(--c1); } .link.link2 { stroke: var(--c2); }
.link.link3 { stroke: var(--c3); } .node.link1 { fill: var(--c1); } .node.link2 { fill: var(--c2); }
.node.link3 { fill: var(--c3); } .ring { fill: none; stroke: var(--soft); stroke-dasharray: 3 5; opacity: .6; }
.beside { fill: var(--soft); opacity: .55; } .dot { display: inline-block; width: .7rem; height: .7rem;
       border-radius: 50%; margin: 0 .35rem 0 .9rem; } .dot.link0 { background: var(--live); }
.dot.link1 { background: var(--c1); } .dot.link2 { background: var(--c2); } .dot.link3 { background: var(--c3); }
.dot.lost { background: var(--bad); } p.key { margin: .4rem 0 0; font-size: .85rem; color: var(--soft); }
.missing { fill: var(--bad); } .gateway { fill: var(--ink); } .axis { fill: none; stroke: var(--soft); }
.curve { fill: none; stroke: var(--live); stroke-width: 1.8; } .bar { fill: var(--live); } .fault { fill: var(--warm); }
table { border-collapse: collapse; width: 100%; } td, th { text-align: left; padding: .25rem .8rem .25rem 0; }
th { color: var(--soft); font-weight: normal; } code { overflow-wrap: anywhere; }
"""


def page(out: Outcome) -> str:
    """The whole page; the same bytes for the same run."""
    told = figures(out)
    latency = told["latency_s"]
    tiles = [
        (f"{told['delivered']:,}", f"of {told['readings']:,} readings in the room"),
        (f"{told['missing']:,}", "missing"),
        (f"{told['doubled']:,}", "doubled"),
        (f"{told['late']:,}", f"later than {seconds_words(told['late_after_s'])}"),
        (seconds_words(latency["p50"]) if latency else "-", "half of them took at most"),
        (seconds_words(latency["p99"]) if latency else "-", "99 of 100 took at most"),
    ]
    rows = [
        [name, *(f"{one[key]:,}" for key in ("sent", "lost", "doubled", "too_long", "bytes"))]
        for name, one in told["links"].items()
    ]
    parts = [
        f"<h1>{escape(told['title'])}</h1>",
        f'<p class="sub">{told["nodes"]} nodes, {seconds_words(told["virtual_s"])} of virtual time, '
        f"seed {told['seed']}. The node's firmware and the gateway are the real ones; "
        "time, links and homeserver are simulated.</p>",
        '<div class="tiles">'
        + "".join(f'<div class="tile"><b>{b}</b><span>{s}</span></div>' for b, s in tiles)
        + "</div>",
        f'<div class="two"><section><h2>Nodes and gateway</h2>{network_map(out)}{_key(out)}</section>',
        f"<div><section><h2>Measured, not in the room yet</h2>{waiting_plot(out)}</section>",
        f"<section><h2>From sensor to room</h2>{latency_plot(out)}</section></div></div>",
    ]
    if rows:
        parts.append(_table("UDP links", ["link", "datagrams", "lost", "doubled", "too long", "bytes"], rows))
    if told["lora"]:
        parts.append(f"<section><h2>Airtime a reading</h2>{airtime_plot(told['lora'])}</section>")
        parts += _lora_tables(told)
    if "programs" in told:
        parts.append(_programs(told["programs"]))
    if told["commands"]:
        commands = [[f"#{one['number']}", one["node"], one["said"], one["state"]] for one in told["commands"]]
        parts.append(_table("Commands", ["number", "node", "what", "state"], commands))
    if told["operator"]:
        parts.append(_table("What the operator was told", ["when and what"], [[line] for line in told["operator"]]))
    parts.append(f"<section><h2>Transcript</h2><code>SHA-256 {told['transcript_sha256']}</code></section>")
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    head += f"<title>{escape(told['title'])}</title><style>{STYLE}</style>"
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(parts)}</body></html>\n'


def _key(out: Outcome) -> str:
    """Which colour is which link."""
    names = sorted(out.scenario.links)
    dots = "".join(f'<span class="dot {link_style(out, name)}"></span>{escape(name)}' for name in names)
    return f'<p class="key">{dots}<span class="dot lost"></span>readings missing</p>'


def _programs(told: list[dict[str, Any]]) -> str:
    rows = [
        [
            one["node"],
            one["program"],
            f"{one['starts']:,}",
            ", ".join(f"{word} {seen['times']:,} times" for word, seen in one["in_room"].items()),
            ", ".join(f"{move['pin']} {move['level']} at {move['at_s']:.1f} s" for move in one["pins"][:MOST_ROWS]),
        ]
        for one in told
    ]
    return _table("Programs", ["node", "program", "starts", "in the room", "pins it moved"], rows)


def _lora_tables(told: dict[str, Any]) -> Iterator[str]:
    radios = []
    for name, one in told["lora"].items():
        for radio, heard in one["radios"].items():
            lost = ", ".join(f"{what} {count:,}" for what, count in heard["heard"].items() if what != "received")
            allowed = f"{one['duty_cycle_allowed']:.0%}" if one["duty_cycle_allowed"] else "no limit"
            radios.append(
                [
                    radio,
                    f"{name}: SF{one['sf']}, {one['frequency_hz'] / 1e6:.3f} MHz",
                    f"{heard['nodes_heard']} of {one['nodes']}",
                    f"{heard['heard'].get('received', 0):,}",
                    lost or "none",
                    f"{heard['frames_down']:,}",
                    f"{heard['duty_cycle_worst_hour']:.2%} of {allowed}",
                ]
            )
    heads = ["radio", "link", "nodes heard", "frames heard", "not heard", "frames sent", "duty cycle, fullest hour"]
    yield _table("The gateway's radios", heads, radios)
    nodes = [node for node in told["node"] if "battery_mah_a_day" in node]
    rows = [
        [
            node["name"],
            f"{node['delivered']:,} of {node['readings']:,}",
            f"{node['frames']:,}",
            ", ".join(f"{name} {one['rssi_dbm']:.0f} dBm" for name, one in node["heard_by"].items()) or "nobody",
            f"{node['duty_cycle_worst_hour']:.3%}",
            "{:.2f} to {:.1f}".format(*node["battery_mah_a_day"]),
        ]
        for node in nodes[:MOST_ROWS]
    ]
    heads = ["node", "in the room", "frames sent", "heard by", "duty cycle, fullest hour", "mAh a day"]
    title = "Nodes on LoRa" if len(nodes) <= MOST_ROWS else f"Nodes on LoRa, {MOST_ROWS} of {len(nodes)}"
    yield _table(title, heads, rows)


def _table(title: str, heads: list[str], rows: list[list[str]]) -> str:
    top = "".join(f"<th>{escape(one)}</th>" for one in heads)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<section><h2>{escape(title)}</h2><table><tr>{top}</tr>{body}</table></section>"
