"""Users of the application service: registered, with a device, named, brought into rooms. Each step once."""

import asyncio
import logging
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Protocol

from comatrix.gateway.errors import StoreError
from comatrix.gateway.model import HomeserverAnswer, Voice
from comatrix.gateway.uplink.voices import READY

log = logging.getLogger(__name__)

DEVICE_NAME = "CoMatrix gateway"


class Service(Protocol):
    """What only an application service may ask."""

    async def register(self, localpart: str) -> HomeserverAnswer:
        """Make a user without logging it in."""

    async def make_device(self, voice: Voice, display_name: str) -> HomeserverAnswer:
        """Make `voice.device_id`, or name it."""

    async def log_in(self, voice: Voice, display_name: str) -> HomeserverAnswer:
        """The same by logging in, for servers that cannot make a device otherwise."""


class Homeserver(Protocol):
    """The client-server API. Without `voice` the bot speaks."""

    async def set_display_name(self, name: str, *, voice: Voice | None = None) -> HomeserverAnswer:
        """A user's name."""

    async def invite(self, room_id: str, user_id: str) -> HomeserverAnswer:
        """As the bot."""

    async def join(self, room: str, *, voice: Voice | None = None) -> HomeserverAnswer:
        """As that user."""


class Book(Protocol):
    """What was done before, durable; store.service_users.ServiceUserBook says what each does."""

    async def begin(self) -> None: ...
    def users(self) -> dict[str, tuple[str, str]]: ...
    def joined(self) -> dict[str, set[str]]: ...
    async def save(self, user_id: str, device: str, name: str) -> None: ...
    async def save_member(self, user_id: str, room_id: str, refused: str | None) -> None: ...


@dataclass(slots=True)
class User:
    """What is certain of a user. `device` "": neither that it is registered nor that it has one."""

    device: str = ""
    name: str = ""
    rooms: set[str] = field(default_factory=set)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class ServiceUsers:
    """`bot`: the service's own user, who invites the others."""

    def __init__(self, service: Service, homeserver: Homeserver, book: Book, bot: str) -> None:
        self._service = service
        self._homeserver = homeserver
        self._book = book
        self._bot = bot
        self._users: dict[str, User] = {}

    async def begin(self) -> None:
        """Take up what an earlier run did. Raises StoreError."""
        await self._book.begin()
        joined = self._book.joined()
        known = self._book.users()
        for user_id in known.keys() | joined.keys():
            device, name = known.get(user_id, ("", ""))
            self._users[user_id] = User(device, name, joined.get(user_id, set()))

    async def ready(self, voice: Voice, name: str = "") -> HomeserverAnswer:
        """Registered, with its device, and called `name` ("": no name is set). 200, or the answer that says why not."""
        user = self._user(voice.user_id)
        async with user.lock:
            if user.device != voice.device_id:
                answer = await self._make(voice)
                if not answer.ok:
                    return answer
                user.device = voice.device_id
                await self._saved(self._book.save(voice.user_id, user.device, user.name))
            return await self._named(voice, user, name)

    async def bring(self, voice: Voice, room_id: str) -> HomeserverAnswer:
        """Into a room: the bot invites, the user joins. 200, or the answer that says why not."""
        user = self._user(voice.user_id)
        async with user.lock:
            if room_id in user.rooms:
                return READY
            answer = await self._join(voice, room_id)
            if answer.ok:
                user.rooms.add(room_id)
                await self._saved(self._book.save_member(voice.user_id, room_id, None))
            return answer

    def is_in(self, user_id: str, room_id: str) -> bool:
        """Whether it joined, as far as is known."""
        return room_id in self._user(user_id).rooms

    def forget(self, user_id: str, room_id: str | None) -> None:
        """It is not in this room any more; None: its device is gone."""
        user = self._user(user_id)
        if room_id is None:
            user.device = ""
        else:
            user.rooms.discard(room_id)

    def refuse(self, user_id: str, room_id: str, reason: str) -> Awaitable[None]:
        """Remember for `doctor` that it cannot be there."""
        self._user(user_id).rooms.discard(room_id)
        return self._saved(self._book.save_member(user_id, room_id, reason))

    def named(self) -> dict[str, str]:
        """User id -> display name, of every user that has one."""
        return {user_id: user.name for user_id, user in self._users.items() if user.device and user.name}

    def _user(self, user_id: str) -> User:
        return self._users.setdefault(user_id, User())

    async def _make(self, voice: Voice) -> HomeserverAnswer:
        registered = await self._service.register(voice.user_id[1:].partition(":")[0])
        # The bot exists by the registration file itself; some servers then say that its name is not in a namespace.
        there = ("M_USER_IN_USE", "M_EXCLUSIVE") if voice.user_id == self._bot else ("M_USER_IN_USE",)
        if not registered.ok and registered.errcode not in there:
            return registered
        made = await self._service.make_device(voice, DEVICE_NAME)
        if made.status in (200, 201):
            return READY
        if made.status in (404, 405):  # the server only renames devices there (before MSC4190)
            return await self._service.log_in(voice, DEVICE_NAME)
        return made

    async def _named(self, voice: Voice, user: User, name: str) -> HomeserverAnswer:
        if not name or name == user.name:
            return READY
        answer = await self._homeserver.set_display_name(name, voice=Voice(voice.user_id, ""))
        if _refused(answer):
            log.warning("%s cannot be named %s: %s", voice.user_id, name, answer.error)
        elif not answer.ok:
            return answer
        user.name = name  # also if refused: a server that forbids names is not asked for each event
        await self._saved(self._book.save(voice.user_id, user.device, user.name))
        return READY

    async def _join(self, voice: Voice, room_id: str) -> HomeserverAnswer:
        """An invite is refused for somebody who is there already, so that only the join decides."""
        invited = await self._homeserver.invite(room_id, voice.user_id)
        if not invited.ok and not _refused(invited):
            return invited
        joined = await self._homeserver.join(room_id, voice=Voice(voice.user_id, ""))
        return invited if _refused(joined) and not invited.ok else joined

    async def _saved(self, write: Awaitable[None]) -> None:
        """A full database keeps nobody from speaking: the step is only done again after a restart."""
        try:
            await write
        except StoreError as error:
            log.warning("cannot remember a user of the application service: %s", error.text)


def _refused(answer: HomeserverAnswer) -> bool:
    """The homeserver's own no, which the next try would hear again."""
    return answer.status in (400, 403, 404) and answer.errcode is not None
