"""`make bench`, or `python -m comatrix.gateway.bench --quick --json`."""

import asyncio
import json
import sys
from dataclasses import replace
from pathlib import Path

import click

from comatrix.gateway.bench import (
    dtls_run,
    footprint,
    homeserver_run,
    ingest_rounds,
    message_bytes,
    process_figures,
    report,
)
from comatrix.gateway.bench.contestants import Contestant, contestants, on_a_slow_disk, start_comatrix
from comatrix.gateway.bench.ingest_rounds import Case
from comatrix.gateway.errors import GatewayError

NODES = (64, 1)
# Messages a round, so that one takes about a second: {server: (64 nodes, 1 node)}
MESSAGES = {"CoMatrix": (25_600, 2_500), "aiocoap": (6_400, 4_000), "libcoap": (96_000, 40_000)}
MANY_NODES = 1_024
SLOW_SYNC_MS = 10  # what a sync takes on a good SD card
SLOW_MESSAGES = 40_960
DTLS_MESSAGES = 25_600
QUICK = 4  # --quick sends this fraction of them


@click.command()
@click.option("--quick", is_flag=True, help="Under a minute: shorter rounds, fewer of them.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--rounds", type=click.IntRange(1, 50), default=None, help="Rounds of each case (5; with --quick 2).")
@click.option("--ingest-only", is_flag=True, help="Leave the homeserver out.")
@click.option("--ours-only", is_flag=True, help="Leave the other servers out.")
@click.option(
    "--profile", type=click.Path(path_type=Path), help="Instead: write the ingest path's cProfile statistics there."
)
def main(
    quick: bool, as_json: bool, rounds: int | None, ingest_only: bool, ours_only: bool, profile: Path | None
) -> None:
    """Measure what a message costs the gateway, beside aiocoap and libcoap under the same load."""
    if sys.platform != "linux":
        raise click.ClickException("the bench reads /proc: it runs on Linux only")
    try:
        if profile is not None:
            _profile(profile.absolute())
            return
        found = _measure(quick, rounds or (2 if quick else 5), ingest_only, ours_only)
    except GatewayError as error:
        raise click.ClickException(f"{error.text}\n{error.next_step}".rstrip()) from error
    click.echo(json.dumps(found.as_json(), indent=2) if as_json else report.text(found))


def _measure(quick: bool, rounds: int, ingest_only: bool, ours_only: bool) -> report.Report:
    machine = process_figures.machine()
    rows = ingest_rounds.measure(_cases(QUICK if quick else 1, ours_only), rounds, _say)
    found = report.Report(machine, rows, message_bytes.sizes(), footprint.device_bytes(), footprint.idle_node_bytes())
    sessions = dtls_run.SESSIONS // (QUICK if quick else 1)
    messages = DTLS_MESSAGES // (QUICK if quick else 1)
    dtls = dtls_run.measure(sessions, NODES[0], messages, rounds, _say, ours_only=ours_only)
    found = replace(found, dtls=dtls)
    if ingest_only:
        return replace(found, no_homeserver="--ingest-only")
    each = 50 if quick else 200
    found = replace(found, instant=asyncio.run(homeserver_run.measure_instant(8, 64, each, _say)))
    try:
        return replace(found, homeserver=asyncio.run(homeserver_run.measure(8, 64, each, _say)))
    except GatewayError as error:
        return replace(found, no_homeserver=f"{error.text}. {error.next_step}")


def _cases(divisor: int, ours_only: bool) -> list[Case]:
    return [
        Case(one, nodes, MESSAGES[one.name][index] // divisor)
        for index, nodes in enumerate(NODES)
        for one in contestants()
        if not ours_only or one.name == report.OURS
    ] + [Case(on_a_slow_disk(SLOW_SYNC_MS), MANY_NODES, SLOW_MESSAGES // divisor)]


def _profile(path: Path) -> None:
    profiled = Contestant(
        report.OURS, True, True, lambda folder, nodes: start_comatrix(folder, nodes, secured=True, profile=path)
    )
    ingest_rounds.run_once(Case(profiled, 64, MESSAGES[report.OURS][0]))
    click.echo(f"python -m pstats {path}")


def _say(text: str) -> None:
    click.echo(text, err=True)


if __name__ == "__main__":
    main()
