"""What people type is heard once: after the stored token, through gaps and restarts, and never what is older."""

import asyncio
from collections.abc import Sequence

import pytest

from comatrix.gateway.downlink.hearing import Missed, News, Redacted, Said
from comatrix.gateway.edges.matrix import MatrixClient
from comatrix.gateway.edges.room_watch.gaps import MAX_PAGES
from comatrix.gateway.edges.room_watch.watch import KEEP_TOKEN_MS
from comatrix.gateway.errors import StoreFull
from tests.gateway.matrix.watching import Clock, Told, shared_room, watching
from tests.support.homeserver import Homeserver
from tests.support.people import Person, Place


class Garden:
    """A room with a person and the bot in it, and a gateway that can be away."""

    def __init__(self, place: Place, client: MatrixClient, person: Person, room_id: str) -> None:
        self.place = place
        self.client = client
        self.person = person
        self.room_id = room_id
        self.told = Told()
        self.clock = Clock()
        self.begin(None)

    def begin(self, since: str | None) -> None:
        """A run of the gateway, with the token that it finds."""
        self.watch = watching(self.client, self.told, self.clock, timeout_ms=500, since=since)

    async def restart(self) -> None:
        """With the token that was stored last; looks at its rooms, then goes on."""
        self.begin(self.told.stored[-1])
        await self.watch.step()
        await self.watch.step()

    async def say(self, texts: Sequence[str]) -> None:
        for text in texts:
            await self.person.say(self.room_id, text)

    async def write_many(self, count: int) -> list[str]:
        """One after the other, by one connection -> the texts."""
        texts = [str(number) for number in range(count)]
        for text in texts:
            content = f'{{"msgtype":"m.text","body":"{text}"}}'.encode()
            assert (await self.person.client.send_event(self.room_id, "m.room.message", f"t{text}", content)).ok
        return texts


@pytest.fixture
async def garden(place: Place) -> Garden:
    client, person = await place.client(), await place.person()
    return Garden(place, client, person, await shared_room(client, person))


async def test_what_is_typed_is_heard_once_and_in_order(garden: Garden) -> None:
    await garden.watch.step()
    await garden.say(["get garden interval", "set garden interval 60"])
    await garden.watch.step()
    await garden.watch.step()
    assert garden.told.texts() == ["get garden interval", "set garden interval 60"]


async def test_the_first_answer_is_a_token_and_nothing_else(garden: Garden) -> None:
    await garden.say(["set garden interval 60"])
    await garden.watch.step()
    assert garden.told.news == [] and len(garden.told.stored) == 1
    await garden.say(["get garden interval"])
    await garden.watch.step()
    assert garden.told.texts() == ["get garden interval"]


async def test_what_was_typed_while_the_gateway_was_away_is_heard(garden: Garden) -> None:
    await garden.watch.step()
    await garden.say(["set garden interval 60"])
    await garden.restart()
    assert garden.told.texts() == ["set garden interval 60"]
    await garden.restart()
    assert garden.told.texts() == []


async def test_a_run_looks_at_all_rooms_first_and_stores_no_token_of_that(garden: Garden) -> None:
    await garden.watch.step()
    await garden.person.put_state(garden.room_id, "m.room.tombstone", {"body": "moved", "replacement_room": "!new"})
    await garden.say(["get garden interval"])
    await garden.watch.step()
    assert garden.told.take() == [("upgraded", garden.room_id, "!new", "localhost")]
    assert garden.told.texts() == ["get garden interval"] and len(garden.told.stored) == 2
    for _ in range(2):  # whoever follows that room keeps nothing of it: each run is told
        garden.begin(garden.told.stored[-1])
        await garden.watch.step()
        assert garden.told.take() == [("upgraded", garden.room_id, "!new", "localhost")]
        assert garden.told.news == [] and len(garden.told.stored) == 2


async def test_a_replayed_answer_brings_the_same_events(garden: Garden) -> None:
    await garden.watch.step()
    token = garden.told.stored[-1]
    await garden.say(["set garden interval 60"])
    await garden.watch.step()
    first, garden.told.news = garden.told.news, []
    garden.told.stored.append(token)
    await garden.restart()  # as if the newer token had been lost: what is known is known by its event id
    assert garden.told.news == first and isinstance(first[0], Said) and first[0].event_id.startswith("$")


async def test_a_gap_of_200_is_heard_whole_and_in_order(garden: Garden) -> None:
    await garden.watch.step()
    texts = await garden.write_many(300)
    await garden.watch.step()
    assert garden.told.texts() == texts
    await garden.say(["last"])
    await garden.watch.step()
    assert garden.told.texts() == ["last"]


async def test_after_a_gap_of_200_nothing_that_was_heard_comes_again(garden: Garden) -> None:
    await garden.watch.step()
    await garden.say(["old 1", "old 2"])
    await garden.watch.step()
    assert garden.told.texts() == ["old 1", "old 2"]
    texts = await garden.write_many(150)
    await garden.watch.step()
    assert garden.told.texts() == texts


async def test_of_1500_none_is_heard_and_that_is_told(memory: Place, homeserver: Homeserver) -> None:
    client, person = await memory.client(), await memory.person()
    garden = Garden(memory, client, person, await shared_room(client, person))
    other = await shared_room(client, person)
    await garden.watch.step()
    await garden.write_many(1_500)
    await person.say(other, "get garden interval")
    await garden.watch.step()
    (missed,) = [one for one in garden.told.news if isinstance(one, Missed)]
    assert missed.room_id == garden.room_id and 1_000 < missed.count_at_least <= 1_500
    assert garden.told.texts() == ["get garden interval"]  # another room's news are none of that
    pages = [path for _, path in homeserver.requests if path.endswith("/messages")]
    assert len(pages) == 11
    await garden.say(["set garden interval 60"])
    await garden.watch.step()
    assert garden.told.texts() == ["set garden interval 60"]


async def test_an_old_command_from_before_the_join_is_not_heard(place: Place) -> None:
    client, person, told = await place.client(), await place.person(), Told()
    watch = watching(client, told, Clock(), timeout_ms=500)
    await watch.step()
    room_id = await person.create_room(name="garden", invite=[client.user_id])
    await person.say(room_id, "set garden interval 1")
    assert (await client.join(room_id)).ok
    await person.say(room_id, "set garden interval 2")
    await watch.step()
    assert told.texts() == ["set garden interval 2"]


async def test_nor_what_is_left_out_before_the_join(memory: Place, homeserver: Homeserver) -> None:
    client, person, told = await memory.client(), await memory.person(), Told()
    watch = watching(client, told, Clock(), timeout_ms=500)
    await watch.step()
    room_id = await person.create_room(name="garden", invite=[client.user_id])
    for number in range(150):
        await person.say(room_id, str(number))
    assert (await client.join(room_id)).ok
    await person.say(room_id, "get garden interval")
    await watch.step()
    assert told.texts() == ["get garden interval"]
    assert not [path for _, path in homeserver.requests if path.endswith("/messages")]


async def test_nor_where_the_join_stands_in_a_gap(place: Place) -> None:
    client, person, told = await place.client(), await place.person(), Told()
    watch = watching(client, told, Clock(), timeout_ms=500)
    await watch.step()
    room_id = await person.create_room(name="garden", invite=[client.user_id])
    await person.say(room_id, "set garden interval 1")
    assert (await client.join(room_id)).ok
    texts = [str(number) for number in range(130)]
    for text in texts:
        await person.say(room_id, text)
    await watch.step()
    assert told.texts() == texts


async def test_who_came_back_hears_nothing_of_when_it_was_away(place: Place) -> None:
    client, person, told = await place.client(), await place.person(), Told()
    room_id = await shared_room(client, person)
    watch = watching(client, told, Clock(), timeout_ms=500)
    await watch.step()
    await person.kick(room_id, client.user_id)
    await person.say(room_id, "set garden interval 1")
    assert (await person.client.invite(room_id, client.user_id)).ok
    assert (await client.join(room_id)).ok
    await person.say(room_id, "set garden interval 2")
    await watch.step()
    assert told.texts() == ["set garden interval 2"]


async def test_edits_replies_threads_and_redactions_are_told_as_what_they_are(garden: Garden) -> None:
    await garden.watch.step()
    person, room_id = garden.person, garden.room_id
    first = await person.say(room_id, "set garden interval 60")
    edit = {"m.relates_to": {"rel_type": "m.replace", "event_id": first}}
    await person.say(room_id, "* x", **edit, **{"m.new_content": {"msgtype": "m.text", "body": "x"}})
    await person.say(room_id, "> q\n\nreply", **{"m.relates_to": {"m.in_reply_to": {"event_id": first}}})
    await person.say(room_id, "aside", **{"m.relates_to": {"rel_type": "m.thread", "event_id": first}})
    await person.say(room_id, "bot: hello", **{"m.mentions": {"user_ids": [garden.client.user_id]}})
    await person.say(room_id, "seen", msgtype="m.notice")
    await garden.watch.step()
    said = [one for one in garden.told.news if isinstance(one, Said)]
    assert [(one.text, one.edited, one.reply_to, one.thread, one.mentions_us) for one in said] == [
        ("set garden interval 60", False, None, None, False),
        ("x", True, None, None, False),
        ("reply", False, first, None, False),
        ("aside", False, None, first, False),
        ("bot: hello", False, None, None, True),
    ]
    assert {one.sender for one in said} == {person.user_id} and all(one.origin_ms > 0 for one in said)


@pytest.mark.parametrize("version", ["10", "11", "12"])
async def test_what_is_taken_back_is_heard(place: Place, version: str) -> None:
    client, person, told = await place.client(), await place.person(), Told()
    room_id = await person.create_room(invite=[client.user_id], room_version=version)
    assert (await client.join(room_id)).ok
    watch = watching(client, told, Clock(), timeout_ms=500)
    await watch.step()
    first = await person.say(room_id, "set garden interval 60")
    await watch.step()
    assert told.texts() == ["set garden interval 60"]
    redaction = await person.redact(room_id, first)
    second = await person.redact(room_id, await person.say(room_id, "gone before it was heard"))
    await watch.step()
    redacted = [(one.event_id, one.sender) for one in told.news if isinstance(one, Redacted)]
    assert redacted == [(redaction, person.user_id), (second, person.user_id)]
    assert isinstance(told.news[0], Redacted) and told.news[0].redacts == first
    assert told.texts() == []


async def test_while_nothing_is_said_the_token_is_stored_once_a_minute(memory: Place) -> None:
    client, person = await memory.client(), await memory.person()
    garden = Garden(memory, client, person, await shared_room(client, person))
    await garden.watch.step()
    for number in range(12):  # news of no person: the token moves
        garden.clock.now_ms += KEEP_TOKEN_MS // 6
        await garden.person.put_state(garden.room_id, "m.room.power_levels", {"users_default": 100, "kick": number})
        await garden.watch.step()
    assert len(garden.told.stored) == 1 + 2
    quiet = watching(client, garden.told, garden.clock, timeout_ms=0, since=garden.told.stored[-1])
    for _ in range(3):  # a token that stays is not stored again
        garden.clock.now_ms += KEEP_TOKEN_MS
        await quiet.step()
    assert len(garden.told.stored) == 1 + 2


async def test_a_token_the_server_forgot_costs_what_was_said_meanwhile(memory: Place, homeserver: Homeserver) -> None:
    client, person = await memory.client(), await memory.person()
    garden = Garden(memory, client, person, await shared_room(client, person))
    await garden.watch.step()
    garden.begin("nonsense")
    await garden.say(["set garden interval 60"])
    await garden.watch.step()
    assert await garden.watch.step() >= 1.0  # 400
    await garden.watch.step()
    assert garden.told.news == [] and len(garden.told.stored) == 2
    await garden.say(["get garden interval"])
    await garden.watch.step()
    assert garden.told.texts() == ["get garden interval"]


async def test_a_refusal_of_the_look_at_all_rooms_costs_no_token(memory: Place, homeserver: Homeserver) -> None:
    client, person = await memory.client(), await memory.person()
    garden = Garden(memory, client, person, await shared_room(client, person))
    await garden.watch.step()
    await garden.say(["set garden interval 60"])
    homeserver.fail("error", path="/sync", status=400)
    garden.begin(garden.told.stored[-1])
    for _ in range(3):
        await garden.watch.step()
    assert garden.told.texts() == ["set garden interval 60"]


@pytest.mark.parametrize("kind", ["html", "refuse", "limit"])
async def test_a_gap_that_cannot_be_read_now_is_read_later(memory: Place, homeserver: Homeserver, kind: str) -> None:
    client, person = await memory.client(), await memory.person()
    garden = Garden(memory, client, person, await shared_room(client, person))
    await garden.watch.step()
    texts = await garden.write_many(150)
    homeserver.fail(kind, path="/messages")
    assert await garden.watch.step() >= 1.0
    assert not garden.told.follows and garden.told.news == [] and len(garden.told.stored) == 1
    await garden.watch.step()
    assert garden.told.follows and garden.told.texts() == texts


async def test_a_gap_that_is_not_shown_is_told_and_keeps_nothing_up(memory: Place, homeserver: Homeserver) -> None:
    client, person = await memory.client(), await memory.person()
    garden = Garden(memory, client, person, await shared_room(client, person))
    await garden.watch.step()
    await garden.write_many(150)
    homeserver.fail("error", path="/messages", status=403)
    await garden.watch.step()
    assert garden.told.news == [Missed(garden.room_id, 100)] and garden.told.follows
    await garden.say(["last"])
    garden.told.news.clear()
    await garden.watch.step()
    assert garden.told.texts() == ["last"]


async def test_a_server_whose_pages_never_end_is_asked_no_more(memory: Place) -> None:
    client, person = await memory.client(), await memory.person()
    garden = Garden(memory, client, person, await shared_room(client, person))
    await garden.watch.step()
    await garden.write_many(150)
    asked = 0

    class Endless(MatrixClient):
        async def messages(self, *_: object, **__: object):  # type: ignore[no-untyped-def]
            nonlocal asked
            asked += 1
            answer = await client.call("GET", "/_matrix/client/versions")
            assert answer.body is not None
            answer.body.update({"chunk": [], "end": f"s{asked}"})
            return answer

    endless = Endless(client.base_url, transport=memory.transport).take(client.account)
    watch = watching(endless, garden.told, garden.clock, since=garden.told.stored[-1])
    await watch.step()
    await watch.step()
    await endless.aclose()
    assert garden.told.news == [Missed(garden.room_id, 100)] and asked == MAX_PAGES


async def test_what_could_not_be_stored_is_told_again(memory: Place) -> None:
    class Full(Told):
        full = False

        async def heard(self, news: Sequence[News], since: str) -> None:
            if self.full:
                raise StoreFull("no space left", "df -h")
            await super().heard(news, since)

    client, person, told = await memory.client(), await memory.person(), Full()
    room_id = await shared_room(client, person)
    watch = watching(client, told, Clock(), timeout_ms=0)
    await watch.step()
    told.full = True
    await person.say(room_id, "set garden interval 60")
    assert [await watch.step(), await watch.step()] == [1.0, 2.0]
    assert told.news == [] and not told.follows
    told.full = False
    await watch.step()
    assert told.texts() == ["set garden interval 60"] and told.follows


async def test_the_first_look_is_asked_anew_each_time(memory: Place, homeserver: Homeserver) -> None:
    """A homeserver may answer equal initial syncs from its memory, minutes later."""
    asked: list[tuple[str | None, int]] = []

    class Asked(MatrixClient):
        async def sync(self, since, timeout_ms, *more, **named):  # type: ignore[no-untyped-def]
            asked.append((since, timeout_ms))
            return await super().sync(since, timeout_ms, *more, **named)

    client = Asked(homeserver.base_url, transport=homeserver).take((await memory.client()).account)
    clock = Clock()
    for now_ms in (7, 1_234):
        clock.now_ms = now_ms
        await watching(client, Told(), clock).step()
    await client.aclose()
    assert asked == [(None, 7), (None, 234)]


async def test_a_long_poll_hears_at_once(garden: Garden) -> None:
    await garden.watch.step()
    waiting = asyncio.ensure_future(garden.watch.step())
    await asyncio.sleep(0.05)
    await garden.say(["get garden interval"])
    await waiting
    assert garden.told.texts() == ["get garden interval"]
