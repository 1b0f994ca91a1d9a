"""`comatrix appservice`: the registration file for the homeserver, and whether it works."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from comatrix.gateway.cli.connection import Place
from comatrix.gateway.cli.context import json_option, place_of, show_json
from comatrix.gateway.cli.steps import here
from comatrix.gateway.config.load import ConfigError, load, parse
from comatrix.gateway.config.page import commented_toml, minimal_toml, toml_value
from comatrix.gateway.config.private_file import write_private
from comatrix.gateway.config.registration import (
    ServiceTokens,
    announced_url,
    new_tokens,
    read_tokens,
    registration_yaml,
    write_tokens,
)
from comatrix.gateway.config.settings import Settings
from comatrix.gateway.errors import UsageError

FLAGS = "comatrix appservice --homeserver URL --user @cx:example.org"
CHECK = "comatrix appservice --check"
PLACES = """\
Give it to the homeserver and restart that:
  Synapse   in homeserver.yaml: app_service_config_files: ["{path}"]
  Dendrite  in dendrite.yaml, under app_service_api: config_files: ["{path}"]
  conduit   in its admin room: register-appservice, with the file's text in a code block
The homeserver must be able to read its copy; nobody else should: whoever has it speaks as every node."""


@click.command()
@click.option("--homeserver", metavar="URL", help="Where the homeserver answers, if nothing is configured yet.")
@click.option("--user", metavar="@USER", help="The service's own user, likewise. It needs no password.")
@click.option("--intake", type=click.Choice(["push", "sync"]), help="The homeserver pushes; or a user syncs (NAT).")
@click.option("--url", metavar="URL", help="Where the homeserver finds this machine's intake.")
@click.option("--file", "path", type=click.Path(path_type=Path), metavar="FILE", help="Where to write it.")
@click.option("--new-tokens", is_flag=True, help="Change both tokens: the homeserver needs the file anew.")
@click.option("--check", is_flag=True, help="Write nothing; try whether the homeserver took it and reaches us.")
@json_option
@click.pass_context
def appservice(ctx: click.Context, /, **given: Any) -> None:
    """Let each node be a Matrix user of its own: write the registration file of an application service.

    A second time the same tokens are written, so that the homeserver's copy stays good.
    """
    place = place_of(ctx)
    if given["check"]:
        _check(place, as_json=given["as_json"])
        return
    settings = _settings(place, given)
    kept = _tokens(place, settings, anew=given["new_tokens"])
    path = given["path"] or place.paths.registration
    text = registration_yaml(settings, kept)
    write_tokens(place.paths.service_tokens, kept)
    _write_configuration(place, settings)
    write_private(path.absolute(), text.encode("utf-8"))
    if given["as_json"]:
        url = announced_url(settings)
        show_json({"file": str(path.absolute()), "id": kept.id, "user": kept.user_id, "url": url})
        return
    click.echo(f"Wrote {path.absolute()} (mode 0600): nodes will speak as @{settings.appservice.prefix}node_NUMBER.")
    click.echo(PLACES.format(path=path.absolute()))
    click.echo(here(f"Next: {CHECK}"))


def _settings(place: Place, given: dict[str, Any]) -> Settings:
    """What is configured, with what the flags change, enabled. Raises UsageError."""
    if place.paths.config.exists():
        before = load(place.paths.config, {})
    elif given["homeserver"] and given["user"]:
        before = _parsed(minimal_toml(given["homeserver"], given["user"]))
    else:
        raise UsageError(f"There is no configuration at {place.paths.config} yet.", FLAGS)
    homeserver = replace(
        before.homeserver,
        url=given["homeserver"] or before.homeserver.url,
        user=given["user"] or before.homeserver.user,
    )
    changed = {name: given[name] for name in ("intake", "url") if given[name]}
    return _parsed(
        commented_toml(
            replace(before, homeserver=homeserver, appservice=replace(before.appservice, enabled=True, **changed))
        )
    )


def _parsed(text: str) -> Settings:
    """The flags are checked as the configuration will be."""
    try:
        return parse(text, "appservice", {})
    except ConfigError as error:
        told = [problem.partition("] ")[2] for problem in error.problems]
        raise UsageError("\n".join(told), FLAGS) from None


def _tokens(place: Place, settings: Settings, *, anew: bool) -> ServiceTokens:
    """Those of before, unless they were another user's."""
    try:
        kept = read_tokens(place.paths.service_tokens)
    except UsageError:
        if place.paths.service_tokens.exists() and not anew:
            raise
        return new_tokens(settings.homeserver.user)
    return kept if kept.user_id == settings.homeserver.user and not anew else new_tokens(settings.homeserver.user)


def _write_configuration(place: Place, settings: Settings) -> None:
    """A person's file is written anew only where something in it changes."""
    path = place.paths.config
    if not path.exists():
        service = settings.appservice
        lines = ["\n[appservice]", "enabled = true", f"intake = {toml_value(service.intake)}"]
        lines += [f"url = {toml_value(service.url)}"] if service.url else []
        text = minimal_toml(settings.homeserver.url, settings.homeserver.user) + "\n".join(lines) + "\n"
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    elif load(path, {}) != settings:
        path.write_text(commented_toml(settings), encoding="utf-8")


def _check(place: Place, *, as_json: bool) -> None:
    from comatrix.gateway.cli.appservice_check import check

    steps = check(place)
    if as_json:
        show_json({"ok": True, "steps": steps})
        return
    for step in steps:
        click.echo(step)
    click.echo(here("Next: comatrix gateway run"))
