"""What `make bench` prints: one table a question, in Markdown, so that it can stand in the documentation as it is."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from comatrix.gateway.bench.dtls_run import DtlsFigures
from comatrix.gateway.bench.homeserver_run import HomeserverFigures
from comatrix.gateway.bench.ingest_rounds import Row
from comatrix.gateway.bench.message_bytes import MessageBytes
from comatrix.gateway.bench.process_figures import Machine

OURS = "CoMatrix"
HEAD = (
    "server",
    "OSCORE",
    "nodes",
    "CPU us a message",
    "messages/s",
    "p50 ms",
    "p99 ms",
    "resent",
    "CPU / CoMatrix",
    "rate / CoMatrix",
    "on disk before the ACK",
)


@dataclass(frozen=True, slots=True)
class Report:
    """Everything one run found. `homeserver` None: not measured, because of `no_homeserver`. `instant`: the same into
    a homeserver that answers at once. `device_bytes` a message, `idle_node_bytes` a node."""

    machine: Machine
    ingest: list[Row]
    sizes: list[MessageBytes]
    device_bytes: float
    idle_node_bytes: float
    instant: HomeserverFigures | None = None
    homeserver: HomeserverFigures | None = None
    no_homeserver: str = ""
    dtls: list[DtlsFigures] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        return asdict(self)


def text(report: Report) -> str:
    """The whole report."""
    parts = [
        _machine(report.machine),
        _ingest(report.ingest),
        *_dtls(report.dtls),
        _instant(report),
        _homeserver(report),
    ]
    return "\n\n".join([*parts, _footprint(report), _sizes(report.sizes)])


def _machine(machine: Machine) -> str:
    return (
        f"Machine: {machine.cpu}, {machine.cores} cores, {machine.kernel}, {machine.python}; a 4 KiB write and its sync"
        f" to disk take {machine.sync_ms:.2f} ms (median); load average before the run {machine.load:.2f}."
    )


def _ingest(rows: Sequence[Row]) -> str:
    rounds = max((row.rounds for row in rows), default=0)
    note = (
        f"Medians of {rounds} rounds, the servers in turn, load generator on the same machine: on a shared machine the"
        " wall figures (messages/s, ms) can halve between runs, CPU a message varies by a fifth. One request is out a"
        " node; every answer is checked, every 16th protected one decrypted. CoMatrix answers when the reading is on"
        " disk, synced; aiocoap and libcoap keep nothing."
    )
    problems = {f"{row.name}, OSCORE {_on(row)}: {row.problem}" for row in rows if row.problem}
    table = _table(HEAD, [_row(row, rows) for row in rows])
    return "\n\n".join(["## Ingest", table, note, *sorted(problems)])


def _dtls(rows: Sequence[DtlsFigures]) -> list[str]:
    if not rows:
        return []
    head = (
        *("server", "sessions that stand", "handshakes/s", "CPU us a handshake", "KiB a session"),
        *("records/s", "CPU us a record", "durable requests/s", "CPU us a durable request"),
    )
    cells = [
        [
            *(one.name, f"{one.joined:,} of {one.asked:,}", f"{one.handshakes_a_second:,.0f}"),
            *(f"{one.handshake_cpu_us:.0f}", f"{one.session_kib:.1f}"),
            *(f"{value:{form}}" if value else "-" for value, form in _exchanged(one)),
        ]
        for one in rows
    ]
    note = (
        "All nodes say hello at once, each from an address of its own, with PSK_AES_128_CCM_8; then 64 of them have one"
        " request out each: a GET of the time (one record each way, nothing stored), and a reading, answered when it is"
        " on disk, synced. Every answer is decrypted and checked."
    )
    return ["\n\n".join(["## DTLS", _table(head, cells), note])]


def _exchanged(one: DtlsFigures) -> list[tuple[float, str]]:
    return [
        (one.records_a_second, ",.0f"),
        (one.record_cpu_us, ".1f"),
        (one.durable_a_second, ",.0f"),
        (one.durable_cpu_us, ".1f"),
    ]


def _row(row: Row, rows: Sequence[Row]) -> list[str]:
    first = [row.name, _on(row), str(row.nodes)]
    if row.problem:
        return [*first, *["-"] * 8]
    ours = next((one for one in rows if _same_load(one, row)), None)
    cpu = rate = "-"
    if ours is not None and ours is not row and ours.cpu_us and ours.rate:
        cpu, rate = f"{row.cpu_us / ours.cpu_us:.2f}", f"{row.rate / ours.rate:.2f}"
    figures = [f"{row.cpu_us:.1f}", f"{row.rate:,.0f}", f"{row.p50_ms:.2f}", f"{row.p99_ms:.2f}", str(row.resent)]
    return [*first, *figures, cpu, rate, "yes" if row.durable else "no"]


def _on(row: Row) -> str:
    return "on" if row.secured else "off"


def _same_load(one: Row, row: Row) -> bool:
    return (one.name, one.secured, one.nodes) == (OURS, row.secured, row.nodes)


def _instant(report: Report) -> str:
    title = "## The whole gateway, into a homeserver that answers at once\n\n"
    return title + (_posted(report.instant) if report.instant else f"Not measured: {report.no_homeserver}")


def _homeserver(report: Report) -> str:
    title = "## The whole gateway, into a real Synapse on the same machine\n\n"
    return title + (_posted(report.homeserver) if report.homeserver else f"Not measured: {report.no_homeserver}")


def _posted(found: HomeserverFigures) -> str:
    head = (
        *("load", "rooms", "nodes", "readings", "events", "readings/s", "events/s", "readings an event"),
        "CPU us a reading",
    )
    rows = [
        [
            *(part.name, str(found.rooms), str(found.nodes), f"{part.readings:,}", f"{part.events:,}"),
            *(f"{part.readings_a_second:,.0f}", f"{part.events_a_second:.0f}"),
            *(f"{part.readings / max(1, part.events):.1f}", f"{part.cpu_us:.0f}"),
        ]
        for part in found.parts
    ]
    note = (
        f"OSCORE on, `post = \"every\"`, message limits of the account off. Resident memory of the gateway:"
        f" {found.idle_mb:.1f} MB idle, {found.loaded_mb:.1f} MB after the load."
    )  # fmt: skip
    return _table(head, rows) + "\n\n" + note


def _footprint(report: Report) -> str:
    rows = [
        ["written to the disk a message, 16 nodes in commits of 16", f"{report.device_bytes:.0f} B"],
        ["memory of a known node that is silent, OSCORE", f"{report.idle_node_bytes:.0f} B"],
    ]
    return "## Disk and memory\n\n" + _table(("what", "bytes"), rows)


def _sizes(sizes: Sequence[MessageBytes]) -> str:
    rows = [[one.what, str(one.request), str(one.answer)] for one in sizes]
    return "## Bytes of a message (UDP payload)\n\n" + _table(("message", "request", "answer"), rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(line[column]) for line in (head, *rows)) for column in range(len(head))]
    lines = [head, ["-" * width for width in widths], *rows]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    )
