"""A node's life over a bad link: readings, texts, a description, resets of either side; then what came of it."""

from comatrix_lora.medium.loss import LossSettings
from comatrix_lora.medium.randomness import Stream

from tests.lora.link_world import PERIOD_MS, World

DESCRIPTION = bytes(range(256)) * 4
LOSSES = {
    "none": None,
    "30 %": LossSettings(independent=0.3),
    "50 %": LossSettings(independent=0.5),
    "30 % in bursts": LossSettings(bursts=0.3),
    "50 % in bursts": LossSettings(bursts=0.5),
}


def story(world: World, readings: int, faults: int = 0) -> dict[int, list[bytes]]:
    """Readings of every node a period apart, a text with every tenth, one description; `faults`: most resets of some
    side in a period. Ends when all is delivered. -> the texts of each node."""
    said: dict[int, list[bytes]] = {number: [] for number in world.nodes}
    fate = Stream(world.seed, "faults")
    for i in range(readings):
        for number, node in world.nodes.items():
            node.reading(i)
            if i % 10 == 5:
                said[number].append(b"\x82" + bytes((number, i % 256, i // 256)))
                node.record("m", said[number][-1])
            if i == 20:
                node.record("d", DESCRIPTION)
        for _ in range(fate.below(faults + 1)):
            at_us = 1000 * fate.below(4000 if fate.below(2) else PERIOD_MS)
            world.medium.after(at_us, (world.nodes[1].reset, world.start_hub)[fate.below(2)])
        world.run_ms(PERIOD_MS)
    world.settle()
    return said


def check(world: World, readings: int, said: dict[int, list[bytes]]) -> None:
    """Everything arrived exactly once, in order but for what is marked late; and no law was broken."""
    for number, node in world.nodes.items():
        shelf = world.shelves[number]
        came = sorted(row[1] for row in shelf.rows.values() if row[0] == "r")
        assert came == list(range(readings))
        assert world.texts(number, "m") == said[number]
        assert world.texts(number, "d") == [DESCRIPTION] * (readings > 20)
        assert (node.refused, node.dropped, node.station.readings_open.lost) == ([], 0, 0)
        assert len(shelf.posted) == readings
        highest = -1
        for seq, late in shelf.posted:
            assert late == (seq < highest)
            highest = max(highest, seq)
    world.check_airtime()
