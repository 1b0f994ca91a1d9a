"""One suite over both homeservers: what an application service relies on (application service API, Synapse 1.163)."""

import asyncio
import contextlib
import json
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from comatrix.gateway.demo.synapse import LoopbackSynapse
from comatrix.gateway.edges.matrix import MatrixClient
from comatrix.gateway.edges.matrix.paths import client_path
from comatrix.gateway.model import HomeserverAnswer, Voice
from tests.support.homeserver import Homeserver
from tests.support.people import Place

BOTH = [pytest.param("memory", id="memory"), pytest.param("synapse", id="synapse", marks=pytest.mark.slow)]
MESSAGE = b'{"body":"x","msgtype":"m.notice"}'
AS_TOKEN, HS_TOKEN = "as_" + "a" * 40, "hs_" + "b" * 40


@dataclass(slots=True)
class Intake:
    """The service's end of pushes: keeps them, and refuses the first `refuse`."""

    transactions: list[tuple[str, list[dict[str, Any]]]] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    refuse: int = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        data = b""
        while True:
            message = await receive()
            data += message.get("body", b"")
            if not message.get("more_body"):
                break
        self.tokens |= {value.decode() for name, value in scope["headers"] if name == b"authorization"}
        refused = self.refuse > 0
        self.refuse -= refused
        if not refused and "/transactions/" in scope["path"]:
            self.transactions.append((scope["path"].rpartition("/")[2], json.loads(data)["events"]))
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 500 if refused else 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"{}"})

    @property
    def event_ids(self) -> list[str]:
        """What came, each as often as it came."""
        return [event["event_id"] for _, events in self.transactions for event in events]


@dataclass(slots=True)
class ServicePlace:
    """A homeserver that knows one application service."""

    place: Place
    intake: Intake

    async def service(self) -> MatrixClient:
        """The service's own client."""
        client = self.place.anonymous(service=True)
        client.authenticate(AS_TOKEN, f"@cx:{self.place.server_name}", "")
        return client


def _registration(url: str | None) -> dict[str, Any]:
    return {
        "id": "comatrix",
        "url": url,
        "as_token": AS_TOKEN,
        "hs_token": HS_TOKEN,
        "sender_localpart": "cx",
        "rate_limited": False,
        "io.element.msc4190": True,
        "namespaces": {"users": [{"regex": "@cx_node_[0-9]+:localhost", "exclusive": True}]},
    }


@contextlib.asynccontextmanager
async def _serving(app: Intake) -> AsyncIterator[str]:
    config = uvicorn.Config(app, host="127.0.0.1", port=0, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    await _until(lambda: server.started)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await task


@pytest.fixture(params=BOTH)
async def here(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ServicePlace]:
    """Either homeserver with the service's registration."""
    intake = Intake()
    if request.param == "memory":
        server = Homeserver()
        pusher = server.connect_service(_registration("http://intake"), httpx.ASGITransport(intake))
        place = Place(server, server)
        yield ServicePlace(place, intake)
        await place.aclose()
        await pusher.stop()
        return
    async with _serving(intake) as url:
        file = tmp_path / "registration.yaml"
        file.write_text(json.dumps(_registration(url)))
        async with LoopbackSynapse(tmp_path / "synapse", app_services=[file]) as synapse:
            place = Place(synapse)
            yield ServicePlace(place, intake)
            await place.aclose()


async def _ghost(client: MatrixClient, number: int, device: str = "CXGHOST") -> Voice:
    """A registered ghost with its device."""
    answer = await _register(client, f"cx_node_{number}")
    assert answer.ok, answer
    ghost = Voice(f"@cx_node_{number}:localhost", device)
    await _device(client, ghost)
    return ghost


async def _register(client: MatrixClient, localpart: str, **more: Any) -> HomeserverAnswer:
    body = {"type": "m.login.application_service", "username": localpart, "inhibit_login": True, **more}
    return await client.call("POST", client_path("v3", "register"), body)


async def _device(client: MatrixClient, voice: Voice) -> HomeserverAnswer:
    body = {"display_name": "CoMatrix"}
    return await client.call("PUT", client_path("v3", "devices", voice.device_id), body, voice=Voice(voice.user_id, ""))


async def _until(condition: Any) -> None:
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("waited 20 s")


async def _room_of_a_person(here: ServicePlace, service: MatrixClient) -> tuple[str, Any]:
    person = await here.place.person()
    room_id = await person.create_room(name="garden", invite=[service.user_id])
    assert (await service.join(room_id)).ok
    return room_id, person


async def test_a_ghost_lives_as_the_rules_say(here: ServicePlace) -> None:
    """One homeserver start, one story: registration, device, name, invite, join, sending, deduplication."""
    service = await here.service()
    assert (await service.whoami()).body is not None

    # registration
    unlogged = await _register(service, "cx_node_7", inhibit_login=False)
    assert (unlogged.status, unlogged.errcode) == (400, "M_APPSERVICE_LOGIN_UNSUPPORTED")
    await _register(service, "cx_node_7")
    again = await _register(service, "cx_node_7")
    assert (again.status, again.errcode) == (400, "M_USER_IN_USE")
    foreign = await _register(service, "mallory")
    assert (foreign.status, foreign.errcode) == (400, "M_EXCLUSIVE")

    # who may be spoken for
    ghost = Voice("@cx_node_7:localhost", "CXGHOST")
    unregistered = await service.whoami(voice=Voice("@cx_node_8:localhost", ""))
    assert (unregistered.status, unregistered.errcode) == (403, "M_FORBIDDEN")
    outside = await service.whoami(voice=Voice("@me:localhost", ""))
    assert (outside.status, outside.errcode) == (403, "M_FORBIDDEN")

    # its device
    no_device = await service.whoami(voice=ghost)
    assert (no_device.status, no_device.errcode) == (400, "M_UNKNOWN_DEVICE")
    assert (await _device(service, ghost)).status in (200, 201)
    assert (await _device(service, ghost)).status == 200
    answer = await service.whoami(voice=ghost)
    assert answer.body is not None
    assert (answer.body["user_id"], answer.body["device_id"]) == (ghost.user_id, ghost.device_id)

    # named, invited, joined
    assert (await service.set_display_name("garden", voice=Voice(ghost.user_id, ""))).ok
    room_id, person = await _room_of_a_person(here, service)
    refused = await service.join(room_id, voice=ghost)
    assert (refused.status, refused.errcode) == (403, "M_FORBIDDEN")
    assert (await person.client.invite(room_id, ghost.user_id)).ok
    assert (await service.join(room_id, voice=ghost)).ok
    member = await service.state_event(room_id, "m.room.member", ghost.user_id)
    assert member.body is not None and member.body["membership"] == "join"

    # sending, exactly once, far beyond a default account's limit
    first = await service.send_event(room_id, "m.room.message", "1.1.msg", MESSAGE, voice=ghost)
    assert first.ok
    assert await service.send_event(room_id, "m.room.message", "1.1.msg", MESSAGE, voice=ghost) == first
    answers = [
        await service.send_event(room_id, "m.room.message", f"1.{n}.msg", MESSAGE, voice=ghost) for n in range(2, 22)
    ]
    assert all(answer.ok for answer in answers)
    found = (await service.messages(room_id, voice=ghost)).body or {}
    sent = [event for event in found["chunk"] if event["type"] == "m.room.message"]
    assert len(sent) == 21 and {event["sender"] for event in sent} == {ghost.user_id}

    # the own user syncs not, a ghost does
    assert (await service.sync(None, 0)).status == 500
    assert (await service.sync(None, 0, voice=ghost)).ok

    # pushed: everything, once, with the right token
    await _until(lambda: len([one for one in here.intake.event_ids if one == first.body["event_id"]]) == 1)  # type: ignore[index]
    assert here.intake.tokens == {f"Bearer {HS_TOKEN}"}


async def test_a_refused_transaction_is_pushed_again_under_its_number(here: ServicePlace) -> None:
    service = await here.service()
    room_id, person = await _room_of_a_person(here, service)
    await _until(lambda: here.intake.transactions)
    await asyncio.sleep(0.3)
    here.intake.refuse = 1
    before = len(here.intake.transactions)
    await person.say(room_id, "hello " + secrets.token_hex(4))
    await _until(lambda: len(here.intake.transactions) > before)
    assert here.intake.refuse == 0
    assert len(here.intake.event_ids) == len(set(here.intake.event_ids))
    numbers = [int(number) for number, _ in here.intake.transactions]
    assert numbers == list(range(1, len(numbers) + 1))


async def test_a_service_asks_whether_the_homeserver_reaches_it(here: ServicePlace) -> None:
    service = await here.service()
    path = client_path("v1", "appservice", "comatrix", "ping")
    answer = await service.call("POST", path, {"transaction_id": "t1"})
    assert answer.ok and answer.body is not None and "duration_ms" in answer.body
    here.intake.refuse = 1
    answer = await service.call("POST", path, {})
    assert (answer.status, answer.errcode) == (502, "M_BAD_STATUS")
