"""Commands through a bot on an account like any other: the homeserver takes ten events at once, then one in 5 s."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from comatrix.gateway.config.secrets import read_secrets
from comatrix.gateway.demo.lossy_link import Faults
from comatrix.gateway.demo.stage import Stage, expect
from comatrix.gateway.demo.synapse import LoopbackSynapse
from comatrix.gateway.edges.matrix import MatrixClient
from tests.end_to_end.http_wire import HttpWire
from tests.end_to_end.keyboard import Keyboard
from tests.end_to_end.log_check import check_log
from tests.end_to_end.node_programs import OBEY_OR_SULK
from tests.end_to_end.room_commands import PATIENCE_S, REACTIONS, Told, described, done
from tests.end_to_end.room_reading import assert_once_and_in_order, seen, until
from tests.support.micropython import real_micropython

pytestmark = pytest.mark.slow

LINK = Faults(loss=0.1, double=0.1, delay_s=(0.001, 0.02))
INTERVAL_S = 8  # less often than the account may speak: the ten are saved up when people begin to type
TO_THE_NODE = {
    "!cx call garden lamp 1": "confirmed",
    "!cx call garden lamp 2": "confirmed",
    "!cx set garden level 3": "replaced",
    "!cx set garden level 4": "confirmed",
    "!cx call garden sulk": "refused",
    '!cx say garden "five"': "confirmed",
    "!cx call garden lamp 6": "confirmed",
    "!cx get garden level": "confirmed",
    "!cx call garden lamp 7": "confirmed",
}
AT_ONCE = {
    "!cx nodes": "garden",
    "!cx set garden level -1": "is too little",
    "!cx fire": '"fire" is no command',
}
DONE = ("lamp(1)", "lamp(2)", "level = 4", '"five"', "lamp(6)", "lamp(7)")
EVENTS = 2 * len(TO_THE_NODE) + len(AT_ONCE)  # a reply each, and an edit of those that were not over at once
BURST, EACH_S = 10, 5.0
BOUND_S = (EVENTS - BURST) * EACH_S + 60.0  # 60 s: whatever else this machine does meanwhile


@dataclass(slots=True)
class Limited:
    """`wire`: between gateway and homeserver."""

    stage: Stage
    wire: HttpWire

    def events(self, status: int) -> int:
        """How many attempts to send an event were answered like this."""
        found = [one for one in self.wire.requests if one[0].first.startswith("PUT") and "/send/" in one[0].first]
        return sum(answered == status for _, answered in found)


@pytest.fixture
async def limited(tmp_path: Path) -> AsyncIterator[Limited]:
    """Only the bot is limited."""
    real_micropython()
    async with LoopbackSynapse(tmp_path / "homeserver", rate_limited=True) as synapse:
        wire, stage = HttpWire(synapse.port), Stage(tmp_path, print, synapse)
        await wire.open()
        try:
            await stage.open_homeserver(url=wire.url)
            assert stage.person is not None
            await _unlimit(synapse, stage.person.user_id)
            yield Limited(stage, wire)
        finally:
            await stage.close()
            await wire.close()
            check_log(stage)


async def _unlimit(synapse: LoopbackSynapse, user_id: str) -> None:
    """As an administrator does: a person who types twelve lines is not to be slowed down here."""
    await synapse.register("root", "root of all", admin=True)
    async with MatrixClient(synapse.base_url) as client:
        token = expect(await client.login_password("root", "root of all", "ROOT", "root"), "log in")["access_token"]
    url = f"{synapse.base_url}/_synapse/admin/v1/users/{quote(user_id, safe='')}/override_ratelimit"
    async with httpx.AsyncClient(trust_env=False, headers={"Authorization": f"Bearer {token}"}) as http:
        answer = await http.post(url, json={"messages_per_second": 0, "burst_count": 0})
    assert answer.status_code == 200, answer.text


async def test_twelve_commands_in_a_row_each_end_in_one_true_state(limited: Limited) -> None:
    stage = limited.stage
    room = (await stage.create_room("told"))["room_id"]
    await stage.start_gateway()
    await stage.open_link(LINK, seed=7)
    configuration = await stage.provision("garden", room, post="every", interval_s=INTERVAL_S)
    await stage.start_node("garden", configuration | {"ack_timeout_ms": 200}, OBEY_OR_SULK)
    await until(lambda: asyncio.sleep(0, described(stage) == 1), PATIENCE_S, "what the node can be told")
    person = await Keyboard.open(stage, room)
    try:
        begun_s = time.monotonic()
        for text in [*TO_THE_NODE, *AT_ONCE]:
            await person.say(text)
        measured = len(await seen(stage, room))
        await _until_all_over(stage, person)
        took_s = time.monotonic() - begun_s
        await until(lambda: _more(stage, room, measured), PATIENCE_S, "readings to go on")
        print(f"told after {took_s:.0f} s, {limited.events(200)} events, {limited.events(429)} refused")
        told = await person.told()
        await person.assert_client_shows(told, read_secrets(stage.place.paths.secrets).user_id)
    finally:
        await person.close()
    assert took_s < BOUND_S
    assert Counter(done(stage, "garden")) == Counter(DONE)
    items = {one["number"]: one for one in await stage.operate("command.list", all=True)}
    assert {one["number"] for one in items.values()} == {one.number for one in told.values() if one.number}
    for event_id, one in told.items():
        _assert_told(person.typed[event_id], one, items.get(one.number, {}).get("state"))
    assert limited.events(429) <= 4, "it knows by now how much it may say"
    assert_once_and_in_order(await seen(stage, room))


async def _until_all_over(stage: Stage, person: Keyboard) -> None:
    """The room shows a final state of each command, and a reply to the rest."""

    async def over() -> bool:
        told = await person.told()
        return all(
            one.texts and (person.typed[one.event_id] in AT_ONCE or one.states[-1] != "open") for one in told.values()
        )

    try:
        await until(over, BOUND_S, "every command over, and told so")
    except AssertionError as error:
        raise AssertionError(f"{error}\n{await person.told()}\n{stage.gateway_log()}") from None


async def _more(stage: Stage, room: str, than: int) -> bool:
    return len(await seen(stage, room)) > than


def _assert_told(text: str, told: Told, state: str | None) -> None:
    """One reply, one final state; what it was on the way there is told at most once."""
    assert len(told.replies) == 1, told
    if text in AT_ONCE:
        assert state is None and len(told.texts) == 1 and AT_ONCE[text] in told.texts[0], told
        return
    final = [one for one in told.states if one != "open"]
    assert final == [state] == [TO_THE_NODE[text]], told
    assert told.states[-1] == state and len(told.texts) <= 3, told
    assert told.reactions in ([], REACTIONS[state]), told  # a reaction goes last
