"""Invites to rooms that are configured are accepted; the others are declined, slowly, with a reason."""

import logging

import pytest

from comatrix.gateway.edges.room_watch.changes import REASON_ENCRYPTED
from comatrix.gateway.edges.room_watch.invites import (
    DECLINES_A_MINUTE,
    INVITE_WAIT_MS,
    MAX_WAITING,
    REASON_NOT_CONFIGURED,
    Declines,
)
from tests.gateway.matrix.watching import Clock, Told, watching
from tests.support.homeserver import Homeserver
from tests.support.people import Place


async def test_an_invite_to_a_configured_room_is_accepted(place: Place) -> None:
    client, person, told = await place.client(), await place.person(), Told()
    watch = watching(client, told, Clock())
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
    watch = watching(client, told, clock)
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
    watch = watching(client, told, clock)
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
    await watching(client, told, Clock()).step()
    member = await person.client.state_event(room_id, "m.room.member", client.user_id)
    assert member.body is not None
    assert (member.body["membership"], member.body["reason"]) == ("leave", REASON_ENCRYPTED)


async def test_at_most_ten_invites_a_minute_are_declined(memory: Place, homeserver: Homeserver) -> None:
    client, person, clock = await memory.client(), await memory.person(), Clock()
    for number in range(25):
        await person.create_room(name=str(number), invite=[client.user_id])
    watch = watching(client, Told(), clock, timeout_ms=0)
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
    watch = watching(client, told, clock, timeout_ms=0)
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


def test_waiting_declines_are_bounded() -> None:
    declines = Declines()
    for number in range(10 * MAX_WAITING):
        declines.add(f"!{number}", "no")
        declines.add("!0", "no")
    assert len(declines.waiting) == MAX_WAITING
    assert len([now for now in range(1000) if declines.next(now) is not None]) == DECLINES_A_MINUTE


async def test_a_room_joined_by_other_means_is_not_left_for_an_invite_to_it(memory: Place) -> None:
    client, person, told, clock = await memory.client(), await memory.person(), Told(), Clock()
    encryption = {"type": "m.room.encryption", "state_key": "", "content": {"algorithm": "m.megolm.v1.aes-sha2"}}
    watch = watching(client, told, clock, timeout_ms=0)
    await watch.step()
    for number in range(DECLINES_A_MINUTE):
        await person.create_room(name=str(number), invite=[client.user_id], initial_state=[encryption])
    await watch.step()
    secret = await person.create_room(name="secret", invite=[client.user_id], initial_state=[encryption])
    other = await person.create_room(name="other", invite=[client.user_id])
    await watch.step()  # both have to wait
    for room_id in (secret, other):
        assert (await client.join(room_id)).ok
    await watch.step()
    clock.now_ms += INVITE_WAIT_MS
    await watch.step()
    for room_id in (secret, other):
        member = await person.client.state_event(room_id, "m.room.member", client.user_id)
        assert member.body is not None and member.body["membership"] == "join"


async def test_a_proxys_page_is_no_answer_to_joining(memory: Place, homeserver: Homeserver) -> None:
    client, person, told = await memory.client(), await memory.person(), Told()
    wanted = await person.create_room(name="garden", invite=[client.user_id])
    told.configured.add(wanted)
    watch = watching(client, told, Clock(), timeout_ms=0)
    homeserver.fail("html", path="/join/", status=403)
    await watch.step()
    assert homeserver.rooms[wanted].membership(client.user_id) == "invite"
    await watch.step()
    assert homeserver.rooms[wanted].membership(client.user_id) == "join"
