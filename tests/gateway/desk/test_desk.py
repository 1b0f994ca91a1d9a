"""What is typed in a room is queued, answered or refused, once, in the transaction that stores how far it was heard."""

import pytest

from comatrix.gateway.desk.pace import BURST
from comatrix.gateway.desk.replying import EDIT_SPACING_MS
from comatrix.gateway.downlink import states
from comatrix.gateway.downlink.addressing import EDITED, TOO_LONG, Called
from comatrix.gateway.downlink.costs import Cost
from tests.gateway.desk.conftest import Made
from tests.gateway.desk.world import EVE, MINUTE_MS, OTHER, ROOM, World

SET = "!cx set garden interval 60"
INTERVAL = "interval = 60 s"
WAITS = f"garden: {INTERVAL} - queued as #1, waits for the node's next contact"


# One message.


async def test_a_command_waits_for_its_node_and_is_answered(world: World) -> None:
    said = await world.say(SET)
    assert world.items() == [(1, INTERVAL, states.QUEUED)]
    assert world.news() == [WAITS]
    (reply,) = world.replies_to(said.event_id)
    assert (reply.room_id, reply.content["msgtype"], reply.content["m.mentions"]) == (ROOM, "m.notice", {})
    assert world.read == [(ROOM, said.event_id)]
    assert world.mail.waits(1)


async def test_options_count(world: World) -> None:
    await world.say("!cx get garden interval ttl=2min priority=7")
    new = world.item().new
    assert (new.expires_ms - new.created_ms, new.priority) == (2 * MINUTE_MS, 7)


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("!cx sett garden interval 60", 'Did you mean "set"? For example: !cx set'),
        ("!cx set garden intervall 60", "Did you mean this? set interval: 5 to 86400 s."),
        ("!cx set garden interval 3", '"3" is too little'),
        ("!cx set gardn interval 60", 'There is no node "gardn" in this room. Did you mean garden?'),
        ("!cx set pump interval 60", 'There is no node "pump" in this room. What there is: !cx nodes'),
        ("!cx set barn interval 60", 'There is no node "barn" in this room.'),
        ("!cx plot garden interval", "Nothing is measured that is called"),
        ("!cx set garden/garden interval 60", "I am not the gateway"),
    ],
)
async def test_what_cannot_be_done_is_answered_with_what_can(world: World, typed: str, told: str) -> None:
    await world.say(typed, mentions_us=True)
    (answer,) = world.news()
    assert told in answer
    assert world.items() == []


@pytest.mark.parametrize("typed", ["hello", "!cxset garden interval 60", "say !cx help", ""])
async def test_what_is_no_command_is_not_answered(world: World, typed: str) -> None:
    await world.say(typed)
    assert (world.news(), world.read, world.asked) == ([], [], [])


async def test_behind_a_mention_the_prefix_need_not_come_first(world: World) -> None:
    await world.say(f"CoMatrix (garden): {SET}", mentions_us=True)
    assert world.news() == [WAITS]
    await world.say("CoMatrix: foo!cx help", mentions_us=True)
    assert world.news() == []


async def test_an_edit_is_not_executed(world: World) -> None:
    await world.say(SET, edited=True)
    await world.say("!cx sett garden", edited=True)
    await world.say(f"CoMatrix: {SET}", edited=True, mentions_us=True)
    await world.say("hello", edited=True)
    assert world.news() == [EDITED] * 3
    assert world.items() == []


async def test_too_long_a_message_is_not_executed(world: World) -> None:
    await world.say(SET, too_long=True)
    assert (world.news(), world.items()) == ([TOO_LONG], [])


async def test_what_was_typed_long_ago_is_not_done_but_a_question_is_answered(world: World) -> None:
    typed_ms = world.now_ms - 10 * MINUTE_MS - 1
    for line in (SET, "!cx get garden interval", "!cx cancel 1"):
        await world.say(line, origin_ms=typed_ms)
        assert world.news() == ["Typed at 22:03 and heard only now: it is not done. Type it again if it still holds."]
    await world.say(SET, origin_ms=0)
    assert "at an unknown time" in world.news()[0]
    await world.say("!cx nodes", origin_ms=typed_ms)
    assert world.news() == ["garden: never heard\nshed: never heard"]
    assert world.items() == []


async def test_the_answer_goes_to_the_commands_thread(world: World) -> None:
    said = await world.say(SET, thread="$root")
    relation = {"m.in_reply_to": {"event_id": said.event_id}, "rel_type": "m.thread", "event_id": "$root"}
    assert world.room[0].content["m.relates_to"] == relation | {"is_falling_back": False}
    await world.say("!cx help", thread="$root")
    assert world.room[-1].content["m.relates_to"]["event_id"] == "$root"


async def test_a_full_mailbox_is_told(world: World) -> None:
    for _ in range(4):
        await world.say("!cx get garden interval")
    assert world.news()[-1] == "garden has 3 commands waiting, and may not have more: cancel one of them, or wait."
    assert len(world.items()) == 3


async def test_a_newer_value_replaces_the_one_that_waits(world: World) -> None:
    first = await world.say(SET)
    await world.say("!cx set garden interval 90")
    assert await world.after() == [
        WAITS,
        "garden: interval = 90 s - queued as #2, waits for the node's next contact",
        f"garden: {INTERVAL} - replaced by #2, it never left",
        "🔁",
    ]
    assert world.room[-1].content["m.relates_to"]["event_id"] == first.event_id


# All of a room's nodes.


async def test_all_speaks_to_every_node_of_the_room_and_no_other(world: World) -> None:
    said = await world.say("!cx all set interval 60")
    assert [(node, state) for node, _, state in world.items()] == [(1, states.QUEUED), (2, states.QUEUED)]
    assert len(world.replies_to(said.event_id)) == 2
    await world.say("!cx all set tempo 1")
    assert world.news()[-1].count("has no setting") == 2


async def test_all_gets_no_reaction_since_two_of_a_kind_are_refused(world: World) -> None:
    await world.say("!cx all set interval 60")
    for node in (1, 2):
        await world.contact(node)
        await world.answer(0, 60, node=node)
    texts = await world.after()
    assert len([text for text in texts if "confirmed" in text]) == 2
    assert [one.type for one in world.room] == ["m.room.message"] * 4


async def test_removing_a_message_to_all_withdraws_what_waits_of_it(world: World) -> None:
    said = await world.say("!cx all set interval 60")
    await world.contact(1)
    await world.remove(said.event_id)
    assert [state for _, _, state in world.items()] == [states.ON_AIR, states.WITHDRAWN]


# Links with and without a duty cycle.


async def test_anybody_may_ask_for_the_links_airtime(world: World) -> None:
    await world.say("!cx air", sender=EVE)
    assert world.news() == ["udp: no duty cycle, 2 nodes here"]


async def test_a_reply_says_the_cost_before_it_is_sent_and_not_after(world: World) -> None:
    world.cost = Cost(370_000, 32_000_000)
    await world.say(SET)
    assert world.news() == [f"{WAITS}, costs 0.37 s of airtime, 32 s left this hour"]
    await world.contact()
    assert await world.after(EDIT_SPACING_MS) == [f"garden: {INTERVAL} - on air (attempt 1), waits for the node's word"]


# Several gateways in one room.


async def test_a_gateway_with_a_name_is_silent_about_what_it_does_not_know(made: Made) -> None:
    world = made(called=Called(name="barn"))
    for line in ("set pump interval 60", "status pump", "cancel 17", "set other/garden interval 60", "cancel other/1"):
        await world.say(f"!cx {line}")
    assert (world.news(), world.read) == ([], [])
    await world.say("!cx set pump interval 60", mentions_us=True)
    assert 'no node "pump"' in world.news()[0]
    await world.say("!cx set other/garden interval 60", mentions_us=True)
    assert world.news() == ['I am not the gateway "other"; this one is called barn.']


async def test_it_answers_to_its_name(made: Made) -> None:
    world = made(called=Called(name="Barn"))
    await world.say("!cx set barn/garden interval 60")
    assert world.news() == [WAITS]
    await world.say("!cx set barn/pump interval 60")
    assert 'no node "pump"' in world.news()[0]
    await world.say("!cx cancel barn/1")
    assert world.item().state == states.CANCELLED


async def test_where_the_gateway_has_no_name_the_operator_is_told_of_a_command_that_names_one(made: Made) -> None:
    world = made(called=Called())
    for line in ("set barn/garden interval 60", "cancel other/1", "set barn/garden interval 60"):
        await world.say(f"!cx {line}", sender=EVE)
    assert (world.news(), world.read, world.items(), world.asked) == ([], [], [], [])
    assert world.operator == [
        f'a command in {ROOM} names the gateway "barn"; this one has no name and was silent. If it was meant, give it '
        "that name: [gateway] name"
    ]
    await world.say("!cx status barn/garden", room_id=OTHER)
    await world.say("!cx status barn/garden", room_id="!nobodys:b")
    assert len(world.operator) == 2


async def test_a_gateway_with_a_name_takes_another_ones_for_granted(made: Made) -> None:
    world = made(called=Called(name="shed"))
    await world.say("!cx set barn/garden interval 60")
    assert (world.news(), world.operator) == ([], [])


async def test_what_is_meant_for_another_gateway_costs_nothing(made: Made) -> None:
    world = made(called=Called(name="barn"))
    await world.hear(*(world.said("!cx get pump interval") for _ in range(BURST + 5)))
    await world.say(SET)
    assert world.news() == [WAITS]
