"""What the operations are handed: they own no store, clock, randomness or connection."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from comatrix.gateway.config.settings import Settings
from comatrix.gateway.edges.store.store import Store
from comatrix.gateway.model import HomeserverAnswer

Args = Mapping[str, Any]
Operation = Callable[[Args], Awaitable[Any] | AsyncGenerator[Any, None]]


class Homeserver(Protocol):
    """What the operations ask of `edges.matrix.MatrixClient`."""

    @property
    def user_id(self) -> str:
        """The account."""

    async def resolve_alias(self, alias: str) -> HomeserverAnswer:
        """`room_id`."""

    async def join(self, room: str) -> HomeserverAnswer:
        """`room_id`."""

    async def is_encrypted(self, room_id: str) -> bool | None:
        """None: the homeserver did not say."""

    async def create_room(
        self, name: str, *, invite: Sequence[str], alias_localpart: str, federate: bool
    ) -> HomeserverAnswer:
        """`room_id`."""


def _nobody(what: str, key: int) -> None:
    """Offline there is nobody to tell."""


@dataclass(frozen=True, slots=True)
class Collaborators:
    """`changed(what, key)` tells the running gateway of a changed "node" number, "room" or "queue" row id.

    `homeserver()` raises UsageError where no access token is kept. `local_address()`: this machine's IP address as its
    network sees it, or "". `wait(seconds)` paces `tail`. `live()`: what only a running gateway knows, for `status`;
    None offline.
    """

    store: Store
    settings: Settings
    homeserver: Callable[[], Homeserver]
    now_ms: Callable[[], int]
    random_bytes: Callable[[int], bytes]
    local_address: Callable[[], str]
    wait: Callable[[float], Awaitable[None]]
    changed: Callable[[str, int], None] = _nobody
    live: Callable[[], Mapping[str, Any]] | None = None
