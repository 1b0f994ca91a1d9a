"""The service user hears for the bot: from when it came, and through gaps."""

import pytest

from tests.gateway.appservice.conftest import EVERY
from tests.gateway.appservice.world import World, until
from tests.support.people import Person

SYNCING = [param for param in EVERY if "sync" in str(param.id)]
pytestmark = pytest.mark.parametrize("world", SYNCING, indirect=True)


async def write(person: Person, room_id: str, count: int) -> list[str]:
    """Texts, one after the other, by one connection."""
    texts = [f"{room_id} {number}" for number in range(count)]
    for number, text in enumerate(texts):
        content = f'{{"msgtype":"m.text","body":"{text}"}}'.encode()
        assert (await person.client.send_event(room_id, "m.room.message", f"{count}.{number}", content)).ok
    return texts


@pytest.mark.parametrize("after", [1, 120])
async def test_what_was_typed_before_it_came_is_not_heard(world: World, after: int) -> None:
    owner = await world.owner()
    await world.room(owner)
    await world.following()
    await world.stop()
    room_id = await owner.create_room(preset="private_chat", invite=[world.bot.user_id])
    await world.start()
    await world.following()
    assert (await world.client.join(room_id)).ok  # the bot is there and hears nothing itself
    await write(owner, room_id, 3)
    await world.stop_watching()
    world.bind(room_id)
    service = await world.speaking.intake.sync(world.heard.since, 0)  # comes in
    assert service.ok
    texts = await write(owner, room_id, after)
    await world.stop()
    await world.start()
    await until(lambda: len(world.heard.texts) >= after)
    assert world.heard.texts == texts


async def test_what_an_answer_leaves_out_is_read_as_the_service_user(world: World) -> None:
    owner = await world.owner()
    room = await world.room(owner)
    await world.following()
    await owner.say(room.room_id, "get garden interval")
    await until(lambda: len(world.heard.texts) == 1)
    await world.stop()
    texts = await write(owner, room.room_id, 150)
    assert (await owner.client.invite(room.room_id, world.bot.user_id)).status == 403  # is there
    await owner.kick(room.room_id, world.bot.user_id)  # whoever asks as the bot is shown nothing newer
    await world.start()
    await until(lambda: len(world.heard.texts) == 151)
    assert world.heard.texts[1:] == texts
