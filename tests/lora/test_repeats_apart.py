"""Nodes whose frames met once do not meet for ever."""

from tests.lora.link_world import PERIOD_MS, World

BETWEEN_MS = 75  # the second sends while the first is answered: neither hears anything


def test_two_nodes_in_step_come_apart() -> None:
    world = World(nodes=2, jitter_ms=0)
    for count in range(3):
        for node in world.nodes.values():
            node.reading(count)
            world.run_ms(BETWEEN_MS)
        world.run_ms(PERIOD_MS - 2 * BETWEEN_MS)
    world.run_ms(12 * PERIOD_MS)
    assert all(node.idle for node in world.nodes.values())
    assert [len(shelf.rows) for shelf in world.shelves.values()] == [3, 3]
