"""What answers at [homeserver] url, and whether it takes the token."""

import ipaddress
from urllib.parse import urlsplit

from comatrix.gateway.admin.doctor.account import Account
from comatrix.gateway.admin.doctor.lines import (
    AGAIN,
    LOGIN,
    OK,
    RUN,
    SHOW,
    TO_CHECK,
    WARNING,
    WRONG,
    Line,
    Lines,
    Outcome,
    outcome,
)
from comatrix.gateway.admin.doctor.surroundings import Surroundings
from comatrix.gateway.config.settings import Settings
from comatrix.gateway.edges.matrix.probe import Look
from comatrix.gateway.model import HomeserverAnswer

LOOK_S = 3.0
SLOW_S = 1.0
SHUT = {"M_USER_DEACTIVATED", "M_USER_LOCKED", "M_USER_SUSPENDED", "M_CONSENT_NOT_GIVEN", "M_RESOURCE_LIMIT_EXCEEDED"}
ADMINISTRATOR = "ask the homeserver's administrator"
SEE = "curl -v {url}/_matrix/client/versions"

LINES = Lines(
    {
        "homeserver.ok": Line(OK, "{url} answers in {ms:.0f} ms and speaks {version}"),
        "homeserver.slow": Line(WARNING, "{url} took {seconds:.1f} s to answer the simplest question", AGAIN),
        "homeserver.old": Line(WARNING, "{url} speaks {version} at most; the gateway needs v1.1", ADMINISTRATOR),
        "homeserver.plain": Line(
            WARNING,
            "{url} is reached without TLS: who is on the way reads the token and what is posted",
            'set [homeserver] url = "https://..."' + TO_CHECK,
        ),
        "homeserver.name": Line(WRONG, "the name {host} does not resolve ({why})", "getent hosts {host}"),
        "homeserver.refused": Line(WRONG, "nothing listens at {url} ({why})", SHOW),
        "homeserver.timeout": Line(WRONG, "{url} does not answer ({why})", "ping {host}"),
        "homeserver.lost": Line(WRONG, "the connection to {url} breaks ({why})", SEE),
        "homeserver.expired": Line(
            WRONG, "the TLS certificate of {host} has expired", "certbot renew   (where the homeserver runs)"
        ),
        "homeserver.early": Line(
            WRONG, "the TLS certificate of {host} is not valid yet: its clock or this one is wrong", "date"
        ),
        "homeserver.other": Line(WRONG, "the TLS certificate at {url} is for another name ({why})", SHOW),
        "homeserver.untrusted": Line(
            WRONG,
            "the TLS certificate of {host} is signed by nobody this machine trusts ({why})",
            "certbot   (where the homeserver runs: a certificate of a public authority)",
        ),
        "homeserver.tls": Line(WRONG, "TLS with {host} fails ({why}); perhaps it speaks plain HTTP", SHOW),
        "homeserver.stranger": Line(WRONG, "what answers at {url} is no homeserver but perhaps a proxy ({why})", SEE),
        "homeserver.failing": Line(WRONG, "{url} answers with an error of its own ({why})", ADMINISTRATOR),
        "token.ok": Line(OK, "accepted: {user}, device {device}"),
        "token.serving": Line(OK, "accepted: {user}, application service {service}"),
        "token.service": Line(
            WRONG, "the homeserver does not know the application service {service} ({why})", "comatrix appservice"
        ),
        "token.refused": Line(WRONG, "the homeserver does not know it any more ({why}): nothing is posted", LOGIN),
        "token.expired": Line(WRONG, "it has expired and cannot be renewed: nothing is posted", LOGIN),
        "token.renewable": Line(WARNING, "it has expired; the running gateway renews it by itself", RUN),
        "token.account": Line(WRONG, "the account is shut ({why}): nothing is posted", ADMINISTRATOR),
        "token.user": Line(WRONG, "it belongs to {actual}, not to {kept}", LOGIN),
        "token.device": Line(WRONG, "it is of device {actual}, not of {kept}: events in doubt would show twice", LOGIN),
        "token.unanswered": Line(WRONG, "the homeserver does not say whose it is ({why})", AGAIN),
    }
)
CODES = {
    "name": "homeserver.name",
    "refused": "homeserver.refused",
    "timeout": "homeserver.timeout",
    "lost": "homeserver.lost",
    "tls expired": "homeserver.expired",
    "tls not yet": "homeserver.early",
    "tls name": "homeserver.other",
    "tls untrusted": "homeserver.untrusted",
    "tls": "homeserver.tls",
    "not matrix": "homeserver.stranger",
    "failing": "homeserver.failing",
}


async def homeserver(given: Surroundings, settings: Settings) -> Outcome:
    """Its fact: the Look, where a homeserver answers."""
    url = settings.homeserver.url.rstrip("/")
    host = urlsplit(url).hostname or url
    seen = await given.look(url, LOOK_S)
    if seen.trouble:
        return outcome(LINES.say(CODES[seen.trouble], url=url, host=host, why=seen.detail))
    newest = max(seen.versions, key=_number, default="nothing")
    slow = seen.took_s > SLOW_S
    facts = {"url": url, "version": newest, "ms": seen.took_s * 1000, "seconds": seen.took_s}
    said = [LINES.say("homeserver.slow" if slow else "homeserver.ok", **facts)]
    if _number(newest) < (1, 1):
        said.append(LINES.say("homeserver.old", **facts))
    if url.startswith("http:") and not _is_loopback(host):
        said.append(LINES.say("homeserver.plain", **facts))
    return Outcome(tuple(said), seen)


def _number(version: str) -> tuple[int, ...]:
    """ "v1.11" -> (1, 11); the old "r0.6.1" and what is no version sort below."""
    parts = version.removeprefix("v").split(".")
    return tuple(int(part) for part in parts) if all(part.isdecimal() for part in parts) else (0,)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def token(given: Surroundings, settings: Settings, kept: Account, seen: Look) -> Outcome:
    """Its fact: True, where the token may be used."""
    async with kept.client(settings) as client:
        answer = await client.whoami()
    if not answer.ok or answer.body is None:
        return _refused(answer, kept)
    user, device = answer.body.get("user_id"), answer.body.get("device_id")
    if user != kept.user_id:
        return outcome(LINES.say("token.user", actual=user, kept=kept.user_id))
    if kept.service_id:
        return outcome(LINES.say("token.serving", user=user, service=kept.service_id), fact=True)
    if device != kept.device_id:
        return outcome(LINES.say("token.device", actual=device, kept=kept.device_id), fact=True)
    return outcome(LINES.say("token.ok", user=user, device=device), fact=True)


def _refused(answer: HomeserverAnswer, kept: Account) -> Outcome:
    why = f"{answer.errcode}, {answer.error}" if answer.errcode else answer.error
    if answer.errcode in SHUT:
        return outcome(LINES.say("token.account", why=why))
    if kept.service_id and answer.status == 401:
        return outcome(LINES.say("token.service", service=kept.service_id, why=why))
    if answer.errcode == "M_UNKNOWN_TOKEN" and answer.soft_logout:
        return outcome(LINES.say("token.renewable" if kept.renewable else "token.expired"))
    if answer.status == 401:
        return outcome(LINES.say("token.refused", why=why))
    return outcome(LINES.say("token.unanswered", why=why))
