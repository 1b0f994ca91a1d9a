"""Both ends of the link say the very same on CPython and on a real MicroPython, in little memory."""

from pathlib import Path

import pytest

from tests.lora import station_script
from tests.lora.script_text import on_device
from tests.support.micropython import run_script

SCRIPT = on_device(station_script)
HEAP = """
import gc
from comatrix_lora.ledger import Ledger
from comatrix_lora.mac import Channel, Mac
from comatrix_lora.schema import climate
from comatrix_lora.station import Station
from comatrix.session.counter import Counter
from comatrix.session.keys import Keys, node_id
from comatrix.session.oscore import Binding
from comatrix.session.replay import Window
from comatrix_lora.frame import Peer
from comatrix_node.crypto import aead
def used():
    gc.collect()
    return gc.mem_alloc()
peer = Peer(Keys(bytes(16), node_id(7), b"", aead, b"l").context(), lambda kid, n: Binding(kid, n, b"").aad, Window())
counter = Counter(1, 32)
counter.granted(100000)
schemas = {0: climate()}
before = used()
station = Station(peer, counter, Mac(Channel(9), Ledger(10000), lambda n: 0), schemas, 600000)
empty = used() - before
now = 0
for i in range(32):
    now = i * 600000
    station.readings(0, {0: 2000 + i, 1: 450}, now, now)
    for at in range(now, now + 5000, 500):
        station.datagrams_to_send(at)
while station.next_event():
    pass
print(empty, used() - before)
"""


def test_a_seed_gives_the_same_again_and_another_seed_another() -> None:
    first, again, other = (station_script.run(20, seed) for seed in (1, 1, 2))
    assert first == again and first[1] != other[1]


@pytest.mark.parametrize("seed", [1, 2])
def test_micropython_sends_and_tells_the_very_same(tmp_path: Path, seed: int) -> None:
    line, digest = station_script.run(40, seed)
    words = line.split()
    assert words[4:8] == ["doubled", "0", "r", "40"] and words[-1] == "1", line
    found = run_script(SCRIPT, tmp_path, arguments=("40", str(seed)), timeout_s=120).splitlines()
    assert found == [line, digest]


def test_a_station_takes_little_heap(tmp_path: Path) -> None:
    """64-bit words: a board has half of it."""
    empty, full = (int(word) for word in run_script(HEAP, tmp_path).split())
    assert empty < 6_000 and full < 20_000, (empty, full)
