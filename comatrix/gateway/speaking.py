"""Builds the Matrix side for either mode: a plain bot, or an application service with a ghost user a node."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from comatrix.gateway.clock import monotonic_ms
from comatrix.gateway.config.paths import Paths
from comatrix.gateway.config.registration import ServiceTokens, service_tokens
from comatrix.gateway.config.secrets import read_secrets, renew_secrets
from comatrix.gateway.config.settings import Settings
from comatrix.gateway.config.values import endpoint, span_ms
from comatrix.gateway.edges.appservice.ghosts import Ghosts
from comatrix.gateway.edges.appservice.intake import BotIntake, Intake, ServiceUserIntake
from comatrix.gateway.edges.appservice.push import PushIntake
from comatrix.gateway.edges.appservice.users import ServiceUsers
from comatrix.gateway.edges.matrix import MatrixClient
from comatrix.gateway.edges.matrix.service import ServiceApi
from comatrix.gateway.edges.store import rooms
from comatrix.gateway.edges.store.pushed import PushedEvents
from comatrix.gateway.edges.store.service_users import ServiceUserBook
from comatrix.gateway.edges.store.store import Store
from comatrix.gateway.model import HomeserverAnswer, Voice
from comatrix.gateway.uplink.voices import BotVoices, ServiceNames, Speakers

Tell = Callable[[str], None]


@dataclass(slots=True)
class Watched:
    """Whether everything that happens to rooms is heard: the intake follows them, and it is in all of them.

    `report` is the poster's, once there is one."""

    report: Callable[[bool], None] = lambda _watched: None
    follows: bool = False
    covered: bool = True

    def following(self, follows: bool) -> None:
        """The intake works."""
        self.follows = follows
        self.report(self.follows and self.covered)

    def covering(self, covered: bool) -> None:
        """It is in every room."""
        if covered != self.covered:
            self.covered = covered
            self.report(self.follows and self.covered)


@dataclass(slots=True)
class Speaking:
    """`reload()` when nodes, rooms or powers changed; `work` runs until cancelled."""

    bot: Voice
    voices: BotVoices | Ghosts
    ours: Callable[[str], bool]  # whether we may speak as a user
    intake: Intake
    reload: Callable[[], None]
    work: list[Coroutine[Any, Any, None]] = field(default_factory=list)


class ServiceClient(MatrixClient):
    """A client of the service. Each event that is accepted is noted: where events are pushed, it must come back."""

    sent: Callable[[str], None] | None = None

    async def send_event(
        self, room_id: str, event_type: str, txn_id: str, content: bytes, *, voice: Voice | None = None
    ) -> HomeserverAnswer:
        """As MatrixClient."""
        answer = await super().send_event(room_id, event_type, txn_id, content, voice=voice)
        event_id = (answer.body or {}).get("event_id") if answer.ok else None
        if self.sent is not None and isinstance(event_id, str):
            self.sent(event_id)
        return answer


def open_client(settings: Settings, paths: Paths) -> "MatrixClient | ServiceClient":
    """The configured account's, or the application service's. Raises UsageError where its tokens are missing."""
    if settings.appservice.enabled:
        return service_client(settings, service_tokens(settings, paths.service_tokens))
    homeserver = settings.homeserver
    keep = partial(renew_secrets, paths.secrets)
    timeout_s = span_ms(homeserver.timeout) / 1000
    return MatrixClient(homeserver.url, timeout_s=timeout_s, keep=keep).take(read_secrets(paths.secrets))


def service_client(settings: Settings, kept: ServiceTokens, **options: Any) -> ServiceClient:
    """Speaks with the service's token, and without a device unless a voice names it: the bot's own may not be made."""
    homeserver = settings.homeserver
    timeout_s = span_ms(homeserver.timeout) / 1000
    return ServiceClient(homeserver.url, kept.as_token, kept.user_id, "", timeout_s=timeout_s, service=True, **options)


async def open_speaking(
    settings: Settings,
    paths: Paths,
    matrix: MatrixClient,
    store: Store,
    stack: AsyncExitStack,
    *,
    tell: Tell,
    covered: Callable[[bool], None],
) -> Speaking:
    """As configured. What it opens is closed by `stack`. Raises GatewayError."""
    if not isinstance(matrix, ServiceClient):
        return speaking_as_bot(matrix)
    kept = service_tokens(settings, paths.service_tokens)
    return await speaking_as_service(settings, kept, matrix, store, stack, tell=tell, covered=covered)


def speaking_as_bot(matrix: MatrixClient) -> Speaking:
    """One ordinary account speaks for every node."""
    bot = Voice(matrix.user_id, matrix.device_id)
    intake = BotIntake(matrix, bot.user_id)
    return Speaking(bot, BotVoices(bot), lambda user_id: user_id == bot.user_id, intake, lambda: None)


async def speaking_as_service(
    settings: Settings,
    kept: ServiceTokens,
    matrix: ServiceClient,
    store: Store,
    stack: AsyncExitStack,
    *,
    tell: Tell,
    covered: Callable[[bool], None],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Speaking:
    """A ghost a node. Opens the HTTP intake where events are pushed. Raises GatewayError, StoreError."""
    names = ServiceNames(settings.appservice.prefix, kept.user_id)
    speakers = Speakers(names, settings.appservice.ghosts_max_nodes)
    api, book = ServiceApi(matrix), ServiceUserBook(store)
    users = ServiceUsers(api, matrix, book, kept.user_id)
    ghosts = Ghosts(users, speakers, book, tell=tell, sleep=sleep)
    await ghosts.begin()

    def room_ids() -> list[str]:
        return [room.room_id for room in store.read(rooms.all_rooms) if not room.encrypted]

    if settings.appservice.intake == "push":
        pushes = await _push(settings, kept, names, matrix, api, store, room_ids, stack)
        return Speaking(speakers.bot, ghosts, names.is_ours, pushes, ghosts.reload, [ghosts.run()])
    syncs = ServiceUserIntake(matrix, users, names, rooms=room_ids, now_ms=monotonic_ms, covered=covered)

    def reload() -> None:
        ghosts.reload()
        syncs.rooms_changed()

    return Speaking(speakers.bot, ghosts, names.is_ours, syncs, reload, [ghosts.run()])


async def _push(
    settings: Settings,
    kept: ServiceTokens,
    names: ServiceNames,
    matrix: ServiceClient,
    api: ServiceApi,
    store: Store,
    room_ids: Callable[[], list[str]],
    stack: AsyncExitStack,
) -> PushIntake:
    from comatrix.gateway.edges.appservice.http import AppServiceHttp, listening  # Starlette and uvicorn: only here

    pushes = PushIntake(
        PushedEvents(store),
        api,
        names,
        kept.id,
        rooms=room_ids,
        now_ms=monotonic_ms,
        random_text=lambda: secrets.token_hex(8),
    )
    matrix.sent = pushes.sent
    app = AppServiceHttp(kept.hs_token, pushes.take, names.is_ours).app()
    await stack.enter_async_context(listening(app, *endpoint(settings.appservice.bind)))
    return pushes
