"""Questions to a person about a board; where nobody can answer, what to type instead."""

import sys

import click

from comatrix.gateway.errors import UsageError


def agreed(question: str, unasked: str) -> None:
    """Go on only after a yes. Raises click.Abort: no; UsageError: nobody is there, `unasked` does not ask."""
    try:
        if click.confirm(question, err=True):
            return
    except click.Abort:
        if not sys.stdin.isatty():
            raise UsageError("Nobody is there to answer: nothing was done.", unasked) from None
        raise
    click.echo("Nothing was done.", err=True)
    raise click.Abort


def wifi_password() -> str:
    """Typed without echo, or the next line of what is not a terminal; "" is an open network. Raises UsageError."""
    question = "Wi-Fi password"
    if sys.stdin.isatty():
        return str(click.prompt(question, hide_input=True, default="", show_default=False, err=True))
    line = sys.stdin.readline()
    if not line:
        raise UsageError(f"{question}: nobody is there to answer.", "the same command, with the password by a pipe")
    return line.rstrip("\r\n")
