"""Pushes: kept before they are answered, handed on once, and a push that does not come is noticed."""

import asyncio
import contextlib
import socket
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from comatrix.gateway.demo.free_port import free_port
from comatrix.gateway.edges.appservice.push import ECHO_MS, PING_EVERY_MS, PushIntake
from comatrix.gateway.edges.store.pushed import REMEMBERED, PushedEvents
from comatrix.gateway.edges.store.store import Store
from comatrix.gateway.model import HomeserverAnswer
from comatrix.gateway.uplink.voices import ServiceNames

NAMES = ServiceNames("cx_", "@cx:localhost")
ROOM = "!garden:localhost"
OK = HomeserverAnswer(200, {})


def event(number: int, event_type: str = "m.room.message", **more: Any) -> dict[str, Any]:
    made = {"type": event_type, "event_id": f"${number}", "room_id": ROOM, "sender": "@alice:localhost"}
    return made | {"content": {"n": number}} | more


class Service:
    """A homeserver that is asked to ping and for state."""

    def __init__(self) -> None:
        self.pings = 0
        self.ping_answer = OK
        self.asked: list[str] = []
        self.state: dict[str, HomeserverAnswer] = {}

    async def ping(self, service_id: str, txn_id: str) -> HomeserverAnswer:
        assert service_id == "comatrix-cx" and txn_id
        self.pings += 1
        return self.ping_answer

    async def room_state(self, room_id: str, types: Sequence[str]) -> HomeserverAnswer:
        self.asked.append(room_id)
        return self.state.get(room_id, HomeserverAnswer(200, {"events": []}))


class World:
    def __init__(self, folder: Path) -> None:
        self.path = folder / "gateway.db"
        self.service = Service()
        self.rooms = [ROOM]
        self.ms = 0
        self.open()

    def open(self) -> None:
        self.store = Store.open(self.path, 0)
        self.kept = PushedEvents(self.store)
        self.intake = PushIntake(
            self.kept,
            self.service,
            NAMES,
            "comatrix-cx",
            rooms=lambda: self.rooms,
            now_ms=lambda: self.ms,
            random_text=lambda: "r",
        )

    async def restart(self) -> None:
        await self.store.aclose()
        self.open()

    async def news(self, since: str | None, timeout_ms: int = 0) -> tuple[str, list[int]]:
        """-> (next position, numbers of the events in the room's timeline)"""
        answer = await self.intake.sync(since, timeout_ms)
        assert answer.ok and answer.body is not None, answer
        events = answer.body["rooms"]["join"].get(ROOM, {}).get("timeline", {}).get("events", [])
        return answer.body["next_batch"], [one["content"]["n"] for one in events if "n" in one["content"]]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


async def test_events_are_handed_on_once_and_in_order(world: World) -> None:
    since, _ = await world.news(None)
    await world.intake.take([event(1), event(2)])
    await world.intake.take([event(3)])
    since, first = await world.news(since)
    since, second = await world.news(since)
    assert (first, second) == ([1, 2, 3], [])


async def test_a_repeated_transaction_is_known_by_its_event_ids(world: World) -> None:
    since, _ = await world.news(None)
    await world.intake.take([event(1), event(2)])
    since, first = await world.news(since)
    since, _ = await world.news(since)
    await world.intake.take([event(2), event(3)])  # in a transaction of another number
    _, second = await world.news(since)
    assert (first, second) == ([1, 2], [3])


async def test_what_was_not_dealt_with_before_the_end_is_handed_on_after_it(world: World) -> None:
    since, _ = await world.news(None)
    await world.intake.take([event(1)])
    since, _ = await world.news(since)
    await world.intake.take([event(2)])
    since, seen = await world.news(since)  # this settles 1; 2 was handed on, nobody said it was dealt with
    assert seen == [2]
    await world.restart()
    since, nothing = await world.news(None)
    await world.intake.take([event(1), event(2)])  # the homeserver did not hear 200 either
    since, again = await world.news(since)
    assert (nothing, again) == ([], [2])


async def test_a_first_answer_brings_the_state_of_every_room(world: World) -> None:
    encryption = event(0, "m.room.encryption", state_key="")
    world.service.state[ROOM] = HomeserverAnswer(200, {"events": [encryption]})
    answer = await world.intake.sync(None, 0)
    assert answer.body is not None
    assert answer.body["rooms"]["join"][ROOM]["state"]["events"] == [encryption]


async def test_state_is_fetched_when_the_bot_joins(world: World) -> None:
    since, _ = await world.news(None)
    world.service.asked.clear()
    await world.intake.take([event(1)])
    since, _ = await world.news(since)
    assert world.service.asked == []
    join = event(2, "m.room.member", state_key="@cx:localhost", content={"membership": "join", "n": 2})
    await world.intake.take([join])
    since, seen = await world.news(since)
    assert seen == [2] and world.service.asked == [ROOM]


async def test_a_state_that_cannot_be_read_delays_the_news_and_loses_none(world: World) -> None:
    since, _ = await world.news(None)
    join = event(1, "m.room.member", state_key="@cx:localhost", content={"membership": "join", "n": 1})
    await world.intake.take([join, event(2)])
    world.service.state[ROOM] = HomeserverAnswer(None, error="timed out")
    assert (await world.intake.sync(since, 0)).status is None
    del world.service.state[ROOM]
    assert (await world.news(since))[1] == [1, 2]


async def test_a_room_the_bot_is_not_in_is_left_out_at_first(world: World) -> None:
    world.service.state[ROOM] = HomeserverAnswer(403, {}, "M_FORBIDDEN")
    answer = await world.intake.sync(None, 0)
    assert answer.ok and answer.body is not None and answer.body["rooms"]["join"] == {}


async def test_it_waits_for_news_and_no_longer_than_asked(world: World) -> None:
    since, _ = await world.news(None)
    asyncio.get_running_loop().call_later(0.05, lambda: asyncio.ensure_future(world.intake.take([event(1)])))
    since, seen = await world.news(since, 5_000)
    assert seen == [1]
    async with asyncio.timeout(1):
        assert (await world.news(since, 50))[1] == []


async def test_our_own_messages_and_ghosts_coming_and_going_are_not_kept(world: World) -> None:
    since, _ = await world.news(None)
    ghost = "@cx_node_7:localhost"
    await world.intake.take(
        [
            event(1, sender=ghost),
            event(2, sender="@cx:localhost"),
            event(3, "m.room.member", state_key=ghost, content={"membership": "leave", "n": 3}),
            event(4, "m.room.member", state_key="@alice:localhost", content={"membership": "join", "n": 4}),
        ]
    )
    assert (await world.news(since))[1] == [4]


async def test_a_homeserver_that_cannot_reach_us_is_an_outage(world: World) -> None:
    world.service.ping_answer = HomeserverAnswer(502, {}, "M_CONNECTION_FAILED", "refused")
    answer = await world.intake.sync(None, 0)
    assert answer.status is None and "cannot reach" in answer.error
    world.service.ping_answer = OK
    assert (await world.intake.sync(None, 0)).ok


@pytest.mark.parametrize(
    "down",
    [
        HomeserverAnswer(None, error="cannot connect to http://hs:8008: refused"),
        HomeserverAnswer(502, error="HTTP 502 with text/html"),  # a proxy's page
    ],
)
async def test_a_homeserver_that_is_down_is_not_said_to_miss_us(world: World, down: HomeserverAnswer) -> None:
    world.service.ping_answer = down
    answer = await world.intake.sync(None, 0)
    assert (answer.ok, answer.error) == (False, down.error)


async def test_a_quiet_homeserver_is_pinged_once_a_minute_and_a_talking_one_never(world: World) -> None:
    since, _ = await world.news(None)
    assert world.service.pings == 1
    for step in range(10):
        world.ms += PING_EVERY_MS // 2
        await world.intake.take([event(step)])
        since, _ = await world.news(since)
    assert world.service.pings == 1
    world.ms += PING_EVERY_MS + 1
    await world.news(since)
    assert world.service.pings == 2


async def test_an_own_event_that_does_not_come_back_is_an_outage_until_one_does(world: World) -> None:
    since, _ = await world.news(None)
    world.intake.sent("$1")
    world.ms += ECHO_MS
    since, _ = await world.news(since)
    world.ms += 1
    answer = await world.intake.sync(since, 0)
    assert answer.status is None and "does not push" in answer.error
    world.intake.sent("$2")
    await world.intake.take([event(2, sender="@cx_node_7:localhost")])  # pushes come in order: $1 was not lost
    assert (await world.intake.sync(since, 0)).ok


async def test_own_events_waited_for_are_bounded(world: World) -> None:
    await world.news(None)
    for number in range(5_000):
        world.intake.sent(f"${number}")
    assert len(world.intake._echoes) <= 1_000


async def test_a_position_of_something_else_is_refused_so_that_the_reader_begins_anew(world: World) -> None:
    answer = await world.intake.sync("s12_34", 0)
    assert answer.status == 400 and answer.body is not None


async def test_what_was_dealt_with_leaves_the_database_but_for_its_ids(world: World) -> None:
    since, _ = await world.news(None)
    for batch in range(0, REMEMBERED + 400, 200):
        await world.intake.take([event(number) for number in range(batch, batch + 200)])
        since, seen = await world.news(since)
        assert len(seen) == 200
    await world.news(since)
    count = world.store.read(lambda c: c.execute("SELECT count(*), sum(length(event)) FROM pushed_event").fetchone())
    assert count == (REMEMBERED, 0)


KILLED = textwrap.dedent(
    """
    import asyncio, os, signal, sys
    from pathlib import Path
    from comatrix.gateway.edges.appservice.http import AppServiceHttp, listening
    from comatrix.gateway.edges.store.pushed import PushedEvents
    from comatrix.gateway.edges.store.store import Store

    async def main():
        kept = PushedEvents(Store.open(Path(sys.argv[1]), 0))
        async def take(events):
            await kept.add(events)
            if sys.argv[3] == "kill":
                os.kill(os.getpid(), signal.SIGKILL)  # after the commit, before the 200
        async with listening(AppServiceHttp("T", take, bool).app(), "127.0.0.1", int(sys.argv[2])):
            print("listening", flush=True)
            await asyncio.sleep(60)

    asyncio.run(main())
    """
)


@pytest.mark.slow
async def test_killed_between_commit_and_200_the_repetition_is_handed_on_once(tmp_path: Path) -> None:
    port = free_port(socket.SOCK_STREAM)
    url = f"http://127.0.0.1:{port}/_matrix/app/v1/transactions/"

    async def push(mode: str, txn: str, numbers: list[int]) -> int | None:
        command = [sys.executable, "-c", KILLED, str(tmp_path / "gateway.db"), str(port), mode]
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        assert process.stdout is not None
        await process.stdout.readline()
        try:
            async with httpx.AsyncClient(trust_env=False, headers={"Authorization": "Bearer T"}) as client:
                answer = await client.put(url + txn, json={"events": [event(number) for number in numbers]})
                return answer.status_code
        except httpx.TransportError:
            return None
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
            await process.wait()

    assert await push("kill", "1", [1, 2]) is None
    assert await push("live", "1", [1, 2]) == 200  # the same transaction again
    assert await push("live", "1", [3]) == 200  # and its number again, for another one
    world = World(tmp_path)
    since, _ = await world.news(None)
    assert (await world.news(since))[1] == [1, 2, 3]
    await world.store.aclose()


async def test_a_reader_that_is_ended_while_news_arrive_does_end(world: World) -> None:
    since, _ = await world.news(None)
    reading = asyncio.ensure_future(world.intake.sync(since, 60_000))
    await asyncio.sleep(0.1)
    taking = asyncio.ensure_future(world.intake.take([event(1)]))
    while not world.intake._arrived.is_set():  # noqa: ASYNC110 - the very turn of the loop counts
        await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    await taking
