"""Whether the homeserver took the registration: it knows our token, lets us have our users, and reaches our intake."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from comatrix.gateway.admin.homeserver_words import refusal
from comatrix.gateway.cli.connection import Place, is_running
from comatrix.gateway.config.registration import ServiceTokens, announced_url, service_tokens
from comatrix.gateway.config.settings import Settings
from comatrix.gateway.config.values import endpoint
from comatrix.gateway.edges.matrix import MatrixClient
from comatrix.gateway.edges.matrix.service import ServiceApi
from comatrix.gateway.errors import GatewayError
from comatrix.gateway.model import HomeserverAnswer, Voice
from comatrix.gateway.speaking import service_client
from comatrix.gateway.uplink.voices import DEVICE, ServiceNames

AGAIN = "comatrix appservice --check"
GIVE_AGAIN = "give the homeserver the file that `comatrix appservice` writes, and restart it"


def check(place: Place) -> list[str]:
    """What works, in words. Raises GatewayError for the first thing that does not."""
    settings = place.settings()
    kept = service_tokens(settings, place.paths.service_tokens)
    return asyncio.run(_check(settings, kept, running=is_running(place)))


async def _check(settings: Settings, kept: ServiceTokens, *, running: bool) -> list[str]:
    async with service_client(settings, kept) as client:
        names = ServiceNames(settings.appservice.prefix, kept.user_id)
        steps = [await _token(client, kept)]
        steps.append(await _users(ServiceApi(client), names))
        if settings.appservice.intake == "sync":
            steps.append(await _sync(client, names))
        else:
            async with _intake(settings, kept, running=running):
                steps.append(await _ping(ServiceApi(client), settings, kept))
    return steps


async def _token(client: MatrixClient, kept: ServiceTokens) -> str:
    answer = await client.whoami()
    if answer.status is None:
        raise refusal(answer, "say whose token this is", AGAIN)
    if not answer.ok or (answer.body or {}).get("user_id") != kept.user_id:
        raise GatewayError(
            f"The homeserver does not know the application service {kept.id}: {_why(answer)}.", GIVE_AGAIN
        )
    return f"The homeserver knows the application service {kept.id} as {kept.user_id}."


async def _users(api: ServiceApi, names: ServiceNames) -> str:
    """The bot and the service user are made; that proves the namespace, too."""
    for user_id in (names.bot, names.service):
        answer = await api.register(user_id[1:].partition(":")[0])
        exists = answer.errcode == "M_USER_IN_USE" or (answer.errcode == "M_EXCLUSIVE" and user_id == names.bot)
        if not answer.ok and not exists:
            raise GatewayError(f"The homeserver does not let us have {user_id}: {_why(answer)}.", GIVE_AGAIN)
        made = await api.make_device(Voice(user_id, DEVICE), "CoMatrix gateway")
        if made.status in (404, 405):
            made = await api.log_in(Voice(user_id, DEVICE), "CoMatrix gateway")
        if made.status not in (200, 201):
            raise GatewayError(f"The homeserver does not give {user_id} a device: {_why(made)}.", GIVE_AGAIN)
    return f"Its users may be made: @{names.prefix}node_NUMBER, each with the device {DEVICE}."


async def _sync(client: MatrixClient, names: ServiceNames) -> str:
    answer = await client.sync(None, 0, {"room": {"rooms": []}}, voice=Voice(names.service, DEVICE))
    if not answer.ok:
        raise refusal(answer, f"let {names.service} sync", AGAIN)
    return f"{names.service} can follow the rooms."


@asynccontextmanager
async def _intake(settings: Settings, kept: ServiceTokens, *, running: bool) -> AsyncIterator[None]:
    """The running gateway's, or one of our own while we try."""
    if running:
        yield
        return
    from comatrix.gateway.edges.appservice.http import AppServiceHttp, Refusal, listening

    async def refuse(_events: object) -> None:
        """Nothing is kept here, so nothing is taken: the homeserver sends it again, to the gateway."""
        raise Refusal(503, "M_UNKNOWN", "only a trial")

    http = AppServiceHttp(kept.hs_token, refuse, lambda _user: False)
    async with listening(http.app(), *endpoint(settings.appservice.bind)):
        yield


async def _ping(api: ServiceApi, settings: Settings, kept: ServiceTokens) -> str:
    url = announced_url(settings)
    answer = await api.ping(kept.id, secrets.token_hex(8))
    if answer.ok:
        return f"The homeserver reaches the intake at {url}."
    if answer.errcode in ("M_CONNECTION_FAILED", "M_CONNECTION_TIMEOUT"):
        raise GatewayError(
            f"The homeserver cannot reach {url}: {_why(answer)}.",
            "comatrix appservice --url http://THIS-MACHINE:PORT, or --intake sync where it never can",
        )
    if answer.errcode in ("M_BAD_STATUS", "M_URL_NOT_SET", "M_FORBIDDEN"):
        raise GatewayError(f"The homeserver has another registration than ours: {_why(answer)}.", GIVE_AGAIN)
    if answer.errcode == "M_UNRECOGNIZED":
        return f"This homeserver cannot be asked whether it reaches {url}; `comatrix status` shows it later."
    raise refusal(answer, f"reach {url}", AGAIN)


def _why(answer: HomeserverAnswer) -> str:
    return ": ".join(part for part in (answer.errcode or f"HTTP {answer.status}", answer.error) if part).rstrip(".")
