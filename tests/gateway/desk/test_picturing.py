"""plot: asked for in one transaction, drawn and answered later, once, whatever happens between."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from comatrix.codec import cbor
from comatrix.gateway.desk.picturing import GIVE_UP_MS, RETRY_S, Picturing
from comatrix.gateway.desk.sitting import House, Sitting
from comatrix.gateway.desk.verbs import MOST_PLOTS, Verbs
from comatrix.gateway.downlink import grammar
from comatrix.gateway.downlink.addressing import Called
from comatrix.gateway.downlink.replies import Place
from comatrix.gateway.edges.matrix import MatrixClient
from comatrix.gateway.edges.store import nodes, outbox, plots, rooms
from comatrix.gateway.edges.store.store import Store
from comatrix.gateway.model import HomeserverAnswer, NewRecord, SealedRow, Voice
from tests.support.homeserver import Homeserver
from tests.support.people import Place as People
from tests.support.png_reader import read

NOW_MS = 1_751_551_800_000  # 2025-07-03 14:10 UTC
MINUTE = 60_000
MXC = "mxc://localhost/abc"


@dataclass(slots=True)
class FakeMedia:
    """Answers as it is told, then as a homeserver does; `stop` ends whoever asks: the power is cut."""

    script: list[HomeserverAnswer] = field(default_factory=list)
    limit: object = 1 << 20
    stop: str = ""
    uploads: list[tuple[bytes, str, str, str]] = field(default_factory=list)

    async def media_config(self, *, voice: Voice | None = None) -> HomeserverAnswer:
        self._cut("config")
        return HomeserverAnswer(200, {} if self.limit is None else {"m.upload.size": self.limit})

    async def upload(
        self, data: bytes, content_type: str, filename: str, *, voice: Voice | None = None
    ) -> HomeserverAnswer:
        self._cut("upload")
        assert voice is not None
        self.uploads.append((data, content_type, filename, voice.user_id))
        self._cut("uploaded")
        return self.script.pop(0) if self.script else HomeserverAnswer(200, {"content_uri": MXC})

    def _cut(self, point: str) -> None:
        if self.stop == point:
            raise asyncio.CancelledError


class World:
    """A database, one room, one node, somebody who types, and what is to be posted."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "comatrix.db"
        self.now_ms = NOW_MS
        self.media: Any = FakeMedia()
        self.sealed = 0
        self._open()
        self.room = self.store.write(lambda connection: rooms.add(connection, "!a:b"))
        self.store.write(lambda connection: nodes.add(connection, "garden", self.room.id, now_ms=0))
        self._events = 0

    def _open(self) -> None:
        self.store = Store.open(self.path, self.now_ms)
        self.house = House(
            self.store.instance,
            lambda: Voice("@cx:b", "CX"),
            UTC,
            lambda connection, node: None,
            Called("!cx", ""),
            1000,
            1000,
            4,
        )
        self.picturing = Picturing(
            self.store, self.media, self.house, prefix="!cx", now_ms=lambda: self.now_ms, sealed=self._seal
        )

    def _seal(self) -> None:
        self.sealed += 1

    async def restart(self) -> None:
        await self.store.aclose()
        self._open()

    async def measured(self, *values: dict[int, int]) -> None:
        """A reading each 10 minutes, the last one now."""
        for n, value in enumerate(values):
            at_ms = self.now_ms - (len(values) - 1 - n) * 10 * MINUTE
            told: asyncio.Future[object] = asyncio.get_running_loop().create_future()
            body = cbor.encode(value)
            new = NewRecord(1, 1, n + 1, self.room.id, "readings", body, at_ms, at_ms, None, b"12345678")
            self.store.append(new, None, told.set_result)
            await told

    async def typed(self, text: str, thread: str | None = None) -> str:
        """Somebody types it -> its event id."""
        self._events += 1
        event_id = f"$typed{self._events}"
        parsed = grammar.read_untrusted(f"!cx {text}")
        assert parsed is not None

        def job(connection: Any) -> None:
            here = nodes.all_nodes(connection)
            sitting = Sitting(connection, self.house, self.room, self.now_ms, Place(event_id, thread), "@me:b")
            Verbs(lambda node: None, "!cx", lambda here: []).act(sitting, parsed, here)

        await self.store.run(job)
        return event_id

    def rows(self) -> list[SealedRow]:
        return self.store.read(outbox.open_rows)

    def contents(self) -> list[dict[str, Any]]:
        return [json.loads(row.content) for row in self.rows()]

    def bodies(self) -> list[str]:
        return [content["body"] for content in self.contents()]

    def waiting(self) -> int:
        return self.store.read(plots.count)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    yield world
    await world.store.aclose()


async def test_a_picture_answers_with_a_caption_that_is_complete(world: World) -> None:
    await world.measured({0: 1821}, {0: 2740}, {0: 2137})
    event_id = await world.typed("plot garden temperature 24h", thread="$root")
    assert (world.rows(), world.waiting()) == ([], 1), "in the transaction only the question is stored"
    assert await world.picturing.look() is None
    ((data, content_type, filename, user),) = world.media.uploads
    assert (content_type, filename, user) == ("image/png", "garden-temperature-24h.png", "@cx:b")
    picture = read(data)
    (content,) = world.contents()
    assert content.pop("eu.comatrix.id") == world.rows()[0].txn_id
    assert content.pop("body").startswith(
        "garden: temperature °C, last 24 h: min 18.21 °C (13:50), max 27.40 °C (14:00), last 21.37 °C (14:10)\n"
    )
    assert content == {
        "msgtype": "m.image",
        "url": MXC,
        "filename": filename,
        "info": {"mimetype": "image/png", "size": len(data), "w": picture.width, "h": picture.height},
        "m.mentions": {},
        "m.relates_to": {
            "rel_type": "m.thread",
            "event_id": "$root",
            "is_falling_back": False,
            "m.in_reply_to": {"event_id": event_id},
        },
    }
    assert (world.waiting(), world.sealed) == (0, 1)


@pytest.mark.parametrize("point", ["config", "upload", "uploaded"])
async def test_a_cut_at_any_point_leaves_one_picture(world: World, point: str) -> None:
    await world.measured({0: 1821})
    await world.typed("plot garden temperature")
    world.media.stop = point
    with pytest.raises(asyncio.CancelledError):
        await world.picturing.look()
    assert (world.rows(), world.waiting()) == ([], 1)
    world.media.stop = ""
    for _ in range(2):
        await world.restart()
        assert await world.picturing.look() is None
        assert (len(world.rows()), world.waiting()) == (1, 0)


async def test_a_copy_put_back_does_not_answer_what_the_original_did(world: World) -> None:
    await world.measured({0: 1821})
    await world.typed("plot garden temperature")
    await world.store.aclose()
    world.path.with_name(world.path.name + ".instance").unlink()
    world._open()
    assert world.store.restored
    running = asyncio.create_task(world.picturing.run())
    for _ in range(100):
        await asyncio.sleep(0.01)
        if not world.waiting():
            break
    running.cancel()
    assert (world.waiting(), world.rows(), world.media.uploads) == (0, [], [])


async def test_whoever_takes_the_question_back_gets_no_answer(world: World) -> None:
    await world.measured({0: 1821})
    event_id = await world.typed("plot garden temperature")
    await world.store.run(lambda connection: plots.withdraw(connection, event_id))
    assert await world.picturing.look() is None
    assert (world.rows(), world.media.uploads) == ([], [])


async def test_taken_back_while_it_is_uploaded_it_is_not_posted(world: World) -> None:
    await world.measured({0: 1821})
    event_id = await world.typed("plot garden temperature")

    class Slow(FakeMedia):
        async def upload(self, *given: Any, **more: Any) -> HomeserverAnswer:
            await world.store.run(lambda connection: plots.withdraw(connection, event_id))
            return HomeserverAnswer(200, {"content_uri": MXC})

    world.media = Slow()
    await world.restart()
    assert await world.picturing.look() is None
    assert (world.rows(), world.sealed) == ([], 0)


async def test_a_room_that_is_encrypted_by_now_gets_nothing(world: World) -> None:
    await world.measured({0: 1821})
    await world.typed("plot garden temperature")
    await world.store.run(lambda connection: rooms.set_encrypted(connection, world.room.id))
    assert await world.picturing.look() is None
    assert (world.rows(), world.waiting()) == ([], 0)


UNSETTLED = [
    HomeserverAnswer(None, error="no answer"),
    HomeserverAnswer(502, error="HTTP 502, not from a homeserver"),
    HomeserverAnswer(401, {}, "M_UNKNOWN_TOKEN", "expired"),
    HomeserverAnswer(200, {"content_uri": "http://elsewhere/x.png"}),
    HomeserverAnswer(200, {"content_uri": 7}),
]


@pytest.mark.parametrize("answer", UNSETTLED)
async def test_what_may_help_is_tried_again_and_then_told_in_words(world: World, answer: HomeserverAnswer) -> None:
    await world.measured({0: 1821})
    await world.typed("plot garden temperature")
    world.media.script = [answer, answer, answer]
    assert await world.picturing.look() == RETRY_S
    assert await world.picturing.look() == 2 * RETRY_S
    assert world.rows() == []
    world.now_ms += GIVE_UP_MS
    assert await world.picturing.look() is None
    (content,) = world.contents()
    assert content["msgtype"] == "m.notice"
    assert content["body"].startswith("garden: temperature °C, last 24 h: min 18.21 °C")
    assert "There is no picture: the homeserver did not take it (" in content["body"]


async def test_a_limit_is_kept_to(world: World) -> None:
    await world.measured({0: 1821})
    await world.typed("plot garden temperature")
    world.media.script = [HomeserverAnswer(429, {}, "M_LIMIT_EXCEEDED", "slow", retry_after_ms=90_000)]
    assert await world.picturing.look() == 90


async def test_a_refusal_is_told_in_words_at_once(world: World) -> None:
    await world.measured({0: 1821})
    await world.typed("plot garden temperature")
    world.media.script = [HomeserverAnswer(403, {}, "M_FORBIDDEN", "no files here")]
    assert await world.picturing.look() is None
    assert world.bodies()[0].endswith("the homeserver did not take it (M_FORBIDDEN: no files here).")


async def test_what_the_homeserver_would_refuse_is_not_uploaded(world: World) -> None:
    await world.measured({0: 1821})
    await world.typed("plot garden temperature")
    world.media.limit = 100
    assert await world.picturing.look() is None
    assert world.media.uploads == []
    assert "at most 100 bytes" in world.bodies()[0]


@pytest.mark.parametrize("limit", [None, "many", 1 << 20])
async def test_a_homeserver_that_names_no_limit_is_just_asked(world: World, limit: object) -> None:
    await world.measured({0: 1821})
    await world.typed("plot garden temperature")
    world.media.limit = limit
    assert await world.picturing.look() is None
    assert world.contents()[0]["msgtype"] == "m.image"


async def test_what_cannot_be_drawn_is_answered_with_what_there_is(world: World) -> None:
    await world.measured({0: 1821, 2: 330})
    for text in ("temprature", "humidity", "temperature 24x", "temperature 91d"):
        await world.typed(f"plot garden {text}")
    assert await world.picturing.look() is None
    unknown, span, too_long, nothing = world.bodies()
    assert 'called "temprature". Did you mean temperature?' in unknown
    assert "garden sends: temperature, battery" in unknown
    assert span.startswith('"24x" is no time span') and span.endswith("!cx plot garden temperature 24h")
    assert '"91d" is out of range: from 1 min to 90 d.' in too_long
    assert nothing.startswith("garden has sent no humidity in the last 24 h. garden sends: temperature, battery.")
    assert world.media.uploads == []


async def test_a_word_the_vocabulary_does_not_know_is_drawn_by_its_number(world: World) -> None:
    await world.measured({999: 5})
    await world.typed("plot garden word_999 7d")
    assert await world.picturing.look() is None
    assert world.contents()[0]["filename"] == "garden-word_999-7d.png"


async def test_too_many_at_once_are_refused(world: World) -> None:
    await world.measured({0: 1821})
    for _ in range(MOST_PLOTS + 1):
        await world.typed("plot garden temperature")
    assert (world.waiting(), len(world.rows())) == (MOST_PLOTS, 1)
    assert "Ask again in a minute" in world.bodies()[0]


async def test_status_shows_how_the_main_words_went(world: World) -> None:
    await world.measured({0: 1821, 1: 450, 2: 330}, {0: 2740, 1: 520, 2: 329})
    await world.typed("status garden")
    lines = world.bodies()[0].splitlines()
    assert f"temperature, last 24 h: {23 * '·'}▄ 18.21 to 27.40 °C" in lines
    assert f"humidity, last 24 h: {23 * '·'}▄ 45.0 to 52.0 %RH" in lines
    assert not any(line.startswith("battery,") for line in lines)


async def test_the_client_and_a_homeserver_take_the_picture(world: World) -> None:
    server = Homeserver()
    people = People(server, server)
    client: MatrixClient = await people.client()
    world.house = House(
        world.store.instance,
        lambda: Voice(client.user_id, "GATEWAY"),
        UTC,
        lambda *_: None,
        Called("!cx", ""),
        1000,
        1000,
        4,
    )
    world.picturing = Picturing(
        world.store, client, world.house, prefix="!cx", now_ms=lambda: world.now_ms, sealed=world._seal
    )
    await world.measured({0: 1821})
    await world.typed("plot garden temperature")
    assert await world.picturing.look() is None
    (content,), (file,) = world.contents(), server.files.kept.values()
    assert server.files.kept[content["url"].rpartition("/")[2]] == file
    assert (file.content_type, file.filename) == ("image/png", "garden-temperature-24h.png")
    assert read(file.data).width == content["info"]["w"]
    await people.aclose()
