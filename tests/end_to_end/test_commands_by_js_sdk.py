"""The reply to a command as matrix-js-sdk shows it, which knows nothing of us: edits applied, reactions counted."""

import asyncio

import pytest

from comatrix.gateway.config.secrets import read_secrets
from comatrix.gateway.demo.lossy_link import Faults
from comatrix.gateway.demo.stage import Stage
from tests.end_to_end.js_person import JsPerson, js_sdk
from tests.end_to_end.node_programs import OBEY
from tests.end_to_end.room_commands import PATIENCE_S
from tests.end_to_end.room_reading import until, wait_for

pytestmark = pytest.mark.slow


async def test_a_client_shows_the_reply_as_it_became_and_the_reaction(stage: Stage) -> None:
    js_sdk()
    await stage.open_homeserver()
    room = (await stage.create_room("js"))["room_id"]
    await stage.start_gateway()
    await stage.open_link(Faults(loss=0.1, delay_s=(0.001, 0.01)), seed=2)
    configuration = await stage.provision("garden", room, post="every", interval_s=3)
    node = await stage.start_node("garden", configuration | {"ack_timeout_ms": 200}, OBEY)
    await wait_for(stage, room, 2, PATIENCE_S)
    person = await JsPerson.open(stage, room)
    try:
        asked = await person.say("!cx call garden lamp 7")
        reacted = lambda: asyncio.sleep(0, bool((person.shows(asked) or {}).get("reactions")))  # noqa: E731
        await until(reacted, PATIENCE_S, "a reaction")
    finally:
        await person.close()
    bot = read_secrets(stage.place.paths.secrets).user_id
    last = person.shown[asked][-1]
    assert last["original"].startswith("garden: lamp(7) - queued as #1, "), person.shown
    assert last["body"].startswith("garden: lamp(7) - confirmed by the node"), person.shown
    assert last["edited"] and last["inReplyTo"] and last["msgtype"] == "m.notice"
    assert last["sender"] == last["editor"] == bot
    assert last["command"]["state"] == "confirmed" and last["command"]["number"] == 1
    assert last["reactions"] == [{"key": "✅", "count": 1, "senders": [bot]}]
    assert (node.folder / "done.txt").read_text() == "lamp(7)\n"
