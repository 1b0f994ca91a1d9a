"""`comatrix doctor`: what is well, what is not, and what to type next."""

import asyncio
import os
import secrets
import time
from collections import Counter
from pathlib import Path

import click

from comatrix.gateway.admin.doctor import Report, Surroundings, examine
from comatrix.gateway.admin.doctor.lines import OK, WARNING, WRONG, Finding
from comatrix.gateway.cli.connection import Place
from comatrix.gateway.cli.context import json_option, place_of, printable, show_json
from comatrix.gateway.cli.steps import here
from comatrix.gateway.edges.local_address import local_address
from comatrix.gateway.edges.matrix.probe import look
from comatrix.gateway.edges.store.checkup import free_bytes

COLOURS = {OK: "green", WARNING: "yellow", WRONG: "red"}
MOST_ALIKE = 3  # lines of one kind where all is well
RESOLVER = "timeout:2 attempts:1"  # a dead name server must not make us wait for half a minute


@click.command()
@json_option
@click.pass_context
def doctor(ctx: click.Context, as_json: bool) -> None:
    """Examine this gateway, also one that does not run: each line is ok, warning or wrong, with the next command.

    Changes nothing. Exit code 0 if nothing is wrong, 1 otherwise. With --json: {"ok", "counts": {"ok", "warning",
    "wrong"}, "findings": [{"subject", "code", "level", "text", "next"}], "skipped": {check: what it needed}}.
    """
    os.environ.setdefault("RES_OPTIONS", RESOLVER)
    report = asyncio.run(examine(_surroundings(place_of(ctx))))
    if as_json:
        show_json(_as_json(report))
    else:
        _show(report)
    if not report.well:
        ctx.exit(1)


def _surroundings(place: Place) -> Surroundings:
    return Surroundings(
        paths=place.paths,
        environ=place.environ,
        wall_ms=lambda: time.time_ns() // 1_000_000,
        random=secrets.randbelow,
        local_address=local_address,
        free_bytes=free_bytes,
        look=look,
        localtime=Path("/etc/localtime"),
    )


def _counts(report: Report) -> dict[str, int]:
    counted = Counter(finding.level for finding in report.findings)
    return {level: counted[level] for level in (OK, WARNING, WRONG)}


def _as_json(report: Report) -> dict[str, object]:
    findings = [
        {"subject": one.subject, "code": one.code, "level": one.level, "text": one.text, "next": one.next}
        for one in report.findings
    ]
    return {"ok": report.well, "counts": _counts(report), "findings": findings, "skipped": report.skipped}


def _show(report: Report) -> None:
    alike = Counter(one.code for one in report.findings if one.level == OK)
    shown: Counter[str] = Counter()
    for finding in report.findings:
        shown[finding.code] += 1
        if finding.level != OK or shown[finding.code] <= MOST_ALIKE:
            _line(finding)
        elif shown[finding.code] == alike[finding.code]:
            click.echo(f"{'':<22} ... and {alike[finding.code] - MOST_ALIKE} more like that")
    if report.skipped:
        click.echo("Not looked at, since something before is missing: " + ", ".join(report.skipped))
    counts = _counts(report)
    click.echo(f"{counts[WRONG]} wrong, {counts[WARNING]} to look at, {counts[OK]} ok.")


def _line(finding: Finding) -> None:
    """click drops the colour where the output is no terminal."""
    level = click.style(f"{finding.level:<7}", fg=COLOURS[finding.level], bold=finding.level == WRONG)
    click.echo(f"{level} {finding.subject:<14} {printable(finding.text)}")
    if finding.next:
        click.echo(f"{'':<22} next: {printable(here(finding.next))}")
