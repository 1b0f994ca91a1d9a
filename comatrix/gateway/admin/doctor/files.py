"""Configuration and secrets."""

import stat
from functools import partial
from pathlib import Path

from comatrix.gateway.admin.doctor.account import Account
from comatrix.gateway.admin.doctor.lines import LOGIN, OK, TO_CHECK, WARNING, WRONG, Line, Lines, Outcome, outcome
from comatrix.gateway.admin.doctor.surroundings import Surroundings
from comatrix.gateway.config.load import ConfigError, load
from comatrix.gateway.config.registration import service_tokens
from comatrix.gateway.config.secrets import read_secrets
from comatrix.gateway.config.settings import Settings
from comatrix.gateway.errors import UsageError

INIT = "comatrix init"

LINES = Lines(
    {
        "configuration.ok": Line(OK, "{file} is right"),
        "configuration.missing": Line(WRONG, "there is no configuration at {file}", INIT),
        "configuration.problem": Line(WRONG, "{problem}", "correct that" + TO_CHECK),
        "configuration.unreadable": Line(WRONG, "{why}", "{step}"),
        "secrets.ok": Line(OK, "the access token of {user} is kept where only you can read it"),
        "secrets.missing": Line(WRONG, "there is no access token at {file}", "{step}"),
        "secrets.serviceless": Line(
            WRONG, "there are no tokens of the application service at {file}", "comatrix appservice"
        ),
        "secrets.open": Line(
            WRONG, "others can read {file}: whoever has the token can post as the gateway", "chmod 600 {file}"
        ),
        "secrets.unusable": Line(WRONG, "{why}", "{step}"),
        "secrets.user": Line(WARNING, "the token is that of {kept}, but the configuration names {user}", LOGIN),
    }
)


async def configuration(given: Surroundings) -> Outcome:
    """Its fact: the Settings."""
    file = given.paths.config
    try:
        settings = load(file, given.environ)
    except ConfigError as error:
        return outcome(*(LINES.say("configuration.problem", problem=problem) for problem in error.problems))
    except UsageError as error:
        if _is_missing(file):
            return outcome(LINES.say("configuration.missing", file=file))
        return outcome(LINES.say("configuration.unreadable", why=error.text.rstrip("."), step=error.next_step))
    return outcome(LINES.say("configuration.ok", file=file), fact=settings)


async def secrets(given: Surroundings, settings: Settings | None) -> Outcome:
    """Its fact: the Account; without a configuration an ordinary one is looked for."""
    if settings is not None and settings.appservice.enabled:
        file, missing = given.paths.service_tokens, "secrets.serviceless"
        read = partial(_service, settings, file)
    else:
        file, missing = given.paths.secrets, "secrets.missing"
        read = partial(_ordinary, file)
    if _is_missing(file):
        step = INIT if _is_missing(given.paths.config) else LOGIN
        return outcome(LINES.say(missing, file=file, step=step))
    try:
        kept = read()
    except UsageError as error:
        if not _is_private(file):
            return outcome(LINES.say("secrets.open", file=file))
        return outcome(LINES.say("secrets.unusable", why=error.text.rstrip("."), step=error.next_step))
    return outcome(LINES.say("secrets.ok", user=kept.user_id), fact=kept)


def _ordinary(file: Path) -> Account:
    kept = read_secrets(file)
    return Account(kept.user_id, kept.device_id, kept.access_token, bool(kept.refresh_token))


def _service(settings: Settings, file: Path) -> Account:
    kept = service_tokens(settings, file)
    return Account(kept.user_id, "", kept.as_token, service_id=kept.id)


async def same_user(given: Surroundings, settings: Settings, kept: Account) -> Outcome:
    """Whether configuration and secrets are of one account."""
    user = settings.homeserver.user
    if user == kept.user_id:
        return outcome()
    return outcome(LINES.say("secrets.user", kept=kept.user_id, user=user))


def _is_private(file: Path) -> bool:
    """True also where its folder may not be looked into."""
    try:
        return stat.S_IMODE(file.stat().st_mode) & 0o077 == 0
    except PermissionError:
        return True


def _is_missing(file: Path) -> bool:
    """False also where its folder may not be looked into."""
    try:
        return not file.exists()
    except PermissionError:
        return False
