"""One suite over both homeservers: what the gateway relies on holds at the real Synapse and at the one in memory."""

import json
from pathlib import Path
from typing import Any

import pytest

from comatrix.gateway.demo.synapse import LoopbackSynapse
from comatrix.gateway.edges.matrix import MatrixClient
from tests.support.homeserver import Homeserver
from tests.support.people import PASSWORD, Place

MESSAGE = b'{"body":"garden: 21.37 \xc2\xb0C","msgtype":"m.notice"}'


async def _room(client: MatrixClient, **options: Any) -> str:
    answer = await client.create_room("garden", **options)
    assert answer.ok and answer.body is not None, answer
    return str(answer.body["room_id"])


async def _send(client: MatrixClient, room_id: str, txn_id: str, content: bytes = MESSAGE) -> str:
    answer = await client.send_event(room_id, "m.room.message", txn_id, content)
    assert answer.ok and answer.body is not None, answer
    return str(answer.body["event_id"])


async def _bodies(client: MatrixClient, room_id: str) -> list[str]:
    """Message bodies of the room, oldest first."""
    answer = await client.messages(room_id, event_filter={"types": ["m.room.message"]})
    assert answer.ok and answer.body is not None, answer
    return [event["content"]["body"] for event in reversed(answer.body["chunk"])]


async def test_versions_need_no_token(place: Place) -> None:
    answer = await place.anonymous().versions()
    assert answer.ok and answer.body is not None and "v1.11" in answer.body["versions"]


async def test_login_keeps_the_device_id_that_was_asked_for(place: Place) -> None:
    client = await place.client()
    answer = await client.whoami()
    assert answer.ok and answer.body is not None
    assert (answer.body["user_id"], answer.body["device_id"]) == (client.user_id, "GATEWAY")


async def test_a_wrong_password_is_403(place: Place) -> None:
    await place.server.register("wrong-password", PASSWORD)
    answer = await place.anonymous().login_password("wrong-password", "guess", "GATEWAY", "x")
    assert (answer.status, answer.errcode) == (403, "M_FORBIDDEN")


async def test_an_unknown_token_is_401_and_no_soft_logout(place: Place) -> None:
    client = place.anonymous()
    client.authenticate("nonsense", "@x:localhost", "GATEWAY")
    answer = await client.whoami()
    assert (answer.status, answer.errcode, answer.soft_logout) == (401, "M_UNKNOWN_TOKEN", False)


async def test_logout_ends_the_token(place: Place) -> None:
    client = await place.client()
    assert (await client.logout()).ok
    assert (await client.whoami()).status == 401


async def test_the_display_name_can_be_set(place: Place) -> None:
    assert (await (await place.client()).set_display_name("CoMatrix <gateway>")).ok


@pytest.mark.parametrize("version", ["10", "11", "12", ""])
async def test_a_created_room_is_plain_and_owned_by_the_bot_and_the_invited(place: Place, version: str) -> None:
    client, person = await place.client(), await place.person()
    room_id = await _room(client, invite=[person.user_id], room_version=version, federate=False)
    assert await client.is_encrypted(room_id) is False
    assert (await client.state_event(room_id, "m.room.create")).body["m.federate"] is False  # type: ignore[index]
    assert (await person.client.join(room_id)).ok
    await _send(client, room_id, "1.1.msg")
    await person.put_state(room_id, "m.room.encryption", {"algorithm": "m.megolm.v1.aes-sha2"})  # needs 100
    assert await client.is_encrypted(room_id) is True


async def test_an_invited_viewer_cannot_invite_others(place: Place) -> None:
    client, owner, viewer = await place.client(), await place.person(), await place.person()
    room_id = await _room(client, invite=[owner.user_id])
    assert (await owner.client.join(room_id)).ok
    assert (await owner.client.invite(room_id, viewer.user_id)).ok
    assert (await viewer.client.join(room_id)).ok
    answer = await viewer.client.invite(room_id, "@stranger:localhost")
    assert (answer.status, answer.errcode) == (403, "M_FORBIDDEN")


async def test_an_alias_resolves_to_the_room(place: Place) -> None:
    client = await place.client()
    alias = "garden-" + client.user_id[5:13]
    room_id = await _room(client, alias_localpart=alias)
    answer = await client.resolve_alias(f"#{alias}:localhost")
    assert answer.ok and answer.body is not None and answer.body["room_id"] == room_id


async def test_an_unknown_alias_is_404(place: Place) -> None:
    answer = await (await place.client()).resolve_alias("#nowhere:localhost")
    assert (answer.status, answer.errcode) == (404, "M_NOT_FOUND")


async def test_joining_uninvited_is_403_and_twice_is_fine(place: Place) -> None:
    client, person = await place.client(), await place.person()
    room_id = await _room(person.client)
    answer = await client.join(room_id)
    assert (answer.status, answer.errcode) == (403, "M_FORBIDDEN")
    assert (await person.client.invite(room_id, client.user_id)).ok
    assert (await client.join(room_id)).ok
    assert (await client.join(room_id)).ok


async def test_a_room_one_is_not_in_says_neither_encrypted_nor_plain(place: Place) -> None:
    client, person = await place.client(), await place.person()
    room_id = await _room(person.client)
    assert await client.is_encrypted(room_id) is None
    assert await client.is_encrypted("!nowhere:localhost") is None


async def test_sending_to_a_room_one_is_not_in_is_403(place: Place) -> None:
    client, person = await place.client(), await place.person()
    room_id = await _room(person.client)
    answer = await client.send_event(room_id, "m.room.message", "1.1.msg", MESSAGE)
    assert (answer.status, answer.errcode) == (403, "M_FORBIDDEN")


async def test_a_repeated_transaction_is_one_event(place: Place) -> None:
    client = await place.client()
    room_id = await _room(client)
    first = await _send(client, room_id, "1.1.msg")
    assert await _send(client, room_id, "1.1.msg") == first
    assert await _bodies(client, room_id) == ["garden: 21.37 °C"]


async def test_a_transaction_is_known_by_its_room_and_not_by_its_type(place: Place) -> None:
    client = await place.client()
    room_id, other = await _room(client), await _room(client)
    first = await _send(client, room_id, "1.1.msg")
    answer = await client.send_event(room_id, "m.reaction", "1.1.msg", b"{}")
    assert answer.ok and answer.body == {"event_id": first}
    assert await _send(client, other, "1.1.msg") != first


async def test_events_keep_their_order_and_their_bytes(place: Place) -> None:
    client = await place.client()
    room_id = await _room(client)
    for number in range(5):
        content = {"msgtype": "m.notice", "body": f"{number} \U0001f331 <b>&", "eu.comatrix.id": f"1.{number}.msg"}
        await _send(client, room_id, f"1.{number}.msg", json.dumps(content).encode())
    assert await _bodies(client, room_id) == [f"{number} \U0001f331 <b>&" for number in range(5)]


@pytest.mark.parametrize("value", [b"1.5", b"9007199254740992"])
async def test_floats_and_large_integers_are_refused(place: Place, value: bytes) -> None:
    client = await place.client()
    content = b'{"msgtype":"m.notice","body":"x","eu.comatrix.telemetry":{"v":' + value + b"}}"
    answer = await client.send_event(await _room(client), "m.room.message", "1.1.msg", content)
    assert (answer.status, answer.errcode) == (400, "M_BAD_JSON")


async def test_a_lone_surrogate_is_no_answer_but_an_error_of_the_server(place: Place) -> None:
    client = await place.client()
    content = b'{"msgtype":"m.notice","body":"\\ud800"}'
    answer = await client.send_event(await _room(client), "m.room.message", "1.1.msg", content)
    assert answer.status == 500


async def test_what_is_no_json_is_refused(place: Place) -> None:
    client = await place.client()
    answer = await client.send_event(await _room(client), "m.room.message", "1.1.msg", b"{")
    assert (answer.status, answer.errcode) == (400, "M_NOT_JSON")


@pytest.mark.parametrize(("length", "status"), [(64_000, 200), (65_000, 413)])
async def test_an_event_is_at_most_64_kib(place: Place, length: int, status: int) -> None:
    client = await place.client()
    content = json.dumps({"msgtype": "m.notice", "body": "x" * length}).encode()
    answer = await client.send_event(await _room(client), "m.room.message", "1.1.msg", content)
    assert answer.status == status
    assert answer.errcode == (None if status == 200 else "M_TOO_LARGE")


async def test_messages_are_paged_until_there_is_no_end(place: Place) -> None:
    client = await place.client()
    room_id = await _room(client)
    for number in range(7):
        await _send(client, room_id, f"1.{number}.msg")
    seen: list[str] = []
    token = ""
    for _ in range(20):
        body = (await client.messages(room_id, from_token=token, limit=3)).body or {}
        seen += [event["event_id"] for event in body["chunk"]]
        token = body.get("end", "")
        if not token:
            break
    assert not token
    assert len(seen) == len(set(seen)) >= 7 + 4


async def test_sync_tells_what_happened_after_its_token(place: Place) -> None:
    client = await place.client()
    room_id = await _room(client)
    first = await client.sync(None, 0)
    assert first.ok and first.body is not None
    event_id = await _send(client, room_id, "1.1.msg")
    second = await client.sync(first.body["next_batch"], 5000)
    assert second.ok and second.body is not None
    events = second.body["rooms"]["join"][room_id]["timeline"]["events"]
    assert [event["event_id"] for event in events] == [event_id]
    third = await client.sync(second.body["next_batch"], 0)
    assert third.body is not None and room_id not in third.body.get("rooms", {}).get("join", {})


async def test_a_room_newly_joined_shows_what_is_older_than_the_join_and_says_that_there_is_more(place: Place) -> None:
    client, person = await place.client(), await place.person()
    token = (await client.sync(None, 0)).body["next_batch"]  # type: ignore[index]
    room_id = await _room(person.client, invite=[client.user_id])
    before = await _send(person.client, room_id, "1.1.msg")
    assert (await client.join(room_id)).ok
    body = (await client.sync(token, 5000, {"room": {"timeline": {"limit": 100}}})).body or {}
    timeline = body["rooms"]["join"][room_id]["timeline"]
    assert timeline["limited"] is True
    assert before in [event["event_id"] for event in timeline["events"]]


async def test_a_limited_timeline_is_filled_by_messages_up_to_the_old_token(place: Place) -> None:
    client = await place.client()
    room_id = await _room(client)
    await _send(client, room_id, "1.0.msg")
    token = (await client.sync(None, 0)).body["next_batch"]  # type: ignore[index]
    sent = [await _send(client, room_id, f"2.{number}.msg") for number in range(7)]
    body = (await client.sync(token, 5000, {"room": {"timeline": {"limit": 2}}})).body or {}
    timeline = body["rooms"]["join"][room_id]["timeline"]
    assert timeline["limited"] is True
    found = [event["event_id"] for event in timeline["events"]]
    start: str | None = timeline["prev_batch"]
    while start is not None:
        page = (await client.messages(room_id, from_token=start, to_token=token, limit=2)).body or {}
        found = [event["event_id"] for event in reversed(page["chunk"])] + found
        start = page.get("end")
    assert found == sent


async def test_sync_shows_an_invite_with_its_sender_and_its_decline(place: Place) -> None:
    client, person = await place.client(), await place.person()
    token = (await client.sync(None, 0)).body["next_batch"]  # type: ignore[index]
    room_id = await _room(person.client, invite=[client.user_id])
    body = (await client.sync(token, 5000)).body or {}
    events = body["rooms"]["invite"][room_id]["invite_state"]["events"]
    own = [event for event in events if event.get("state_key") == client.user_id]
    assert [event["sender"] for event in own if event["type"] == "m.room.member"] == [person.user_id]
    assert (await client.leave(room_id, "not configured here")).ok
    body = (await client.sync(body["next_batch"], 5000)).body or {}
    assert room_id in body["rooms"]["leave"]


async def test_sync_with_a_token_of_nobody_is_refused(place: Place) -> None:
    answer = await (await place.client()).sync("nonsense", 0)
    assert answer.status == 400 and answer.errcode is not None


@pytest.mark.parametrize("version", ["10", "11", "12"])
async def test_a_state_event_is_shown_whole_with_who_sent_it(place: Place, version: str) -> None:
    client, person = await place.client(), await place.person()
    room_id = await _room(person.client, invite=[client.user_id], room_version=version)
    assert (await client.join(room_id)).ok
    answer = await client.whole_state_event(room_id, "m.room.create")
    assert answer.ok and answer.body is not None
    assert (answer.body["type"], answer.body["sender"]) == ("m.room.create", person.user_id)
    assert answer.body["content"]["room_version"] == version
    answer = await client.whole_state_event(room_id, "m.room.tombstone")
    assert (answer.status, answer.errcode) == (404, "M_NOT_FOUND")


async def test_what_was_read_is_shown_by_a_receipt(place: Place) -> None:
    client = await place.client()
    room_id = await _room(client)
    event_id = await _send(client, room_id, "1.1.msg")
    assert (await client.mark_read(room_id, event_id)).ok
    assert (await client.mark_read(room_id, event_id)).ok
    if isinstance(place.server, Homeserver):
        assert place.server.receipts == {(room_id, client.user_id): event_id}
    assert (await client.mark_read("!nowhere:localhost", event_id)).ok  # a receipt proves nothing


async def test_a_limited_account_gets_429_and_how_long_to_wait() -> None:
    server = Homeserver(clock_s=lambda: 0.0)
    server.limit_messages(10, 0.2)
    await _is_limited(Place(server, server))


@pytest.mark.slow
async def test_a_limited_account_of_synapse_gets_429_and_how_long_to_wait(tmp_path: Path) -> None:
    async with LoopbackSynapse(tmp_path, rate_limited=True) as server:
        await _is_limited(Place(server))


async def _is_limited(place: Place) -> None:
    client = await place.client()
    room_id = await _room(client)
    answers = [await client.send_event(room_id, "m.room.message", f"1.{number}.msg", MESSAGE) for number in range(12)]
    refused = [answer for answer in answers if not answer.ok]
    assert [answer.status for answer in answers][:8] == [200] * 8
    assert refused and {(answer.status, answer.errcode) for answer in refused} == {(429, "M_LIMIT_EXCEEDED")}
    assert all(0 < (answer.retry_after_ms or 0) <= 6000 for answer in refused)
    await place.aclose()
