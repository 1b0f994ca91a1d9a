"""`comatrix sim`: a scenario in virtual time."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from comatrix.gateway.errors import UsageError

if TYPE_CHECKING:
    from comatrix.gateway.sim.books import Books
    from comatrix.gateway.sim.scenario import Scenario


@click.command()
@click.argument("scenario", required=False)
@click.option("--list", "listed", is_flag=True, help="The scenarios that come with the program.")
@click.option("--seed", type=click.IntRange(0, (1 << 53) - 1), metavar="N", help="Other dice than the scenario says.")
@click.option("--json", "as_json", is_flag=True, help="The figures as JSON.")
@click.option(
    "--html", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write a page to look at."
)
def sim(scenario: str | None, listed: bool, seed: int | None, as_json: bool, html: Path | None) -> None:
    """Play SCENARIO, a file or one of --list: real firmware and gateway, simulated time, links and homeserver.

    The same seed gives the same run, to the byte. docs/reference/scenarios.md says how to write one.
    """
    if listed:
        _list()
        return
    if scenario is None:
        raise UsageError("Which scenario?", "comatrix sim --list")
    _play(scenario, seed, as_json, html)


def _list() -> None:
    from comatrix.gateway.sim.reading import load, shipped

    for name in shipped():
        click.echo(f"{name:<14} {load(name).whole.title}")


def _play(where: str, seed: int | None, as_json: bool, html: Path | None) -> None:
    import logging

    from comatrix.gateway.sim.books import as_json as json_text
    from comatrix.gateway.sim.html_page import page
    from comatrix.gateway.sim.reading import load
    from comatrix.gateway.sim.report import figures, words
    from comatrix.gateway.sim.simulation import simulate

    read = load(where)
    logging.disable(logging.WARNING)  # the gateway's own log has real times, and what matters is in the report
    progress = _Progress(read)
    try:
        out = simulate(read, seed, progress)
    finally:
        logging.disable(logging.NOTSET)
        progress.end()
    if html is not None:
        html.write_text(page(out), encoding="utf-8")
    told = figures(out)
    for line in [json_text(told)] if as_json else words(told):
        click.echo(line)


class _Progress:
    """A line on the terminal that is written over each second; nothing where nobody looks."""

    def __init__(self, scenario: "Scenario") -> None:
        self._end_ms = scenario.whole.duration_ms + scenario.whole.drain_ms
        self._shown_s = 0.0
        self._on = sys.stderr.isatty()

    def __call__(self, now_ms: int, books: "Books") -> None:
        if self._on and time.monotonic() - self._shown_s >= 1:
            self._shown_s = time.monotonic()
            done = f"{now_ms / 3_600_000:.1f} of {self._end_ms / 3_600_000:.1f} h"
            click.echo(f"\r{done}, {books.delivered:,} of {books.readings:,} readings in the room ", nl=False, err=True)

    def end(self) -> None:
        """The line is over."""
        if self._on:
            click.echo("\r\x1b[K", nl=False, err=True)
