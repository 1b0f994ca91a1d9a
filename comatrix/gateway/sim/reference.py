"""docs/reference/scenarios.md, from the texts of the keys."""

from dataclasses import fields

from comatrix.gateway.sim.reading import load, name_of, shipped
from comatrix.gateway.sim.scenario import CommandPlan, FaultPlan, InputPlan, LinkPlan, LoraPlan, NodePlan, WholePlan

SECTIONS = (
    ("`[scenario]`", WholePlan),
    ("`[link.NAME]` over UDP", LinkPlan),
    ("`[link.NAME]` over LoRa", LoraPlan),
    ("`[[node]]`", NodePlan),
    ("`[[command]]`", CommandPlan),
    ("`[[input]]`", InputPlan),
    ("`[[fault]]`", FaultPlan),
)
HEAD = """# Scenarios

What `comatrix sim SCENARIO` plays ([commands.md](commands.md)): a TOML file, or one that comes with the program, by its
name. This page is written by `make docs`.

The firmware of the nodes and the gateway's receiver, database, poster and desk are the real ones, in virtual time:
nothing waits, and the same seed gives the same run to the byte. Simulated are the clock, the links, and a homeserver in
memory with one room. Costs of a disk and of HTTP are not. A node that sleeps goes to sleep as `Node.run_once` does.

A node measures made-up words, or runs a `program` of yours: the file as it stands, from its first line at every start,
on a board whose `machine`, `pins`, `dht`, `esp32` and `time` are simulated. A BME280 hangs on its I2C bus, a DHT22 on
any pin; what it drives, and how often it started, is told at the end. Its readings are known by their values.

LoRa goes through [the simulated air](lora-medium.md): airtime, half duplex, collisions, distance, shadowing. The number
of a reading stands in its values, as a frame has no room for it: such a node's temperature climbs by 0.01 °C a reading.

A reading takes the gateway and its node together 1.8 ms of one slow core over UDP and 2.6 to 3.4 ms over LoRa:
`comatrix sim town` two minutes, `comatrix sim lora-town` three to four; their 72,000 readings arrive, each once.

Unknown keys are refused. A span is a text with a unit: `"30s"`, `"10min"`, `"2h"`, `"1d"`.
"""


def markdown() -> str:
    """The page."""
    parts = [HEAD, "\n## Shipped\n\n| name | shows |\n|---|---|\n"]
    parts += [f"| `{name}` | {load(name).whole.title} |\n" for name in shipped()]
    for title, kind in SECTIONS:
        parts.append(f"\n## {title}\n\n{' '.join((kind.__doc__ or '').split())}\n\n")
        parts.append("| key | means | if not given | example |\n|---|---|---|---|\n")
        for one in fields(kind):
            told = one.metadata
            default = "required" if told["required"] else _written(one.name, one.default)
            parts.append(f"| `{name_of(one.name)}` | {told['doc']} | {default} | `{told['example']}` |\n")
    return "".join(parts)


def _written(name: str, value: object) -> str:
    """A default as TOML writes it."""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if value is None:
        return "none" if name == "program" else "the terrain's own"
    if isinstance(value, tuple) and value and isinstance(value[0], tuple):
        return f"`{[list(map(int, one)) for one in value]}`"
    if isinstance(value, tuple):
        return "`[" + ", ".join(f'"{one}"' if isinstance(one, str) else f"{one:g}" for one in value) + "]`"
    if isinstance(value, int) and name != name_of(name):
        return f'`"{_span(value)}"`' if value else "`0`"
    return f'`"{value}"`' if isinstance(value, str) else f"`{value}`"


def _span(ms: int) -> str:
    for size, unit in ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1000, "s")):
        if ms % size == 0:
            return f"{ms // size}{unit}"
    raise ValueError(ms)
