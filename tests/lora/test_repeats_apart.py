"""Nodes whose frames met once do not meet for ever."""

from comatrix_lora.station_events import Reserve

from tests.lora.link_world import PERIOD_MS, World

JITTER_MS = 500
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


def test_a_reading_is_repeated_also_by_a_node_that_sleeps_again_before_that_is_due() -> None:
    world = World()
    node = world.nodes[1]
    for out in world.out.values():
        out.radio.sleep()  # the only frame is lost
    node.reading(1)
    world.run_ms(5000)
    kept = node.station.kept(world.now)
    frames, elapsed_ms = 0, PERIOD_MS // 2
    for wake in range(1, 7):
        node.kept = None
        node.boot()
        node.station.restore(kept, world.now, elapsed_ms)
        while not (sent := node.station.datagrams_to_send(world.now + JITTER_MS)):
            event = node.station.next_event()
            if not isinstance(event, Reserve):
                break
            node.limit = event.limit
            node.station.reserved(event.limit, world.now)
        frames += len(sent)
        kept = node.station.kept(world.now)
        assert frames <= max(0, wake - 2)
    assert frames


def test_two_nodes_that_wake_together_come_apart() -> None:
    """What waits is due at once when they wake, and nothing new keeps them apart."""
    world = World(nodes=2)
    for out in world.out.values():
        out.radio.sleep()  # the first frames are lost
    for node in world.nodes.values():
        node.reading(1)
    world.run_ms(PERIOD_MS)
    for out in world.out.values():
        out.radio.listen()
    for _ in range(8):
        for node in world.nodes.values():
            node.kept = node.station.kept(world.now)
            node.boot()
            world.run_ms(BETWEEN_MS)
        world.run_ms(PERIOD_MS - 2 * BETWEEN_MS)
    assert all(node.idle for node in world.nodes.values())
    assert [len(shelf.rows) for shelf in world.shelves.values()] == [1, 1]
