"""The homeserver away, the token wrong, the room closed or encrypted: the gateway stays up, says so once, recovers."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from comatrix.gateway.config.secrets import read_secrets, write_secrets
from comatrix.gateway.demo.stage import Stage
from tests.end_to_end.cut_line import CutLine
from tests.end_to_end.node_programs import POST_MANY
from tests.end_to_end.room_reading import assert_once_and_in_order, events, seen, until, wait_for
from tests.support.people import Person

pytestmark = pytest.mark.slow

ENCRYPTION = {"algorithm": "m.megolm.v1.aes-sha2"}


async def opened(stage: Stage, line: CutLine) -> tuple[str, dict[str, Any]]:
    """A room, and the configuration of a node bound to it. The gateway does not run yet."""
    await stage.open_homeserver(url=line.url)
    room = (await stage.create_room("fail soft"))["room_id"]
    return room, await stage.provision("garden", room, post="every", interval_s=1)


async def post(stage: Stage, configuration: dict[str, Any], count: int) -> None:
    """The node posts `count` readings, and each is acknowledged."""
    node = await stage.start_node("garden", configuration, POST_MANY.format(count=count))
    assert await asyncio.wait_for(node.wait(), 30) == 0, node.output()
    assert node.output().endswith(f"done {count} 0 0\n"), node.output()


async def until_logged(stage: Stage, text: str, timeout_s: float = 20) -> None:
    """The gateway said so."""

    async def said() -> bool:
        return text in stage.gateway_log()

    try:
        await until(said, timeout_s, f"{text!r} in the log")
    except AssertionError as error:
        raise AssertionError(f"{error}:\n{stage.gateway_log()}") from None


def told(stage: Stage, text: str) -> int:
    """How many lines of the log hold `text`."""
    return sum(text in line for line in stage.gateway_log().splitlines())


def person(stage: Stage) -> Person:
    """The person of the stage, with hands."""
    assert stage.person is not None
    return Person(stage.person, None)


async def test_without_its_homeserver_the_gateway_starts_acknowledges_and_posts_later(
    stage: Stage, line: CutLine
) -> None:
    room, configuration = await opened(stage, line)
    await line.cut()
    await stage.start_gateway()
    await post(stage, configuration, 5)
    await until_logged(stage, "the homeserver does not answer")
    await asyncio.sleep(3)
    await line.join()
    assert_once_and_in_order(await wait_for(stage, room, 5, 20))
    await until_logged(stage, "following the rooms again")
    for line_said in ("does not answer", "cannot follow the rooms", "answers again", "following the rooms again"):
        assert told(stage, line_said) == 1, stage.gateway_log()
    assert len(await seen(stage, room)) == 5


async def test_a_wrong_token_is_told_with_what_to_do_and_a_good_one_is_taken_while_running(
    stage: Stage, line: CutLine
) -> None:
    room, configuration = await opened(stage, line)
    good = read_secrets(stage.place.paths.secrets)
    write_secrets(stage.place.paths.secrets, replace(good, access_token="syt_not_a_token"))
    await stage.start_gateway()
    await post(stage, configuration, 3)
    await until_logged(stage, "comatrix init")
    await asyncio.sleep(2)
    assert told(stage, "the account cannot send") == 1, stage.gateway_log()
    assert not await seen(stage, room)
    write_secrets(stage.place.paths.secrets, good)
    assert_once_and_in_order(await wait_for(stage, room, 3, 16))
    await until_logged(stage, "following the rooms again", 5)
    assert told(stage, "the account can send again") == 1, stage.gateway_log()


async def test_a_bot_that_was_kicked_says_so_once_and_posts_when_it_is_invited_again(
    stage: Stage, line: CutLine
) -> None:
    await stage.open_homeserver(url=line.url)
    bot = read_secrets(stage.place.paths.secrets).user_id
    room = await person(stage).create_room(preset="private_chat", invite=[bot])  # only its owner can kick the bot
    await stage.start_gateway()
    configuration = await stage.provision("garden", room, post="every", interval_s=1)
    await post(stage, configuration, 1)
    await wait_for(stage, room, 1, 20)
    await person(stage).kick(room, bot, "tidying up")
    await until_logged(stage, "no longer in room")
    await post(stage, configuration, 4)
    await until_logged(stage, "nothing can be sent there")
    assert stage.person is not None
    assert (await stage.person.invite(room, bot)).ok
    assert_once_and_in_order(await wait_for(stage, room, 5, 20))
    for line_said in ("no longer in room", "nothing can be sent there", "sending again"):
        assert told(stage, line_said) == 1, stage.gateway_log()


async def test_a_room_encrypted_while_the_gateway_runs_gets_nothing_more(stage: Stage, line: CutLine) -> None:
    room, configuration = await opened(stage, line)
    await stage.start_gateway()
    await post(stage, configuration, 2)
    await wait_for(stage, room, 2, 20)
    await person(stage).put_state(room, "m.room.encryption", ENCRYPTION)
    await until_logged(stage, "is encrypted")
    await nothing_is_posted(stage, room, configuration, before=2)


async def test_a_room_encrypted_while_the_gateway_was_off_gets_nothing(stage: Stage, line: CutLine) -> None:
    room, configuration = await opened(stage, line)
    await person(stage).put_state(room, "m.room.encryption", ENCRYPTION)
    await stage.start_gateway()
    await nothing_is_posted(stage, room, configuration, before=0)


async def test_a_room_encrypted_while_the_homeserver_was_out_of_reach_gets_nothing_more(
    stage: Stage, line: CutLine
) -> None:
    room, configuration = await opened(stage, line)
    await stage.start_gateway()
    await post(stage, configuration, 2)
    await wait_for(stage, room, 2, 20)
    await line.cut()
    await until_logged(stage, "cannot follow the rooms")
    await asyncio.sleep(4)  # the room watch looks ever more seldom: records are there before it is
    await person(stage).put_state(room, "m.room.encryption", ENCRYPTION)
    await line.join()
    await nothing_is_posted(stage, room, configuration, before=2)


async def nothing_is_posted(stage: Stage, room: str, configuration: dict[str, Any], before: int) -> None:
    """Readings are acknowledged and kept; the room stays as it is, and the operator is told once."""
    await post(stage, configuration, 3)
    await until_logged(stage, "is encrypted")
    await asyncio.sleep(3)
    assert len(await seen(stage, room)) == before, "posted in plain to an encrypted room"
    messages = [event for event in await events(stage, room) if event["type"] == "m.room.message"]
    assert len(messages) <= before
    assert told(stage, "is encrypted") == 1, stage.gateway_log()
    status = await stage.operate("status")
    assert status["records"] == before + 3 and status["waiting"] == 3, status
