"""What is longer than a frame goes through a node's own link in fragments, both ways, at 30 % loss."""

from pathlib import Path

import pytest
from comatrix_lora.rules import Command

from comatrix.codec import cbor
from tests.support.lora_bench import LoraBench
from tests.support.lora_on_device import Device

LONG = "".join(chr(97 + number % 26) for number in range(1024))
TO_NODE = "".join(chr(65 + number % 26) for number in range(700))


@pytest.mark.parametrize("sf", [7, 9])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_text_of_1024_bytes_arrives_once(seed: int, sf: int) -> None:
    bench = LoraBench(seed, 0.3, sf=sf)
    node = bench.boot()
    bench.run(node, 60_000)
    node.say(LONG)
    bench.every(node, list(range(5)))
    bench.run(node, 6 * 3_600_000)
    assert bench.gateway.bodies("m") == [[LONG]]
    assert bench.temperatures() == list(range(5))
    assert not node.pending()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_long_text_is_shown_once_and_the_longest_result_comes_back(seed: int) -> None:
    bench = LoraBench(seed, 0.3)
    shown: list[str] = []
    node = bench.boot()
    node.on_text(shown.append)

    @node.method("dump")
    def dump() -> str:
        return LONG[:64]

    bench.run(node, 600_000)
    bench.gateway.tell(Command(1, 255, cbor.encode(TO_NODE)), bench.now)
    bench._pump()
    bench.run(node, 3_600_000)
    bench.gateway.tell(Command(2, 0, b""), bench.now)
    bench._pump()
    bench.run(node, 3_600_000)
    assert shown == [TO_NODE]
    assert bench.gateway.results == [[1], [2, 0, LONG[:64]]]


PROGRAM = """
shown = []
node.on_text(shown.append)


@node.method("dump")
def dump():
    return "z" * 64


def wait_for(ms_):
    end = clock.at + ms_
    while clock.at < end:
        node.step(end - clock.at)


node.say("%s")
wait_for(3600000)
wait_for(3 * 3600000)
loaded = [name for name in sys.modules if name.split(".")[0] == "comatrix_lora"]
print(len(shown), shown and shown[0] == "%s", sorted(loaded))
"""


def test_on_micropython_they_pass_and_the_code_of_fragments_goes_again(lora_compiled: Path, tmp_path: Path) -> None:
    program = PROGRAM % (LONG, TO_NODE)
    device = Device(program, tmp_path, lora_compiled, HEAP, loss=0.3)
    for id, what, arguments in ((1, 255, cbor.encode(TO_NODE)), (2, 0, b"")):
        command = Command(id, what, arguments)
        device.offers[id * 4_000_000] = lambda now, command=command: device.gateway.tell(command, now)
    printed = device.finish()
    assert device.gateway.bodies("m") == [[LONG]]
    assert device.gateway.results == [[1], [2, 0, "z" * 64]]
    assert printed[-1] == "1 True ['comatrix_lora', 'comatrix_lora.errors']"


HEAP = "152k"
