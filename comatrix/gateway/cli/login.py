"""Logging in once: a password or a token becomes the secrets that are kept."""

import asyncio
import secrets
import string
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from comatrix.gateway.admin.doctor.homeserver import CODES, LINES
from comatrix.gateway.admin.homeserver_words import refusal
from comatrix.gateway.clock import wall_ms
from comatrix.gateway.config.secrets import Secrets
from comatrix.gateway.edges.matrix import MatrixClient
from comatrix.gateway.edges.matrix.probe import look
from comatrix.gateway.edges.matrix.session import successor_untrusted
from comatrix.gateway.errors import GatewayError, Unreachable
from comatrix.gateway.model import HomeserverAnswer

LOOK_S = 5.0
PLAIN = "; perhaps it speaks plain HTTP"
ELSEWHERE = "--homeserver URL   (https://DOMAIN/.well-known/matrix/client names it)"


@dataclass(frozen=True, slots=True)
class Login:
    """Either `password` or `token` is given. `device_id` "": a new one. `again`: the command to try it with again."""

    url: str
    user: str
    password: str = field(repr=False)
    token: str = field(repr=False)
    device_id: str
    device_name: str
    again: str


def log_in(login: Login) -> Secrets:
    """What to keep, as the homeserver itself names it. Raises GatewayError."""
    return asyncio.run(_log_in(login))


async def _log_in(login: Login) -> Secrets:
    await _look(login)
    async with MatrixClient(login.url) as client:
        got = await _signed_in(client, login)
        client.take(got)
        answer = await client.whoami()
        if not answer.ok:
            raise _refused(answer, "say whose the access token is", login)
        # The device as the homeserver names it: rows sealed for another one are in doubt (uplink/sealing.py).
        kept = replace(
            client.account, user_id=_text(answer, "user_id", login), device_id=_text(answer, "device_id", login)
        )
    localpart = kept.user_id[1:].partition(":")[0]
    if login.user not in (kept.user_id, localpart):
        raise GatewayError(f"This is {kept.user_id}, not {login.user}.", f"{login.again} --user {kept.user_id}")
    return kept


async def _look(login: Login) -> None:
    """Before anything secret is sent: whether a server answers there, told soon and in the doctor's words."""
    url = login.url.rstrip("/")
    seen = await look(url, LOOK_S)
    if seen.status is not None or not seen.trouble:
        return  # what answers is judged by what it says to the login
    line = LINES.say(CODES[seen.trouble], url=url, host=urlsplit(url).hostname or url, why=seen.detail)
    mute = seen.trouble in ("timeout", "lost") and url.startswith("https:")
    raise Unreachable(f"{line.text}{PLAIN if mute else ''}.", f"{login.again} {ELSEWHERE}")


async def _signed_in(client: MatrixClient, login: Login) -> Secrets:
    """The tokens; whose they are is asked later. The password is sent once, and kept nowhere."""
    unknown = Secrets("", "", login.token)
    if login.token:
        return unknown
    device_id = login.device_id or "CX" + "".join(secrets.choice(string.ascii_uppercase) for _ in range(8))
    answer = await client.login_password(login.user, login.password, device_id, login.device_name, renewable=True)
    if answer.errcode == "M_FORBIDDEN":
        raise GatewayError(f"The homeserver has no account {login.user} with this password.", login.again)
    if not answer.ok:
        raise _refused(answer, f"log in {login.user}", login)
    got = successor_untrusted(unknown, answer.body or {}, wall_ms())
    if got is None:
        raise Unreachable("What answers there gave no access_token; is it a homeserver?", f"{login.again} {ELSEWHERE}")
    return got


def _refused(answer: HomeserverAnswer, doing: str, login: Login) -> GatewayError:
    error = refusal(answer, doing, login.again)
    return type(error)(error.text, f"{login.again} {ELSEWHERE}" if isinstance(error, Unreachable) else login.again)


def _text(answer: HomeserverAnswer, key: str, login: Login) -> str:
    value = (answer.body or {}).get(key)
    if not isinstance(value, str) or not value:
        raise Unreachable(f"What answers there gave no {key}; is it a homeserver?", f"{login.again} {ELSEWHERE}")
    return value
