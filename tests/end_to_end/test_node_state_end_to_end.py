"""A running gateway tells programs of its nodes in the room's state."""

from typing import Any

import pytest

from comatrix.gateway.demo.stage import Stage
from tests.end_to_end.node_programs import POST_MANY
from tests.end_to_end.room_reading import until, wait_for

pytestmark = pytest.mark.slow


async def test_what_a_node_said_stands_in_its_rooms_state(stage: Stage) -> None:
    await stage.open_homeserver()
    room = (await stage.create_room("state"))["room_id"]
    garden = await stage.provision("garden", room, post="every", interval_s=7)
    await stage.start_gateway()
    await stage.start_node("garden", garden, POST_MANY.format(count=1))
    await wait_for(stage, room, 1, 20)
    found: dict[str, Any] = {}

    async def told() -> bool:
        assert stage.person is not None
        answer = await stage.person.state_event(room, "eu.comatrix.node", str(garden["node"]))
        found.update(answer.body or {} if answer.ok else {})
        return bool(found)

    await until(told, 30, f"the state event:\n{stage.gateway_log()}")
    assert isinstance(found.pop("last_seen_ms"), int)
    assert found.pop("firmware").startswith("comatrix ")
    assert found == {"v": 1, "name": "garden", "interval": 7}
