"""`comatrix init`: a working gateway in one command."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from comatrix.gateway.cli.connection import Place
from comatrix.gateway.cli.context import place_of
from comatrix.gateway.cli.login import Login, log_in
from comatrix.gateway.cli.steps import here
from comatrix.gateway.config.load import ConfigError, parse
from comatrix.gateway.config.page import commented_toml, minimal_toml, toml_value
from comatrix.gateway.config.secrets import Secrets, read_secrets, write_secrets
from comatrix.gateway.config.settings import Settings
from comatrix.gateway.config.values import check_timezone
from comatrix.gateway.errors import UsageError

AGAIN = "comatrix init --force"
FLAGS = "comatrix init --homeserver URL --user NAME --password-file FILE"
LONGEST_SECRET = 4096


@click.command()
@click.option("--homeserver", metavar="URL", help="Where the homeserver answers: https://matrix.example.org")
@click.option("--user", metavar="NAME", help="The gateway's account: @cx:example.org, or its first part.")
@click.option("--password-file", type=click.File("r"), metavar="FILE", help="Holds its password; - is standard input.")
@click.option("--token-file", type=click.File("r"), metavar="FILE", help="Holds an access token instead; - likewise.")
@click.option(
    "--gateway-address", metavar="HOST:PORT", help="Where nodes find this gateway, if its own guess is wrong."
)
@click.option("--force", is_flag=True, help="Log in again over an existing configuration, which is kept.")
@click.pass_context
def init(ctx: click.Context, /, **given: Any) -> None:
    """Set up this gateway: write its configuration and log in once.

    What is not given is asked for. The password is used once and never kept; the access token is kept in a file that
    only you can read.
    """
    place = place_of(ctx)
    before = _existing(place, force=given["force"])
    url = given["homeserver"] or before.homeserver.url or _ask("Homeserver (https://matrix.example.org)")
    user = given["user"] or before.homeserver.user or _ask("The gateway's account (@cx:example.org)")
    gateway_address = given["gateway_address"] or before.gateway.address
    _check(url, user, gateway_address)
    kept = log_in(_login(url, user, before, place, given))
    _write(place, before, url, gateway_address, kept)
    click.echo(f"Logged in as {kept.user_id}, device {kept.device_id}.")
    click.echo(f"Wrote {place.paths.config} and {place.paths.secrets}.")
    click.echo(here("Next: comatrix room create garden --invite @you:example.org"))


def _existing(place: Place, *, force: bool) -> Settings:
    """What is configured already; the default where nothing is. Raises UsageError."""
    if not place.paths.config.exists():
        return Settings()
    if not force:
        raise UsageError(f"{place.paths.config} exists already; --force logs in again and keeps it.", AGAIN)
    return place.settings()


def _ask(question: str, *, hidden: bool = False) -> str:
    """A person's answer; without a person the flags are named."""
    try:
        answer: str = click.prompt(question, hide_input=hidden, err=True)
    except click.Abort:
        if sys.stdin.isatty():
            raise
        raise UsageError(f"{question}: nobody is there to answer.", FLAGS) from None
    return answer


def _check(url: str, user: str, gateway_address: str) -> None:
    """The flags as the configuration will be checked, before anything is sent. A localpart passes as a user."""
    full = user if user.startswith("@") else f"@{user}:example.org"
    text = minimal_toml(url, full) + f"[gateway]\naddress = {toml_value(gateway_address)}\n"
    try:
        parse(text, "init", {})
    except ConfigError as error:
        told = [problem.partition("] ")[2] for problem in error.problems]
        raise UsageError("\n".join(told), FLAGS) from None


def _login(url: str, user: str, before: Settings, place: Place, given: dict[str, Any]) -> Login:
    if given["token_file"] and given["password_file"]:
        raise UsageError("Give a password or an access token, not both.", FLAGS)
    device = _device(place, url, before)
    name = before.homeserver.device_name
    again = AGAIN if given["force"] else "comatrix init"
    if given["token_file"]:
        return Login(url, user, "", _secret(given["token_file"], "access token"), device, name, again)
    if given["password_file"]:
        password = _secret(given["password_file"], "password")
    else:
        password = _ask(f"Password of {user}", hidden=True)
    return Login(url, user, password, "", device, name, again)


def _secret(file: Any, what: str) -> str:
    text: str = file.read(LONGEST_SECRET).strip("\r\n")
    if not text:
        raise UsageError(f"There is no {what} in {file.name}.", FLAGS)
    return text


def _device(place: Place, url: str, before: Settings) -> str:
    """The device of the last login here, so that a new token replaces the old one; "" for a new one."""
    if url != before.homeserver.url:
        return ""
    try:
        return read_secrets(place.paths.secrets).device_id
    except UsageError:
        return ""


def _write(place: Place, before: Settings, url: str, gateway_address: str, kept: Secrets) -> None:
    """Secrets first: a configuration without them could not be run."""
    write_secrets(place.paths.secrets, kept)
    settings = replace(
        before,
        homeserver=replace(before.homeserver, url=url, user=kept.user_id),
        gateway=replace(before.gateway, address=gateway_address),
    )
    if not place.paths.config.exists():
        text = minimal_toml(url, kept.user_id) + _gateway_lines(gateway_address)
        place.paths.config.write_text(text, encoding="utf-8")
    elif settings != before:
        place.paths.config.write_text(commented_toml(settings), encoding="utf-8")


def _gateway_lines(gateway_address: str) -> str:
    lines = [f"timezone = {toml_value(_timezone(Path('/etc/localtime')))}"]
    lines += [f"address = {toml_value(gateway_address)}"] if gateway_address else []
    return "\n[gateway]\n" + "\n".join(lines) + "\n"


def _timezone(localtime: Path) -> str:
    """This machine's time zone by the name of what /etc/localtime points to; "UTC" where that says nothing."""
    name = str(localtime.resolve()).partition("/zoneinfo/")[2]
    try:
        check_timezone(name)
    except ValueError:
        return "UTC"
    return name
