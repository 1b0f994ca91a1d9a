"""`comatrix sim`: a scenario in virtual time."""

import io
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from comatrix.gateway.errors import UsageError

if TYPE_CHECKING:
    from comatrix.gateway.config.secrets import Secrets
    from comatrix.gateway.demo.interpreter import Interpreter
    from comatrix.gateway.sim.books import Books
    from comatrix.gateway.sim.scenario import Scenario

    Room = tuple[str, Secrets, Secrets | None]  # URL, the gateway's account, who types


@click.command()
@click.argument("scenario", required=False)
@click.option("--list", "listed", is_flag=True, help="The scenarios that come with the program.")
@click.option("--seed", type=click.IntRange(0, (1 << 53) - 1), metavar="N", help="Other dice than the scenario says.")
@click.option("--real", is_flag=True, help="By the real clock, each node a MicroPython process; at most 8 nodes.")
@click.option("--json", "as_json", is_flag=True, help="The figures as JSON.")
@click.option(
    "--html", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write a page to look at."
)
@click.option(
    "--pcap", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write a capture for Wireshark."
)
@click.option("--homeserver", metavar="URL", help="Post into a new room there instead of in memory.")
@click.option("--user", metavar="USER", help="The account for that, such as @sim:example.org.")
@click.option(
    "--token-file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Its access token; a file only you can read.",
)
@click.option("--typist", metavar="USER", help="Another account there, which types the scenario's commands.")
@click.option(
    "--typist-token-file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Its access token; a file only you can read.",
)
@click.option("--invite", multiple=True, metavar="USER", help="Invite to that room. May be repeated.")
def sim(
    scenario: str | None,
    listed: bool,
    seed: int | None,
    real: bool,
    as_json: bool,
    html: Path | None,
    pcap: Path | None,
    homeserver: str | None,
    user: str | None,
    token_file: Path | None,
    typist: str | None,
    typist_token_file: Path | None,
    invite: tuple[str, ...],
) -> None:
    """Play SCENARIO, a file or one of --list: real firmware and gateway, simulated time, links and homeserver.

    The same seed gives the same run, to the byte, but with --real. docs/reference/scenarios.md says how to write one.
    """
    if listed:
        _list()
        return
    if scenario is None:
        raise UsageError("Which scenario?", "comatrix sim --list")
    room = _room(homeserver, (user, token_file), (typist, typist_token_file))
    _play(scenario, seed, real, as_json, html, pcap, room, invite)


def _list() -> None:
    from comatrix.gateway.sim.reading import load, shipped

    for name in shipped():
        click.echo(f"{name:<14} {load(name).whole.title}")


Given = tuple[str | None, Path | None]  # --user and --token-file


def _room(homeserver: str | None, user: Given, typist: Given) -> "Room | None":
    """Where to post, as whom, and who types commands there; None: in memory. Raises UsageError."""
    if homeserver is None and user == typist == (None, None):
        return None
    if homeserver is None or (account := _account(user)) is None:
        raise UsageError("--homeserver, --user and --token-file go together.", "comatrix sim --help")
    if (typist[0] is None) != (typist[1] is None):
        raise UsageError("--typist and --typist-token-file go together.", "comatrix sim --help")
    return homeserver, account, _account(typist)


def _account(given: Given) -> "Secrets | None":
    """None: half of it is missing. Raises UsageError."""
    user, token_file = given
    if user is None or token_file is None:
        return None
    from comatrix.gateway.config.private_file import read_private
    from comatrix.gateway.config.secrets import Secrets

    try:
        token = read_private(token_file).decode("ascii").strip()
    except UnicodeDecodeError:
        token = ""
    except OSError as error:
        raise UsageError(f"{token_file} cannot be read: {error.strerror}.", f"ls -l {token_file}") from None
    if not token.isprintable() or not token or " " in token:
        raise UsageError(f"{token_file} must hold an access token and nothing else.", f"ls -l {token_file}")
    return Secrets(user, "", token)


def _play(
    where: str,
    seed: int | None,
    real_time: bool,
    as_json: bool,
    html: Path | None,
    pcap: Path | None,
    room: "Room | None",
    invite: tuple[str, ...],
) -> None:
    import logging
    from contextlib import ExitStack, redirect_stdout

    from comatrix.gateway.sim.books import as_json as json_text
    from comatrix.gateway.sim.html_page import page
    from comatrix.gateway.sim.reading import load
    from comatrix.gateway.sim.real_homeserver import RealHomeserver
    from comatrix.gateway.sim.report import figures, words
    from comatrix.gateway.sim.simulation import simulate

    read = load(where)
    interpreter = _interpreter(read, where) if real_time else None
    logging.disable(logging.WARNING)  # the gateway's own log has real times, and what matters is in the report
    progress = _Progress(read)
    with ExitStack() as stack:
        stack.callback(logging.disable, logging.NOTSET)
        stack.callback(progress.end)
        capture = stack.enter_context(_writable(pcap)) if pcap is not None else None
        real = None
        if room is not None:
            real = RealHomeserver(*room)
            stack.callback(real.close)
            real.create_room(read.whole.title, invite)
        stack.enter_context(redirect_stdout(_Unheard()))
        out = simulate(read, seed, progress, capture, real, interpreter)
    if html is not None:
        html.write_text(page(out), encoding="utf-8")
    told = figures(out)
    for line in [json_text(told)] if as_json else words(told):
        click.echo(line)


def _interpreter(scenario: "Scenario", where: str) -> "Interpreter":
    """What real nodes run on. Raises GatewayError: there is none, or the scenario is not for real time."""
    from comatrix.gateway.demo.interpreter import ENVIRONMENT, Unusable, find_native
    from comatrix.gateway.sim.real_time import check

    check(scenario, where)
    try:
        return find_native(report=lambda line: click.echo(line, err=True))
    except Unusable as reason:
        raise Unusable(
            f"Real nodes need MicroPython: {reason.text}",
            "install 1.25 or newer (Debian 13: apt-get install micropython), or name one: "
            f"{ENVIRONMENT}=/path/to/micropython",
        ) from None


def _writable(path: Path) -> BinaryIO:
    """Raises UsageError."""
    try:
        return path.open("wb")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}.", f"ls -ld {path.parent}") from None


class _Unheard(io.TextIOBase):
    """Where nodes print: a board's console, at which nobody sits."""

    def write(self, text: str) -> int:
        """Nothing."""
        return len(text)


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
