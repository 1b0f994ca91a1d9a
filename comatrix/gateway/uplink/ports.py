"""What the poster needs of the world: a homeserver, a durable outbox, and who speaks for a node."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from comatrix.gateway.model import Arrivals, HomeserverAnswer, Node, Record, Room, SealedRow, Voice
from comatrix.gateway.uplink.sealing import Draft

Compose = Callable[[Sequence[Record], Mapping[int, Node], str], Draft]  # records, nodes, transaction id


class Homeserver(Protocol):
    """Calls of the client-server API. None raises for what the network does."""

    async def send_event(
        self, room_id: str, event_type: str, txn_id: str, content: bytes, *, voice: Voice
    ) -> HomeserverAnswer: ...

    async def state_event(self, room_id: str, event_type: str) -> HomeserverAnswer: ...

    async def messages(
        self,
        room_id: str,
        *,
        from_token: str = "",
        limit: int = 100,
        event_filter: Mapping[str, Any] | None = None,
        voice: Voice | None = None,
    ) -> HomeserverAnswer: ...

    async def relations(
        self,
        room_id: str,
        event_id: str,
        rel_type: str = "",
        *,
        from_token: str = "",
        limit: int = 100,
        voice: Voice | None = None,
    ) -> HomeserverAnswer: ...

    async def server_name(self) -> str | None: ...


class Voices(Protocol):
    """Who speaks for a node in a room, and whether they can."""

    def voice(self, room: Room, node: int) -> Voice:
        """The bot, or the node's ghost. Cheap."""

    async def prepare(self, voice: Voice, room: Room) -> HomeserverAnswer:
        """Before the first send of a lane, and again after `forget`. A refusal or no answer comes back as it is."""

    def fall_back(self, voice: Voice, room: Room, reason: str) -> None:
        """The ghost cannot speak here: from now on `voice` gives the bot for its node."""

    def forget(self, voice: Voice, room: Room | None) -> None:
        """Its membership (None: its device) is gone: prepare it anew."""


class Outbox(Protocol):
    """The durable side; store.delivery.Delivery says what each does. Writes return once synced; raise StoreError."""

    @property
    def voice(self) -> Voice: ...
    def became(self, voice: Voice) -> None: ...
    async def begin(self) -> list[SealedRow]: ...
    def open_rows(self) -> list[SealedRow]: ...
    def nodes(self) -> list[Node]: ...
    def rooms(self) -> list[Room]: ...
    def cursors(self) -> list[tuple[int, int, int, int]]: ...
    def newest_events(self) -> dict[tuple[int, str], str]: ...
    def waiting(self, after: int | None) -> list[Arrivals]: ...
    def bodies(self, room: int, node: int, first_id: int, last_id: int) -> list[bytes]: ...
    async def seal(
        self,
        streams: Sequence[Arrivals],
        *,
        voice: Voice,
        priority: int,
        after_event: str | None,
        limit: int,
        now_ms: int,
        floor: int,
        compose: Compose,
    ) -> tuple[SealedRow, tuple[Record, ...]] | None: ...
    async def done(self, row: SealedRow, event_id: str) -> None: ...
    async def attempt(self, row: SealedRow) -> None: ...
    async def absent(self, row: SealedRow) -> None: ...
    async def park(self, row: SealedRow, reason: str) -> None: ...
    async def unseal(self, row: SealedRow, reason: str) -> list[Arrivals]: ...
    async def set_encrypted(self, room: int) -> None: ...
    async def set_paused(self, room: int, reason: str | None) -> None: ...
