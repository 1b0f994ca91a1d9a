"""What a run came to: figures as a value, and the same in words."""

from typing import Any

from comatrix.gateway.sim.simulation import Outcome

SHOWN = 12  # nodes, and lines for the operator, that are told in words


def figures(out: Outcome) -> dict[str, Any]:
    """Everything that was counted, JSON-ready; the same for the same seed. Times in seconds of virtual time."""
    books, whole = out.books, out.scenario.whole
    names = [node.name for node in out.scenario.nodes]
    return {
        "title": whole.title,
        "seed": out.seed,
        "virtual_s": (whole.duration_ms + whole.drain_ms) / 1000,
        "nodes": len(names),
        "readings": books.readings,
        "delivered": books.delivered,
        "missing": books.readings - books.delivered,
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
        "commands": [one | {"node": names[one["node"] - 1]} for one in out.commands],
        "gateway_restarts": out.restarts,
        "homeserver_requests": out.requests,
        "operator": out.told,
        "transcript_sha256": books.digest(),
    }


def words(told: dict[str, Any]) -> list[str]:
    """For a terminal, a line each."""
    latency = ", ".join(f"{name} {seconds_words(value)}" for name, value in told["latency_s"].items())
    lines = [
        f"{told['title']}: {told['nodes']} nodes, {seconds_words(told['virtual_s'])} of virtual time, "
        f"seed {told['seed']}",
        f"readings   {told['readings']:,} measured, {told['delivered']:,} in the room, {told['missing']:,} missing, "
        f"{told['doubled']:,} doubled",
        f"late       {told['late']:,} later than {seconds_words(told['late_after_s'])}",
        f"latency    {latency or 'nothing arrived'}",
    ]
    for name, one in told["links"].items():
        lines.append(
            f"link       {name}: {one['sent']:,} datagrams sent, {one['lost']:,} lost, {one['doubled']:,} doubled, "
            f"{one['too_long']:,} too long, {one['bytes']:,} bytes"
        )
    for one in told["commands"]:
        lines.append(f"command    #{one['number']} {one['node']}: {one['said']}: {one['state']}")
    lines += [f"operator   {line}" for line in told["operator"][:SHOWN]]
    lines.append(f"transcript {told['transcript_sha256']}")
    return lines


def seconds_words(seconds: float) -> str:
    """ "0.13 s", "4.4 min", "1.5 h" """
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"
