"""What a run came to: figures as a value, and the same in words."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from comatrix.gateway.sim import lora_report
from comatrix.gateway.sim.programs import report as program_report
from comatrix.gateway.sim.simulation import Outcome

SHOWN = 12  # nodes, and lines for the operator, that are told in words


def figures(out: Outcome) -> dict[str, Any]:
    """Everything that was counted, JSON-ready; the same for the same seed. Times in seconds of virtual time."""
    books, whole = out.books, out.scenario.whole
    names = [node.name for node in out.scenario.nodes]
    programs = program_report.figures(out.scenario.nodes, out.fleet.programs)
    return {
        "title": whole.title,
        "seed": out.seed,
        "real": out.real,
        "virtual_s": out.lasted_ms / 1000,
        "nodes": len(names),
        "readings": books.readings,
        "delivered": books.delivered,
        "missing": books.readings - books.delivered,
        "missing_by_place": None if out.missing is None else asdict(out.missing),
        "doubled": books.doubled,
        "late": books.late,
        "late_after_s": whole.late_after_ms / 1000,
        "latency_s": books.percentiles_s(),
        "duplicates_at_gateway": out.duplicates,
        "links": {
            name: {
                "sent": one.sent,
                "arrived": one.arrived,
                "lost": one.lost,
                "doubled": one.doubled,
                "too_long": one.too_long,
                "bytes": one.bytes,
            }
            for name, one in sorted(out.fleet.counts.items())
        },
        "lora": lora_report.links(out),
        "node": lora_report.nodes(out),
        "commands": [one | {"node": names[one["node"] - 1]} for one in out.commands],
        **({"programs": programs} if programs else {}),
        "gateway_restarts": out.restarts,
        "homeserver_requests": out.requests,
        "operator": out.told,
        "transcript_sha256": books.digest(),
    }


def words(told: dict[str, Any]) -> list[str]:
    """For a terminal, a line each."""
    latency = ", ".join(f"{name} {seconds_words(value)}" for name, value in told["latency_s"].items())
    clock = "real" if told["real"] else "virtual"
    lines = [
        f"{told['title']}: {told['nodes']} nodes, {seconds_words(told['virtual_s'])} of {clock} time, "
        f"seed {told['seed']}",
        f"readings   {told['readings']:,} measured, {told['delivered']:,} in the room, {told['missing']:,} missing"
        f"{_places(told)}, {told['doubled']:,} doubled",
        f"late       {told['late']:,} later than {seconds_words(told['late_after_s'])}",
        f"latency    {latency or 'nothing arrived'}",
    ]
    for name, one in told["links"].items():
        lines.append(
            f"link       {name}: {one['sent']:,} datagrams sent, {one['lost']:,} lost, {one['doubled']:,} doubled, "
            f"{one['too_long']:,} too long, {one['bytes']:,} bytes"
        )
    for name, one in told["lora"].items():
        lines += _lora_words(name, one)
    lines += _battery_words(told["node"])
    lines += program_report.words(told.get("programs", []))
    for one in told["commands"]:
        lines.append(f"command    #{one['number']} {one['node']}: {one['said']}: {one['state']}")
    lines += [f"operator   {line}" for line in told["operator"][:SHOWN]]
    lines.append(f"transcript {told['transcript_sha256']}")
    return lines


def _places(told: dict[str, Any]) -> str:
    """Where what is missing is."""
    places = told["missing_by_place"]
    if not told["missing"] or places is None:
        return ""
    return f" ({places['nodes']:,} still with nodes, {places['gateway']:,} with the gateway, {places['lost']:,} lost)"


def _lora_words(name: str, one: dict[str, Any]) -> Iterator[str]:
    airtime, allowed = one["airtime_ms_a_reading"], one["duty_cycle_allowed"]
    lost = one["frames_up_heard_by_no_radio"] / one["frames_up"] if one["frames_up"] else 0
    yield f"lora       {name}: SF{one['sf']}, {one['frames_up']:,} frames up, {lost:.1%} of them heard by no radio"
    if airtime["used"] is not None:
        yield (
            f"airtime    {name}: {airtime['used']:.1f} ms a reading; one frame a reading {airtime['one_frame']:.1f}, "
            f"the least at this loss {airtime['erasure_limit']:.1f}, floor {airtime['floor']:.1f}"
        )
    worst = max((radio["duty_cycle_worst_hour"] for radio in one["radios"].values()), default=0)
    limit = f"{allowed:.0%} allowed" if allowed else "no limit here"
    node = one["duty_cycle_worst_node"]
    yield f"duty cycle {name}: fullest hour of a node {node:.3%}, of a radio of the gateway {worst:.3%}; {limit}"


def _battery_words(nodes: list[dict[str, Any]]) -> Iterator[str]:
    found = [node["battery_mah_a_day"] for node in nodes if "battery_mah_a_day" in node]
    if found:
        least, most = sorted(one[0] for one in found), sorted(one[1] for one in found)
        yield (
            f"battery    {least[len(least) // 2]:.2f} to {most[len(most) // 2]:.1f} mAh a day for half of the nodes "
            "(radio and processor, estimated)"
        )


def seconds_words(seconds: float) -> str:
    """ "0.13 s", "4.4 min", "1.5 h" """
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"
