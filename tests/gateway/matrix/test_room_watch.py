"""The watch tells what happened to the rooms, once, and answers invites; nothing typed or hostile moves it."""

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comatrix.gateway.edges.matrix import MatrixClient
from comatrix.gateway.edges.room_watch import (
    BETWEEN_S,
    DECLINES_A_MINUTE,
    FILTER,
    INVITE_WAIT_MS,
    LONGEST_PAUSE_S,
    MAX_WAITING,
    REASON_ENCRYPTED,
    REASON_NOT_CONFIGURED,
    Declines,
    Pause,
    RoomWatch,
    changes_untrusted,
)
from comatrix.gateway.model import HomeserverAnswer
from tests.support.homeserver import Homeserver
from tests.support.people import Person, Place


@dataclass(slots=True)
class Told:
    """Writes down what it is told."""

    configured: set[str] = field(default_factory=set)
    seen: list[tuple[str, ...]] = field(default_factory=list)
    follows: bool = False
    settlings: int = 0

    def is_configured(self, room_id: str) -> bool:
        return room_id in self.configured

    def following(self, follows: bool) -> None:
        self.follows = follows

    async def encrypted(self, room_id: str) -> None:
        self.seen.append(("encrypted", room_id))

    async def joined(self, room_id: str) -> None:
        self.seen.append(("joined", room_id))

    async def left(self, room_id: str, membership: str, reason: str) -> None:
        self.seen.append(("left", room_id, membership, reason))

    async def upgraded(self, room_id: str, replacement: str, via: str) -> None:
        self.seen.append(("upgraded", room_id, replacement, via))

    async def power_changed(self, room_id: str) -> None:
        self.seen.append(("power", room_id))

    async def settled(self) -> None:
        self.settlings += 1

    def take(self) -> list[tuple[str, ...]]:
        """What was told since the last time."""
        seen, self.seen = self.seen, []
        return seen


class Clock:
    """Time that a test moves."""

    def __init__(self) -> None:
        self.now_ms = 0

    def __call__(self) -> int:
        return self.now_ms

    async def sleep(self, seconds: float) -> None:
        self.now_ms += int(seconds * 1000)
        await asyncio.sleep(0)


def _watch(client: MatrixClient, told: Told, clock: Clock, timeout_ms: int = 2000) -> RoomWatch:
    return RoomWatch(client, told, now=clock, sleep=clock.sleep, timeout_ms=timeout_ms)


async def _shared_room(client: MatrixClient, person: Person) -> str:
    """A room of the person's, with the bot in it."""
    room_id = await person.create_room(name="garden", invite=[client.user_id])
    assert (await client.join(room_id)).ok
    return room_id


async def test_each_change_of_a_room_is_told_once(place: Place) -> None:
    client, person, told = await place.client(), await place.person(), Told()
    watch = _watch(client, told, Clock())
    room_id = await _shared_room(client, person)
    await watch.step()
    assert told.take() == []

    levels = (await person.client.state_event(room_id, "m.room.power_levels")).body
    await person.put_state(room_id, "m.room.power_levels", {**(levels or {}), "state_default": 51})
    await watch.step()
    assert told.take() == [("power", room_id)]

    await person.put_state(room_id, "m.room.encryption", {"algorithm": "m.megolm.v1.aes-sha2"})
    await watch.step()
    assert told.take() == [("encrypted", room_id)]

    await person.put_state(room_id, "m.room.tombstone", {"body": "moved", "replacement_room": "!new"})
    await watch.step()
    assert told.take() == [("upgraded", room_id, "!new", "localhost")]

    await person.kick(room_id, client.user_id, "begone")
    await watch.step()
    assert told.take() == [("left", room_id, "leave", "begone")]


async def test_what_is_typed_is_not_told(place: Place) -> None:
    client, person, told = await place.client(), await place.person(), Told()
    watch = _watch(client, told, Clock())
    room_id = await _shared_room(client, person)
    await watch.step()
    for text in ("!cx garden led on", "hello"):
        await person.say(room_id, text)
    await watch.step()
    assert told.take() == []


async def test_encryption_is_told_at_the_first_sync_too(place: Place) -> None:
    client, person, told = await place.client(), await place.person(), Told()
    room_id = await _shared_room(client, person)
    await person.put_state(room_id, "m.room.encryption", {"algorithm": "m.megolm.v1.aes-sha2"})
    for number in range(120):  # far more than a timeline shows
        await person.say(room_id, str(number))
    await _watch(client, told, Clock()).step()
    assert told.take() == [("encrypted", room_id)]


async def test_encryption_in_a_gap_of_the_timeline_is_told(place: Place) -> None:
    client, person, told = await place.client(), await place.person(), Told()
    room_id = await _shared_room(client, person)
    watch = _watch(client, told, Clock())
    await watch.step()
    await person.put_state(room_id, "m.room.encryption", {"algorithm": "m.megolm.v1.aes-sha2"})
    for number in range(120):
        await person.say(room_id, str(number))
    await watch.step()
    assert told.take() == [("encrypted", room_id)]


async def test_an_invite_to_a_configured_room_is_accepted(place: Place) -> None:
    client, person, told = await place.client(), await place.person(), Told()
    watch = _watch(client, told, Clock())
    await watch.step()
    room_id = await person.create_room(name="garden")
    told.configured.add(room_id)
    assert (await person.client.invite(room_id, client.user_id)).ok
    await watch.step()
    await watch.step()
    assert set(told.take()) == {("joined", room_id), ("power", room_id)}  # a new room brings its whole state


async def test_another_invite_is_declined_with_a_reason(place: Place) -> None:
    client, person, told = await place.client(), await place.person(), Told()
    room_id = await person.create_room(name="elsewhere", invite=[client.user_id])
    clock = Clock()
    watch = _watch(client, told, clock)
    await watch.step()  # an invite that waits since before the start
    clock.now_ms += INVITE_WAIT_MS
    await watch.step()
    member = await person.client.state_event(room_id, "m.room.member", client.user_id)
    assert member.body is not None
    assert (member.body["membership"], member.body["reason"]) == ("leave", REASON_NOT_CONFIGURED)


async def test_an_invite_waits_until_a_node_is_bound_to_its_room(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="comatrix")
    client, person, told = await place.client(), await place.person(), Told()
    clock = Clock()
    watch = _watch(client, told, clock)
    await watch.step()
    room_id = await person.create_room(name="garden", invite=[client.user_id])
    await watch.step()
    assert f"comatrix node add NAME --room {room_id}" in caplog.text
    assert (await client.join(room_id)).ok  # what `node add` does
    told.configured.add(room_id)
    clock.now_ms += INVITE_WAIT_MS
    await watch.step()
    member = await person.client.state_event(room_id, "m.room.member", client.user_id)
    assert member.body is not None and member.body["membership"] == "join"


async def test_an_invite_to_an_encrypted_room_is_declined_even_if_configured(place: Place) -> None:
    client, person, told = await place.client(), await place.person(), Told()
    encryption = {"type": "m.room.encryption", "state_key": "", "content": {"algorithm": "m.megolm.v1.aes-sha2"}}
    room_id = await person.create_room(name="secret", initial_state=[encryption])
    told.configured.add(room_id)
    assert (await person.client.invite(room_id, client.user_id)).ok
    await _watch(client, told, Clock()).step()
    member = await person.client.state_event(room_id, "m.room.member", client.user_id)
    assert member.body is not None
    assert (member.body["membership"], member.body["reason"]) == ("leave", REASON_ENCRYPTED)


async def test_at_most_ten_invites_a_minute_are_declined(memory: Place, homeserver: Homeserver) -> None:
    client, person, clock = await memory.client(), await memory.person(), Clock()
    for number in range(25):
        await person.create_room(name=str(number), invite=[client.user_id])
    watch = _watch(client, Told(), clock, timeout_ms=0)
    declined = []
    await watch.step()
    for minute in range(4):
        clock.now_ms = INVITE_WAIT_MS + minute * 60_000
        await watch.step()
        await watch.step()
        declined.append(sum(room.membership(client.user_id) == "leave" for room in homeserver.rooms.values()))
    assert declined == [10, 20, 25, 25]


async def test_an_outage_while_answering_an_invite_is_made_good(memory: Place, homeserver: Homeserver) -> None:
    client, person, told = await memory.client(), await memory.person(), Told()
    wanted = await person.create_room(name="garden", invite=[client.user_id])
    other = await person.create_room(name="elsewhere", invite=[client.user_id])
    told.configured.add(wanted)
    clock = Clock()
    watch = _watch(client, told, clock, timeout_ms=0)
    homeserver.fail("html", path="/join/")
    homeserver.fail("limit", path="/leave")
    await watch.step()
    assert {room.membership(client.user_id) for room in homeserver.rooms.values()} == {"invite"}
    clock.now_ms += INVITE_WAIT_MS
    await watch.step()
    assert homeserver.rooms[wanted].membership(client.user_id) == "join"
    assert homeserver.rooms[other].membership(client.user_id) == "invite"
    await watch.step()
    assert homeserver.rooms[other].membership(client.user_id) == "leave"


async def test_an_outage_is_one_line_and_longer_pauses(
    memory: Place, homeserver: Homeserver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="comatrix")
    watch = _watch(await memory.client(), Told(), Clock(), timeout_ms=0)
    await watch.step()
    homeserver.down = True
    pauses = [await watch.step() for _ in range(12)]
    assert pauses[:4] == [1.0, 2.0, 4.0, 8.0]
    assert pauses[-1] == LONGEST_PAUSE_S == 60.0
    homeserver.down = False
    assert [await watch.step(), await watch.step()] == [BETWEEN_S, BETWEEN_S]
    assert caplog.messages == [
        "cannot follow the rooms: cannot connect to http://localhost: Connection refused",
        "following the rooms again",
    ]


async def test_a_limited_sync_waits_as_long_as_it_was_told(memory: Place, homeserver: Homeserver) -> None:
    watch = _watch(await memory.client(), Told(), Clock())
    homeserver.fail("limit", path="/sync", retry_after_ms=7000)
    assert await watch.step() == 7.0


async def test_a_change_during_an_outage_is_told_after_it(memory: Place, homeserver: Homeserver) -> None:
    client, person, told = await memory.client(), await memory.person(), Told()
    room_id = await _shared_room(client, person)
    watch = _watch(client, told, Clock())
    assert not told.follows
    await watch.step()
    assert told.follows
    homeserver.fail("html", path="/sync")
    await person.put_state(room_id, "m.room.encryption", {"algorithm": "m.megolm.v1.aes-sha2"})
    await watch.step()
    assert told.take() == [] and not told.follows
    await watch.step()
    assert told.take() == [("encrypted", room_id)] and told.follows


async def test_a_token_the_server_forgot_is_replaced(memory: Place, homeserver: Homeserver) -> None:
    client, person, told = await memory.client(), await memory.person(), Told()
    room_id = await _shared_room(client, person)
    watch = _watch(client, told, Clock())
    await watch.step()
    homeserver.fail("error", path="/sync", status=400)
    await watch.step()
    await person.put_state(room_id, "m.room.encryption", {"algorithm": "m.megolm.v1.aes-sha2"})
    await watch.step()
    assert told.take() == [("encrypted", room_id)]


async def test_it_runs_until_it_is_cancelled(memory: Place) -> None:
    client, person, told = await memory.client(), await memory.person(), Told()
    room_id = await _shared_room(client, person)
    task = asyncio.create_task(_watch(client, told, Clock()).run())
    await asyncio.sleep(0.05)
    await person.put_state(room_id, "m.room.encryption", {"algorithm": "m.megolm.v1.aes-sha2"})
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert told.take() == [("encrypted", room_id)]


async def test_what_was_mended_ends_a_pause_after_its_first_second() -> None:
    clock = Clock()
    asleep: list[float] = []

    async def sleep(seconds: float) -> None:
        asleep.append(seconds)
        clock.now_ms += int(seconds * 1000)
        if seconds > 1:
            await asyncio.Event().wait()

    pause = Pause(sleep)
    task = asyncio.create_task(pause(60.0))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not task.done()
    pause.cut()
    await asyncio.wait_for(task, 5)
    assert asleep == [1.0, 59.0]
    pause.cut()  # of a pause that is over: the next one is whole
    task = asyncio.create_task(pause(60.0))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not task.done()
    task.cancel()


async def test_a_pause_ends_by_itself() -> None:
    clock = Clock()
    pause = Pause(clock.sleep)
    await pause(BETWEEN_S)
    await pause(60.0)
    assert clock.now_ms == 60_200


def test_the_filter_hides_no_sender() -> None:
    assert "not_senders" not in str(FILTER)


def test_waiting_declines_are_bounded() -> None:
    declines = Declines()
    for number in range(10 * MAX_WAITING):
        declines.add(f"!{number}", "no")
        declines.add("!0", "no")
    assert len(declines.waiting) == MAX_WAITING
    assert len([now for now in range(1000) if declines.next(now) is not None]) == DECLINES_A_MINUTE


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)
NAMES = ["rooms", "join", "leave", "invite", "state", "timeline", "invite_state", "events", "type", "content"]


def _nested(names: Iterable[str], leaf: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    for name in names:
        leaf = st.builds(lambda value, name=name: {name: value}, leaf | JSON)
    return leaf


EVENTS = st.lists(
    st.dictionaries(
        st.sampled_from(["type", "state_key", "content", "sender"]), st.sampled_from(["m.room.member", ""]) | JSON
    )
)


@given(
    _nested(["events", "timeline", "!r", "join", "rooms"], EVENTS)
    | _nested(["events", "timeline", "!r", "leave", "rooms"], EVENTS)
    | _nested(["events", "invite_state", "!r", "invite", "rooms"], EVENTS)
    | st.dictionaries(st.sampled_from(NAMES), JSON)
)
def test_no_answer_of_a_server_breaks_it(body: dict[str, Any]) -> None:
    for change in changes_untrusted(body, "@bot:hs", first=False):
        assert change.kind in ("encrypted", "joined", "left", "upgraded", "power", "invited")


@pytest.mark.parametrize("body", [{}, {"next_batch": 7}])
async def test_an_answer_without_a_token_is_a_failure(body: dict[str, Any]) -> None:
    class Broken:
        user_id = "@bot:hs"

        async def sync(self, *_: object) -> HomeserverAnswer:
            return HomeserverAnswer(200, body)

        async def join(self, *_: object) -> HomeserverAnswer:
            raise AssertionError

        async def leave(self, *_: object) -> HomeserverAnswer:
            raise AssertionError

    clock = Clock()
    watch = RoomWatch(Broken(), Told(), now=clock, sleep=clock.sleep)
    assert [await watch.step(), await watch.step()] == [1.0, 2.0]
