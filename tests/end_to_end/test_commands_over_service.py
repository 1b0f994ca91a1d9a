"""Commands to a real node over an application service: the homeserver pushes them, and may push them twice."""

import signal
import socket
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from comatrix.gateway.config.secrets import read_secrets
from comatrix.gateway.demo.free_port import free_port
from comatrix.gateway.demo.lossy_link import Faults
from comatrix.gateway.demo.stage import Stage
from tests.chaos.http_message import Message
from tests.end_to_end.http_wire import HttpWire
from tests.end_to_end.keyboard import Keyboard
from tests.end_to_end.node_programs import OBEY_OR_SULK
from tests.end_to_end.room_commands import PATIENCE_S, REACTIONS, described, done, state_of
from tests.end_to_end.room_reading import assert_once_and_in_order, events, seen, until
from tests.end_to_end.service_stage import service_stage

pytestmark = pytest.mark.slow

BAD_LINK = Faults(loss=0.3, double=0.1, late=0.1, delay_s=(0.001, 0.02), late_s=0.15)
GHOST = "@cx_node_1:localhost"
ENDS = {
    "!cx set garden level 41": "confirmed",
    "!cx call garden lamp 42": "confirmed",
    "!cx call garden sulk": "refused",
    '!cx say garden "back at six"': "confirmed",
    "!cx call garden lamp 43": "confirmed",
    "!cx get garden level": "confirmed",
}
ANSWERED = {
    "!cx nodes": "garden",
    "!cx set garden level -1": "is too little",  # never gets as far as the node
    "!cx call garden lampp 44": 'no method "lampp"',
}  # at once, and that is all
HEARD_TWICE = (
    "!cx call garden lamp 43",
    "!cx nodes",
)  # first by a gateway that dies before it can say so; others follow


@dataclass(slots=True)
class Service:
    """`pushed`: what the homeserver says to the gateway; `asked`: what the gateway says to the homeserver."""

    stage: Stage
    pushed: HttpWire
    asked: HttpWire

    def pushes(self, event_id: str) -> list[int]:
        """The status of each answer to a transaction with this event."""
        return [status for request, status in self.pushed.requests if event_id.encode() in request.body]


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    """Both directions go through wires of the test's own."""
    intake_port, synapse_port = free_port(socket.SOCK_STREAM), free_port(socket.SOCK_STREAM)
    pushed, asked = HttpWire(intake_port), HttpWire(synapse_port)
    await pushed.open()
    await asked.open()
    try:
        made = service_stage(
            tmp_path, "push", intake_port, url=pushed.url, synapse_url=asked.url, synapse_port=synapse_port
        )
        async with made as stage:
            yield Service(stage, pushed, asked)
    finally:
        await pushed.close()
        await asked.close()


async def test_pushed_commands_are_done_once_and_answered_by_the_services_own_user(service: Service) -> None:
    stage = service.stage
    room = (await stage.create_room("told"))["room_id"]
    await stage.start_gateway()
    link = await stage.open_link(BAD_LINK, seed=6)
    configuration = await stage.provision("garden", room, post="every", interval_s=1)
    await stage.start_node("garden", configuration | {"ack_timeout_ms": 150}, OBEY_OR_SULK)
    await until(lambda: _true(described(stage) == 1), PATIENCE_S, "what the node can be told")
    person = await Keyboard.open(stage, room)
    try:
        await _type_all(service, person)
        await until(lambda: _over(person), PATIENCE_S, "every command over, and told so")
        await _assert_told_as_it_is(stage, person)
    finally:
        await person.close()
    assert Counter(done(stage, "garden")) == Counter(["level = 41", "lamp(42)", '"back at six"', "lamp(43)"])
    await _assert_each_speaks_for_itself(stage, room)
    assert not [request.first for request, _ in service.asked.requests if "/sync" in request.first]
    assert link.counts.lost > link.counts.sent // 5
    assert_once_and_in_order(await seen(stage, room))


async def _type_all(service: Service, person: Keyboard) -> None:
    """All of it in a row; twice the gateway is about to die."""
    for text in [*ENDS, *ANSWERED]:
        if text in HEARD_TWICE:
            await _killed_over(service, person, text)
        else:
            await person.say(text)


async def _killed_over(service: Service, person: Keyboard, text: str) -> None:
    """The gateway has written the transaction down and said 200, which the homeserver never hears: it pushes again,
    and by then the next gateway has answered what the last one wrote down."""
    pushed, killed = service.pushed, False

    async def step_in(request: Message, answer: Message) -> bool:
        nonlocal killed
        if killed or text.encode() not in request.body:
            return False
        killed = True
        pushed.refuses_puts = True
        await service.stage.end_gateway(signal.SIGKILL)
        return True

    pushed.step_in = step_in
    event_id = await person.say(text)
    await until(lambda: _true(killed), PATIENCE_S, "the gateway to be killed")
    await service.stage.start_gateway()
    await until(lambda: _answered(person, event_id), PATIENCE_S, "an answer")
    assert service.pushes(event_id) == [200]
    pushed.refuses_puts = False
    await until(lambda: _true(len(service.pushes(event_id)) > 1), PATIENCE_S, "the homeserver to push again")
    assert set(service.pushes(event_id)) == {200}


async def _answered(person: Keyboard, event_id: str) -> bool:
    return bool((await person.told())[event_id].replies)


async def _over(person: Keyboard) -> bool:
    """Each has its reply, and what goes to the node is over."""
    told = await person.told()
    finished = [one for one in told.values() if ENDS.get(person.typed[one.event_id]) and one.texts]
    over = [one for one in finished if one.reactions == REACTIONS.get(state_of(one.texts[-1]))]
    return len(over) == len(ENDS) and all(one.texts for one in told.values())


async def _assert_told_as_it_is(stage: Stage, person: Keyboard) -> None:
    """One reply a command, one final state, by the bot; a command's number stands in the mailbox with that state."""
    told = await person.told()
    items = {one["number"]: one for one in await stage.operate("command.list", all=True)}
    assert len(items) == len(ENDS), items
    for event_id, one in told.items():
        text = person.typed[event_id]
        assert len(one.replies) == 1, one
        if text in ANSWERED:
            assert len(one.texts) == 1 and ANSWERED[text] in one.texts[0] and not one.reactions, one
            continue
        assert [state for state in one.states if state != "open"] == [ENDS[text]], one
        assert items[one.number]["state"] == ENDS[text] and one.reactions == REACTIONS[ENDS[text]], one
    last = {person.typed[event_id]: one.texts[-1] for event_id, one in told.items()}
    assert "confirmed by the node: 41" in last["!cx get garden level"], last
    assert last["!cx call garden sulk"].endswith("refused by the node: not today"), last
    await person.assert_client_shows(told, read_secrets(stage.place.paths.secrets).user_id)


async def _assert_each_speaks_for_itself(stage: Stage, room: str) -> None:
    """Replies, edits and reactions are the bot's, who queued it and tells of it; readings are the node's user's."""
    bot = read_secrets(stage.place.paths.secrets).user_id
    assert stage.person is not None
    for event in await events(stage, room):
        if event["type"] in ("m.room.message", "m.reaction") and event["sender"] != stage.person.user_id:
            measured = "eu.comatrix.telemetry" in event["content"]
            assert event["sender"] == (GHOST if measured else bot), event


async def _true(what: Any) -> bool:
    return bool(what)
