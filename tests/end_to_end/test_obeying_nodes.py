"""A hundred commands to three real nodes over a bad link, through kills of the gateway: each is done at most once, and
what is told of it is what the node did."""

import asyncio
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from comatrix.gateway.demo.lossy_link import Faults
from comatrix.gateway.demo.stage import Stage
from comatrix.gateway.errors import GatewayError
from tests.end_to_end.log_check import check_log
from tests.end_to_end.node_programs import OBEY, OBEY_ASLEEP
from tests.end_to_end.room_commands import PATIENCE_S, REACTIONS, Told, Typist, described, done, told_of
from tests.end_to_end.room_reading import assert_once_and_in_order, seen, until
from tests.support.micropython import real_micropython

pytestmark = pytest.mark.slow

IN_ROOM, AT_GATEWAY = 40, 59  # and one more, that expires: `comatrix command list --all` shows a hundred
AWAKE, ASLEEP = ("garden", "cellar"), "roof"
NODES = (*AWAKE, ASLEEP)
PLENTY = "\n[commands]\nper_node = 100\n"
BAD_LINK = Faults(loss=0.3, double=0.1, late=0.1, delay_s=(0.001, 0.02), late_s=0.15)
STARTS = 20


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """With a Synapse of its own, which is restarted."""
    real_micropython()
    made = Stage(tmp_path, print)
    try:
        yield made
    finally:
        await made.close()
        check_log(made)


@dataclass(slots=True)
class Garden:
    """Three nodes, three people, one room. `typed`: event id -> the line a node writes when it does that, or ""."""

    stage: Stage
    room: str
    people: list[Typist]
    dice: random.Random = field(default_factory=lambda: random.Random(4))
    typed: dict[str, str] = field(default_factory=dict)

    @classmethod
    async def opened(cls, stage: Stage) -> "Garden":
        """All described themselves."""
        await stage.open_homeserver(PLENTY)
        assert stage.person is not None
        people = [Typist(stage, stage.person.account.access_token, stage.person.user_id)]
        people += [await Typist.register(stage, name) for name in ("bob", "carol")]
        room = await stage.operate("room.create", name="told", invite=[one.user_id for one in people], alias="")
        for one in people:
            await one.join(room["room_id"])
        await stage.start_gateway()
        await stage.open_link(BAD_LINK, seed=3)
        for name in NODES:
            configuration = await stage.provision(name, room["room_id"], post="every", interval_s=2)
            program = OBEY_ASLEEP.format(awake_ms=4000) if name == ASLEEP else OBEY
            await stage.start_node(name, configuration | {"ack_timeout_ms": 150}, program)
        await until(lambda: asyncio.sleep(0, described(stage) == len(NODES)), PATIENCE_S, "what nodes can be told")
        return cls(stage, room["room_id"], people)

    async def type_in_the_room(self) -> None:
        """All four verbs, in turn by all people: nobody is slowed down by the gateway's own limit."""
        for number in range(IN_ROOM):
            node, verb = NODES[number % 3], ("call", "set", "get", "say")[number % 4]
            text, line = command(verb, node, 1000 + number)
            ttl = " ttl=4s" if number % 10 == 8 else ""
            event_id = await self.people[number // 3 % 3].say(self.room, f"!cx {text}{ttl}")
            self.typed[event_id] = line
            await asyncio.sleep(self.dice.uniform(0.2, 0.6))

    async def type_at_the_gateway(self) -> None:
        """As `comatrix command call` does, also while the gateway is dead or dies over it."""
        for number in range(AT_GATEWAY):
            node, verb = NODES[number % 3], ("call", "say", "call", "set")[number % 4]
            _, line = command(verb, node, 2000 + number)
            name, words = {
                "call": ("lamp", [str(2000 + number)]),
                "set": ("level", [str(2000 + number)]),
                "say": (None, [f"text {2000 + number}"]),
            }[verb]
            await self._add(line, {"verb": verb, "node": node, "name": name, "words": words})
            await asyncio.sleep(self.dice.uniform(0.1, 0.4))

    async def _add(self, line: str, args: dict[str, Any]) -> None:
        """Once: a person looks whether it is there before typing it again."""
        while True:
            try:
                if not [one for one in await self.listed() if one["shown"] == line]:
                    await self.stage.operate("command.add", **args)
                return
            except GatewayError:
                await asyncio.sleep(0.3)

    async def trouble(self) -> None:
        """Three times the gateway is killed at any moment, once the homeserver is started again."""
        for round_ in range(3):
            await asyncio.sleep(self.dice.uniform(1.0, 5.0))
            await self.stage.end_gateway(signal.SIGKILL)
            if round_ == 1:
                await self.stage.synapse.stop()
                await self.stage.synapse.start()
            await self._start_again()

    async def _start_again(self) -> None:
        """As a service manager does: commands typed meanwhile may hold the database longer than a start waits."""
        for _ in range(STARTS):
            try:
                await self.stage.start_gateway()
            except GatewayError as error:
                assert "is in use by another process" in error.text, error.text
                await asyncio.sleep(0.5)
            else:
                return
        raise AssertionError(f"the gateway did not start:\n{self.stage.gateway_log()}")

    async def listed(self) -> list[dict[str, Any]]:
        """`comatrix command list --all`."""
        found: list[dict[str, Any]] = await self.stage.operate("command.list", all=True)
        return found

    async def told(self) -> dict[str, Told]:
        """As people read the room."""
        return await told_of(self.stage, self.room, list(self.typed))

    async def over(self) -> bool:
        """Nothing waits or is on air, and the room says of each command what the gateway does."""
        items = {one["number"]: one for one in await self.listed()}
        if any(one["state"] in ("queued", "on_air") for one in items.values()):
            return False
        return all(told_is_true(told, items) for told in (await self.told()).values())

    def executed(self) -> dict[str, Counter[str]]:
        """Node -> line -> how often, from the nodes' own folders."""
        return {name: Counter(done(self.stage, name)) for name in NODES}


def told_is_true(told: Told, items: dict[int, dict[str, Any]]) -> bool:
    """Whether the reply says what became of its command, and the reaction is there where there is to be one."""
    if told.number not in items or not told.texts:
        return False
    state = items[told.number]["state"]
    return told.states[-1] == state and told.reactions == REACTIONS[state]


def command(verb: str, node: str, number: int) -> tuple[str, str]:
    """-> (what is typed, how the node writes down that it did it: a line no other command has)."""
    return {
        "call": (f"call {node} lamp {number}", f"lamp({number})"),
        "set": (f"set {node} level {number}", f"level = {number}"),
        "get": (f"get {node} level", ""),
        "say": (f'say {node} "text {number}"', f'"text {number}"'),
    }[verb]


async def test_each_of_a_hundred_commands_is_done_at_most_once_and_told_as_it_is(stage: Stage) -> None:
    garden = await Garden.opened(stage)
    await asyncio.gather(garden.type_in_the_room(), garden.type_at_the_gateway(), garden.trouble())
    await until_over(garden)
    assert_at_most_once(garden)
    await assert_executed_is_what_is_said(garden)
    await assert_one_final_state_each(garden)
    await assert_what_expires_never_ran(garden)
    assert all(node.running for node in stage.nodes.values()), {n: node.output() for n, node in stage.nodes.items()}
    assert stage.link is not None and stage.link.counts.lost > stage.link.counts.sent // 5
    assert_once_and_in_order(await seen(stage, garden.room))


async def until_over(garden: Garden) -> None:
    """Fails with what the room says instead, and the gateway's log."""
    try:
        await until(garden.over, PATIENCE_S, "every command over, and told so")
    except AssertionError as error:
        assert_at_most_once(garden)
        items = {one["number"]: one for one in await garden.listed()}
        wrong = [told for told in (await garden.told()).values() if not told_is_true(told, items)]
        waits = [one for one in items.values() if one["state"] in ("queued", "on_air")]
        raise AssertionError(f"{error}\n{wrong}\n{waits}\n{garden.stage.gateway_log()}") from None


def assert_at_most_once(garden: Garden) -> None:
    """Whatever was lost, repeated, killed."""
    twice = {name: [line for line, n in counted.items() if n > 1] for name, counted in garden.executed().items()}
    assert not any(twice.values()), twice


async def assert_executed_is_what_is_said(garden: Garden) -> None:
    """Confirmed: done. Done: confirmed, or nothing is known because its time was over. Never done: what says so."""
    items = await garden.listed()
    assert len(items) == IN_ROOM + AT_GATEWAY
    executed = garden.executed()
    for item in items:
        if item["verb"] == "get":
            assert item["state"] in ("confirmed", "expired", "not_confirmed"), item
            continue
        was_done = executed[item["node"]].pop(item["shown"], 0)
        if item["state"] == "confirmed":
            assert was_done, item
        elif item["state"] == "not_confirmed":
            assert item["ended_ms"] >= item["expires_ms"], item
        else:
            assert item["state"] in ("expired", "replaced") and not was_done, item
    assert not any(executed.values()), f"done, and nobody asked for it: {executed}"
    states = Counter(item["state"] for item in items)
    print(states)
    assert states["confirmed"] > len(items) // 2


async def assert_one_final_state_each(garden: Garden) -> None:
    """One reply a command; of all it ever said one thing is final, but that nothing was known may be over."""
    items = {one["number"]: one for one in await garden.listed()}
    for event_id, told in (await garden.told()).items():
        assert len(told.replies) == 1, told
        item = items[told.number]
        line = garden.typed[event_id]
        assert item["shown"] == (line or "level"), (item, told)
        final = [state for state in told.states if state != "open"]
        assert final in ([item["state"]], ["not_confirmed", item["state"]]), told
        first_final = len(told.states) - len(final)
        assert told.states[:first_final] == ["open"] * first_final, told
        assert len(set(told.texts)) == len(told.texts), f"an edit that changes nothing: {told}"


async def assert_what_expires_never_ran(garden: Garden) -> None:
    """A node that is off makes no contact: what it does not get in time it never does, also when it is back."""
    stage, (alice, *_) = garden.stage, garden.people
    name = AWAKE[0]
    await stage.nodes[name].stop()
    event_id = await alice.say(garden.room, f"!cx call {name} lamp 9999 ttl=5s")
    garden.typed[event_id] = "lamp(9999)"
    await until_over(garden)
    told = (await garden.told())[event_id]
    assert told.states[-1] == "expired" and "expired at " in told.texts[-1], told
    assert told.texts[-1].endswith(", never reached the node") and told.reactions == REACTIONS["expired"]
    number = max(one.seq for one in await seen(stage, garden.room) if one.node == 1)
    await stage.resume_node(name)

    async def back() -> bool:
        return max(one.seq for one in await seen(stage, garden.room) if one.node == 1) > number

    await until(back, PATIENCE_S, f"{name} to be back")
    assert "lamp(9999)" not in done(stage, name)
