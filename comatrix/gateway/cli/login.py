"""Logging in once: a password or a token becomes the secrets that are kept."""

import asyncio
import secrets
import string
from dataclasses import dataclass, field

from comatrix.gateway.admin.homeserver_words import refusal
from comatrix.gateway.config.secrets import Secrets
from comatrix.gateway.edges.matrix import MatrixClient
from comatrix.gateway.errors import GatewayError, Unreachable
from comatrix.gateway.model import HomeserverAnswer

AGAIN = "comatrix init"


@dataclass(frozen=True, slots=True)
class Login:
    """Either `password` or `token` is given. `device_id` "": a new one."""

    url: str
    user: str
    password: str = field(repr=False)
    token: str = field(repr=False)
    device_id: str
    device_name: str


def log_in(login: Login) -> Secrets:
    """What to keep, as the homeserver itself names it. Raises GatewayError."""
    return asyncio.run(_log_in(login))


async def _log_in(login: Login) -> Secrets:
    async with MatrixClient(login.url) as client:
        token = login.token or await _token(client, login)
        client.authenticate(token, "", "")
        answer = await client.whoami()
        if not answer.ok:
            raise _refused(answer, "say whose the access token is")
        kept = Secrets(_text(answer, "user_id"), _text(answer, "device_id"), token)
    localpart = kept.user_id[1:].partition(":")[0]
    if login.user not in (kept.user_id, localpart):
        raise GatewayError(f"This is {kept.user_id}, not {login.user}.", f"comatrix init --user {kept.user_id}")
    return kept


async def _token(client: MatrixClient, login: Login) -> str:
    device_id = login.device_id or "CX" + "".join(secrets.choice(string.ascii_uppercase) for _ in range(8))
    answer = await client.login_password(login.user, login.password, device_id, login.device_name)
    if answer.errcode == "M_FORBIDDEN":
        raise GatewayError(f"The homeserver does not take this password for {login.user}.", AGAIN)
    if not answer.ok:
        raise _refused(answer, f"log in {login.user}")
    return _text(answer, "access_token")


def _refused(answer: HomeserverAnswer, doing: str) -> GatewayError:
    error = refusal(answer, doing, AGAIN)
    return type(error)(error.text, AGAIN)


def _text(answer: HomeserverAnswer, key: str) -> str:
    value = (answer.body or {}).get(key)
    if not isinstance(value, str) or not value:
        raise Unreachable(f"What answers there gave no {key}; is it a homeserver?", AGAIN)
    return value
