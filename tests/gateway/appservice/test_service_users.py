"""Each step for a user is done once, in order; what the homeserver refuses comes back as it is."""

from typing import Any

import pytest

from comatrix.gateway.edges.appservice.users import ServiceUsers
from comatrix.gateway.errors import StoreError
from comatrix.gateway.model import HomeserverAnswer, Voice

BOT, GHOST = Voice("@cx:localhost", "COMATRIX"), Voice("@cx_node_7:localhost", "COMATRIX")
ROOM = "!garden:localhost"
OK = HomeserverAnswer(200, {})


def refused(status: int, errcode: str) -> HomeserverAnswer:
    return HomeserverAnswer(status, {"errcode": errcode}, errcode, "in words")


LOST = HomeserverAnswer(None, error="timed out")


class Server:
    """Answers each call with what a test set for it, 200 if nothing."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.answers: dict[str, HomeserverAnswer] = {}

    def _said(self, call: str) -> HomeserverAnswer:
        self.calls.append(call)
        return self.answers.get(call, OK)

    async def register(self, localpart: str) -> HomeserverAnswer:
        return self._said("register")

    async def make_device(self, voice: Voice, display_name: str) -> HomeserverAnswer:
        return self._said("device")

    async def log_in(self, voice: Voice, display_name: str) -> HomeserverAnswer:
        assert voice.device_id == "COMATRIX"
        return self._said("login")

    async def set_display_name(self, name: str, *, voice: Voice | None = None) -> HomeserverAnswer:
        assert voice is not None and voice.device_id == "", "the device may be gone"
        return self._said(f"name {name}")

    async def invite(self, room_id: str, user_id: str) -> HomeserverAnswer:
        return self._said("invite")

    async def join(self, room: str, *, voice: Voice | None = None) -> HomeserverAnswer:
        assert voice is not None and voice.device_id == "", "the device may be gone"
        return self._said("join")


class Book:
    """In memory. `full`: nothing can be written."""

    def __init__(self) -> None:
        self.saved: list[Any] = []
        self.full = False

    async def begin(self) -> None:
        pass

    def users(self) -> dict[str, tuple[str, str]]:
        return {}

    def joined(self) -> dict[str, set[str]]:
        return {}

    async def save(self, *row: Any) -> None:
        self._keep(row)

    async def save_member(self, *row: Any) -> None:
        self._keep(row)

    def _keep(self, row: Any) -> None:
        if self.full:
            raise StoreError("full")
        self.saved.append(row)


class World:
    def __init__(self) -> None:
        self.server = Server()
        self.book = Book()
        self.users = ServiceUsers(self.server, self.server, self.book, BOT.user_id)

    async def prepare(self, voice: Voice = GHOST, name: str = "garden") -> HomeserverAnswer:
        answer = await self.users.ready(voice, name)
        return await self.users.bring(voice, ROOM) if answer.ok else answer


@pytest.fixture
def world() -> World:
    return World()


EVERYTHING = ["register", "device", "name garden", "invite", "join"]


async def test_every_step_is_done_in_order_and_once(world: World) -> None:
    assert (await world.prepare()).ok
    assert world.server.calls == EVERYTHING
    assert (await world.prepare()).ok
    assert world.server.calls == EVERYTHING


async def test_a_user_that_is_there_is_fine(world: World) -> None:
    world.server.answers["register"] = refused(400, "M_USER_IN_USE")
    world.server.answers["device"] = HomeserverAnswer(201)
    assert (await world.prepare()).ok


@pytest.mark.parametrize(
    "unsupported", [refused(404, "M_NOT_FOUND"), refused(404, "M_UNRECOGNIZED"), refused(405, "M_UNRECOGNIZED")]
)
async def test_where_devices_cannot_be_made_a_login_makes_them(world: World, unsupported: HomeserverAnswer) -> None:
    world.server.answers["device"] = unsupported
    assert (await world.prepare()).ok
    assert world.server.calls == ["register", "device", "login", "name garden", "invite", "join"]


@pytest.mark.parametrize("step", ["register", "device", "name garden", "invite", "join"])
@pytest.mark.parametrize(
    "answer", [LOST, refused(429, "M_LIMIT_EXCEEDED"), refused(401, "M_UNKNOWN_TOKEN"), HomeserverAnswer(502)]
)
async def test_a_step_without_success_ends_there_and_is_tried_again(
    world: World, step: str, answer: HomeserverAnswer
) -> None:
    world.server.answers[step] = answer
    assert await world.prepare() == answer
    assert world.server.calls[-1] == step
    world.server.answers.clear()
    world.server.calls.clear()
    assert (await world.prepare()).ok
    done = EVERYTHING.index(step)
    first = {0: 0, 1: 0, 2: 2, 3: 3, 4: 3}[done]
    assert world.server.calls == EVERYTHING[first:]


async def test_a_name_outside_the_namespace_is_refused_for_a_ghost_and_not_for_the_bot(world: World) -> None:
    world.server.answers["register"] = refused(400, "M_EXCLUSIVE")
    assert (await world.prepare()).errcode == "M_EXCLUSIVE"
    assert (await world.users.ready(BOT)).ok


async def test_a_name_that_is_refused_keeps_nobody_from_speaking(world: World) -> None:
    world.server.answers["name garden"] = refused(403, "M_FORBIDDEN")
    assert (await world.prepare()).ok
    assert (await world.prepare()).ok
    assert world.server.calls.count("name garden") == 1


async def test_one_who_is_in_the_room_cannot_be_invited_and_joins_all_the_same(world: World) -> None:
    world.server.answers["invite"] = refused(403, "M_FORBIDDEN")
    assert (await world.prepare()).ok


async def test_of_two_refusals_the_invites_is_told_since_it_says_more(world: World) -> None:
    world.server.answers["invite"] = refused(403, "M_FORBIDDEN")
    world.server.answers["join"] = HomeserverAnswer(403, {}, "M_FORBIDDEN", "not invited")
    assert (await world.prepare()).error == "in words"


async def test_what_was_forgotten_is_done_again_and_nothing_else(world: World) -> None:
    await world.prepare()
    world.server.calls.clear()
    world.users.forget(GHOST.user_id, ROOM)
    await world.prepare()
    assert world.server.calls == ["invite", "join"]
    world.server.calls.clear()
    world.users.forget(GHOST.user_id, None)
    await world.prepare()
    assert world.server.calls == ["register", "device"]


async def test_a_full_database_keeps_nobody_from_speaking(world: World) -> None:
    world.book.full = True
    assert (await world.prepare()).ok
    assert (await world.prepare()).ok
    assert world.server.calls == EVERYTHING
