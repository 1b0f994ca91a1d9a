"""The homeserver of the chaos tests and the bench, a process on loopback: it fails on demand, and forgets nothing."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from comatrix.gateway.edges.matrix import MatrixClient
from tests.support.homeserver_client import HomeserverProcess
from tests.support.people import Place

pytestmark = pytest.mark.slow

MESSAGE = b'{"body":"x","msgtype":"m.notice"}'


@pytest.fixture
async def process(tmp_path: Path) -> AsyncIterator[HomeserverProcess]:
    """A homeserver that keeps a journal."""
    async with HomeserverProcess(tmp_path / "journal") as process:
        yield process


async def _room(client: MatrixClient) -> str:
    answer = await client.create_room("garden")
    assert answer.body is not None, answer
    return str(answer.body["room_id"])


async def test_what_it_answered_it_knows_after_kill_9(process: HomeserverProcess) -> None:
    place = Place(process)
    client = await place.client()
    room_id = await _room(client)
    first = await client.send_event(room_id, "m.room.message", "1.1.msg", MESSAGE)
    token = (await client.sync(None, 0)).body["next_batch"]  # type: ignore[index]
    await process.kill()
    assert (await client.send_event(room_id, "m.room.message", "1.1.msg", MESSAGE)).status is None
    await process.start()
    assert await client.send_event(room_id, "m.room.message", "1.1.msg", MESSAGE) == first
    assert (await client.send_event(room_id, "m.room.message", "1.2.msg", MESSAGE)).ok
    sent = [event["txn"][2] for event in await process.events() if event["txn"]]
    assert sent == ["1.1.msg", "1.2.msg"]
    answer = await client.sync(token, 0)
    assert answer.body is not None and len(answer.body["rooms"]["join"][room_id]["timeline"]["events"]) == 1
    await place.aclose()


async def test_every_fault_reaches_a_client_over_the_wire(process: HomeserverProcess) -> None:
    place = Place(process)
    client = await place.client(timeout_s=0.5)
    room_id = await _room(client)
    expected = {
        "html": (502, None),
        "refuse": (None, None),
        "drop": (None, None),
        "limit": (429, "M_LIMIT_EXCEEDED"),
        "header_limit": (429, "M_LIMIT_EXCEEDED"),
        "error": (502, "M_UNKNOWN"),
        "slow": (None, None),
        "late": (None, None),
    }
    for kind, figures in expected.items():
        await process.fail(kind, delay_s=0.7)
        answer = await client.send_event(room_id, "m.room.message", f"1.{kind}.msg", MESSAGE)
        assert (answer.status, answer.errcode) == figures, kind
    sent = [event["txn"][2] for event in await process.events() if event["txn"]]
    assert sorted(sent) == ["1.drop.msg", "1.late.msg", "1.slow.msg"]
    await process.control("POST", "set", down=True)
    assert (await client.versions()).status is None
    await process.control("POST", "set", down=False)
    assert (await client.versions()).ok
    await place.aclose()


async def test_a_frozen_homeserver_answers_after_it_thaws(process: HomeserverProcess) -> None:
    place = Place(process)
    client = await place.client(timeout_s=0.3)
    process.freeze()
    assert (await client.versions()).status is None
    process.thaw()
    assert (await client.versions()).ok
    await place.aclose()
