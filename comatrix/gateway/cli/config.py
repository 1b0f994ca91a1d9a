"""`comatrix config`: what is configured, and whether it is right."""

import dataclasses

import click

from comatrix.gateway.cli.connection import Place
from comatrix.gateway.cli.context import json_option, place_of, show_json
from comatrix.gateway.cli.lazy import NamingGroup
from comatrix.gateway.config.load import ConfigError
from comatrix.gateway.config.page import commented_toml
from comatrix.gateway.config.registration import service_tokens
from comatrix.gateway.config.secrets import read_secrets
from comatrix.gateway.config.settings import Settings
from comatrix.gateway.errors import UsageError


@click.group(cls=NamingGroup)
def config() -> None:
    """Check or show the configuration."""


@config.command("check")
@json_option
@click.pass_context
def check(ctx: click.Context, as_json: bool) -> None:
    """Tell every problem of the configuration and the secrets at once."""
    place = place_of(ctx)
    problems: list[str] = []
    next_step = ""
    for read in (place.settings, lambda: _secrets(place)):
        try:
            read()
        except UsageError as error:
            problems += error.problems if isinstance(error, ConfigError) else [error.text]
            next_step = next_step or error.next_step
    if as_json:
        show_json({"ok": not problems, "file": str(place.paths.config), "problems": problems})
        if problems:
            ctx.exit(UsageError.exit_code)
    elif problems:
        raise UsageError("\n".join(problems), next_step)
    else:
        click.echo(f"{place.paths.config} is right.")


def _secrets(place: Place) -> None:
    """The account's, or the application service's where it is enabled. Raises UsageError."""
    try:
        settings = place.settings()
    except UsageError:
        settings = Settings()  # told already
    if settings.appservice.enabled:
        service_tokens(settings, place.paths.service_tokens)
    else:
        read_secrets(place.paths.secrets)


@config.command("show")
@json_option
@click.pass_context
def show(ctx: click.Context, as_json: bool) -> None:
    """Print the whole configuration with what each key means; a default is commented out.

    Without a configuration file these are the defaults: a file to start from.
    """
    place = place_of(ctx)
    settings = place.settings() if place.paths.config.exists() else Settings()
    if as_json:
        show_json(dataclasses.asdict(settings))
    else:
        click.echo(commented_toml(settings), nl=False)
