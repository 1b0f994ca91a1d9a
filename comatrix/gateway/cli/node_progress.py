"""How far flashing is: a bar on a terminal, a line a file elsewhere, nothing for programs."""

import sys
from typing import Any

import click

from comatrix.gateway.cli.context import printable

LABEL_WIDTH = 32


class FlashProgress:
    """`quiet`: what is said goes to standard error, and no progress is shown."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._terminal = sys.stdout.isatty()
        self._bar: Any = None
        self._path = ""

    def say(self, text: str) -> None:
        """A line of its own, whatever the bar does."""
        self.finish()
        click.echo(printable(text), err=self._quiet)

    def starts(self, count: int) -> None:
        """So many bytes will be written; again after the board was unplugged."""
        self.finish()
        self._path = ""
        if count and self._terminal and not self._quiet:
            label = "Writing".ljust(LABEL_WIDTH)
            self._bar = click.progressbar(length=count, label=label, show_pos=True, show_percent=True, width=0)
            self._bar.render_progress()

    def wrote(self, path: str, count: int) -> None:
        """Of `path` so many more bytes are written."""
        if path != self._path and not self._quiet:
            self._path = path
            if self._bar is None:
                click.echo(f"Writing {printable(path)}")
            else:
                self._bar.label = f"Writing {printable(path)}"[:LABEL_WIDTH].ljust(LABEL_WIDTH)
        if self._bar is not None:
            self._bar.update(count)

    def finish(self) -> None:
        """The bar stays as it is; what comes next stands below it."""
        if self._bar is not None:
            self._bar.render_finish()
            self._bar = None
