"""The watch tells what happened to the rooms, once; nothing typed or hostile moves it."""

import asyncio
import logging
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comatrix.gateway.edges.room_watch import Pause, RoomWatch
from comatrix.gateway.edges.room_watch.changes import changes_untrusted
from comatrix.gateway.edges.room_watch.pause import BETWEEN_S, LONGEST_PAUSE_S
from comatrix.gateway.edges.room_watch.watch import FILTER
from comatrix.gateway.errors import GatewayError, StoreFull, Unreachable
from comatrix.gateway.model import HomeserverAnswer
from tests.gateway.matrix.watching import Clock, Told, shared_room, watching
from tests.support.homeserver import Homeserver
from tests.support.people import Place


async def test_each_change_of_a_room_is_told_once(place: Place) -> None:
    client, person, told = await place.client(), await place.person(), Told()
    watch = watching(client, told, Clock())
    room_id = await shared_room(client, person)
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
    watch = watching(client, told, Clock())
    room_id = await shared_room(client, person)
    await watch.step()
    for text in ("!cx garden led on", "hello"):
        await person.say(room_id, text)
    await watch.step()
    assert told.take() == []


async def test_encryption_is_told_at_the_first_sync_too(place: Place) -> None:
    client, person, told = await place.client(), await place.person(), Told()
    room_id = await shared_room(client, person)
    await person.put_state(room_id, "m.room.encryption", {"algorithm": "m.megolm.v1.aes-sha2"})
    for number in range(120):  # far more than a timeline shows
        await person.say(room_id, str(number))
    await watching(client, told, Clock()).step()
    assert told.take() == [("encrypted", room_id)]


async def test_encryption_in_a_gap_of_the_timeline_is_told(place: Place) -> None:
    client, person, told = await place.client(), await place.person(), Told()
    room_id = await shared_room(client, person)
    watch = watching(client, told, Clock())
    await watch.step()
    await person.put_state(room_id, "m.room.encryption", {"algorithm": "m.megolm.v1.aes-sha2"})
    for number in range(120):
        await person.say(room_id, str(number))
    await watch.step()
    assert told.take() == [("encrypted", room_id)]


async def test_it_knows_since_when_no_news_come(memory: Place, homeserver: Homeserver) -> None:
    client, clock = await memory.client(), Clock()
    watch = watching(client, Told(), clock)
    await watch.step()
    assert watch.silence.told(0) is None
    homeserver.down = True
    clock.now_ms = 5_000
    for _ in range(3):
        await clock.sleep(await watch.step())
    told = watch.silence.told(1_000_000)
    assert told is not None and told["since_ms"] == 1_005_000 and "cannot connect" in told["why"]
    assert not told["refused"]
    homeserver.down = False
    await watch.step()
    assert watch.silence.told(0) is None


async def test_a_refusal_is_no_outage(memory: Place, homeserver: Homeserver) -> None:
    client = await memory.client()
    watch = watching(client, Told(), Clock())
    homeserver.expire_tokens(client.user_id, soft=False)
    await watch.step()
    told = watch.silence.told(0)
    assert told is not None and told["refused"]


async def test_an_outage_is_one_line_and_longer_pauses(
    memory: Place, homeserver: Homeserver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="comatrix")
    watch = watching(await memory.client(), Told(), Clock(), timeout_ms=0)
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
    watch = watching(await memory.client(), Told(), Clock())
    homeserver.fail("limit", path="/sync", retry_after_ms=7000)
    assert await watch.step() == 7.0


async def test_a_change_during_an_outage_is_told_after_it(memory: Place, homeserver: Homeserver) -> None:
    client, person, told = await memory.client(), await memory.person(), Told()
    room_id = await shared_room(client, person)
    watch = watching(client, told, Clock())
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
    room_id = await shared_room(client, person)
    watch = watching(client, told, Clock())
    await watch.step()
    homeserver.fail("error", path="/sync", status=400)
    await watch.step()
    await person.put_state(room_id, "m.room.encryption", {"algorithm": "m.megolm.v1.aes-sha2"})
    await watch.step()
    assert told.take() == [("encrypted", room_id)]


@pytest.mark.parametrize("error", [StoreFull("not now", "df -h"), Unreachable("not now", "comatrix doctor")], ids=type)
async def test_what_is_not_taken_is_told_again(
    memory: Place, caplog: pytest.LogCaptureFixture, error: GatewayError
) -> None:
    class Forgetful(Told):
        full = False

        async def encrypted(self, room_id: str) -> None:
            if self.full:
                raise error
            await super().encrypted(room_id)

    client, person, told = await memory.client(), await memory.person(), Forgetful()
    room_id = await shared_room(client, person)
    watch = watching(client, told, Clock(), timeout_ms=0)
    await watch.step()
    told.full = True
    await person.put_state(room_id, "m.room.encryption", {"algorithm": "m.megolm.v1.aes-sha2"})
    assert [await watch.step(), await watch.step()] == [1.0, 2.0]
    assert told.take() == [] and not told.follows  # so that the poster asks about each room itself
    told.full = False
    await watch.step()
    assert told.take() == [("encrypted", room_id)] and told.follows
    assert caplog.messages == ["cannot follow the rooms: not now"]


def test_encryption_is_told_before_anything_that_may_send() -> None:
    join = {"type": "m.room.member", "state_key": "@bot:hs", "content": {"membership": "join"}}
    levels = {"type": "m.room.power_levels", "state_key": "", "content": {}}
    encryption = {"type": "m.room.encryption", "state_key": "", "content": {}}
    join_part = {"!a": {"timeline": {"events": [levels]}}, "!b": {"timeline": {"events": [join, encryption]}}}
    changes = changes_untrusted({"rooms": {"join": join_part}}, "@bot:hs", first=False)
    assert [(change.kind, change.room_id) for change in changes] == [
        ("encrypted", "!b"),
        ("power", "!a"),
        ("joined", "!b"),
    ]


def test_what_people_write_into_a_room_is_short_and_on_one_line_for_the_operator() -> None:
    hostile = "x\n12:00:00 WARNING all is well \x1b[2J" + 70_000 * "x"
    kick = {
        "type": "m.room.member",
        "state_key": "@bot:hs",
        "content": {"membership": "ban", "reason": hostile},
    }
    tombstone = {
        "type": "m.room.tombstone",
        "state_key": "",
        "sender": "@eve:hs" + hostile,
        "content": {"replacement_room": "!" + hostile},
    }
    invite = {
        "type": "m.room.member",
        "state_key": "@bot:hs",
        "sender": "@eve:" + hostile,
        "content": {"membership": "invite"},
    }
    rooms = {
        "leave": {"!left": {"timeline": {"events": [kick]}}},
        "join": {"!closed": {"timeline": {"events": [tombstone]}}},
        "invite": {"!new": {"invite_state": {"events": [invite]}}},
    }
    changes = list(changes_untrusted({"rooms": rooms}, "@bot:hs", first=False))
    assert {change.kind for change in changes} == {"left", "upgraded", "invited"}
    for change in changes:
        for text in (change.detail, change.reason):
            assert len(text) <= 64 and text.isprintable()
    assert next(change.detail for change in changes if change.kind == "upgraded") == ""


async def test_it_runs_until_it_is_cancelled(memory: Place) -> None:
    client, person, told = await memory.client(), await memory.person(), Told()
    room_id = await shared_room(client, person)
    task = asyncio.create_task(watching(client, told, Clock()).run())
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

        async def messages(self, *_: object, **_named: object) -> HomeserverAnswer:
            raise AssertionError

        async def join(self, *_: object) -> HomeserverAnswer:
            raise AssertionError

        async def leave(self, *_: object) -> HomeserverAnswer:
            raise AssertionError

    clock = Clock()
    watch = RoomWatch(Broken(), Told(), now=clock, sleep=clock.sleep)
    assert [await watch.step(), await watch.step()] == [1.0, 2.0]
