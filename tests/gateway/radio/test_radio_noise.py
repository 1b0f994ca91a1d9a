"""Bad serial lines and hostile bytes: no exception, bounded memory, and it works afterwards."""

import random
import tracemalloc

import pytest

from comatrix.gateway.radio.dialect import Accepted, Line
from comatrix.gateway.radio.events import Ready, Refused, Sent, Unknown
from comatrix.gateway.radio.machine import UNREAD, Driver
from comatrix.gateway.radio.probe import Probe
from comatrix.gateway.radio.states import State
from tests.gateway.radio.bench import KINDS, Bench, dialect

NOISE = 100_000
PIECES = [b"+RCV=", b"+RCV=1,240,", b"\r\n", b"+OK\r\n", b"+EVT:RXP2P:", b"+READY", b"AT_", b"OK\r\n", b"+ERR=17\r\n"]


def ends(bench: Bench, side: int) -> list[object]:
    told = [*bench.sides[side].of(Sent), *bench.sides[side].of(Refused), *bench.sides[side].of(Unknown)]
    return sorted(event.token for event in told if isinstance(event, Sent | Refused | Unknown))  # type: ignore[type-var]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(4))
def test_over_a_garbling_line_every_frame_ends_once_and_most_arrive(kind: str, seed: int) -> None:
    bench = Bench(kind, seed, garbled=30, noise=30, most_bytes=40)
    bench.open()
    bench.run(60_000)
    for number in range(40):
        bench.sides[0].driver.send(number.to_bytes(2, "big") * 12, number, bench.now)
        bench.run(3000)
    bench.run(120_000)
    assert ends(bench, 0) == list(range(40)), "each ends once"
    heard = bench.sides[1].heard()
    right = {frame for frame in heard if len(frame) == 24 and frame == frame[:2] * 12}
    assert len(right) >= 28
    bench.garbled = 0
    bench.run(305_000)
    bench.sides[0].driver.send(b"clear again", 99, bench.now)
    bench.run(3000)
    assert bench.sides[1].driver.state is State.READY and b"clear again" in bench.sides[1].heard()


def noise(seed: int) -> bytes:
    """Random bytes, with beginnings of messages strewn in."""
    source = random.Random(seed)
    made = bytearray()
    while len(made) < NOISE:
        made += source.choice(PIECES) if source.randrange(4) == 0 else source.randbytes(source.randrange(1, 40))
    return bytes(made[:NOISE])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("pure", [True, False])
def test_noise_raises_nothing_takes_no_memory_and_is_over_when_it_is_over(kind: str, pure: bool) -> None:
    bench = Bench(kind)
    bench.open()
    bench.run(8000)
    side = bench.sides[0]
    hostile = random.Random(3).randbytes(NOISE) if pure else noise(4)
    side.driver.send(b"in the middle", 1, bench.now)
    tracemalloc.start()
    at = 0
    while at < len(hostile):
        size = 1 + bench.random.randrange(300)
        side.driver.receive(hostile[at : at + size], bench.now)
        side.module.receive(hostile[at : at + size], bench.now)
        at += size
        bench.now += 1
        side.driver.handle_timer(bench.now)
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < 600_000
    bench.run(400_000)
    assert len(ends(bench, 0)) == 1
    side.driver.send(b"afterwards", 2, bench.now)
    bench.run(3000)
    assert side.driver.state is State.READY and b"afterwards" in bench.sides[1].heard()


@pytest.mark.parametrize("kind", ["rylr998", "rui3"])
def test_byte_by_byte_is_as_good(kind: str) -> None:
    whole, single = (Driver(dialect(kind, True)) for _ in range(2))
    said = {
        "rylr998": b"\xff\xfe+RCV=5,9,\r\n+OK,,\r\n,-80,12\r\n+ERR=12\r\n"
        b"junk+RCV=5,2,ab,-80,12\r\n+RCV=x\r\n+RCV=5,1,c,-1,1\r\n",
        "rui3": b"\xff+EVT:RXP2P:-80:12:00FF\r\n+EVT:RXP2P:-1:1:0\r\n+EVT:RXP2P, RSSI -28, SNR 5\r\n+EVT:4865\r\n",
    }[kind]
    heard: list[list[object]] = []
    for driver, pieces in ((whole, [said]), (single, [bytes([byte]) for byte in said])):
        driver.opened(0)
        for piece in pieces:
            driver.receive(piece, 1)
        heard.append([])
        while (event := driver.next_event()) is not None:
            heard[-1].append(event)
    assert heard[0] == heard[1] and len(heard[0]) == {"rylr998": 3, "rui3": 2}[kind]


@pytest.mark.parametrize("kind", ["rylr998", "rui3"])
def test_a_line_without_an_end_takes_no_memory_and_the_next_is_read(kind: str) -> None:
    stream = dialect(kind).stream()
    tracemalloc.start()
    for _ in range(NOISE // 100):
        assert all(isinstance(said, Line) for said in stream.feed(b"x" * 100))
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < 20_000
    ok = {"rylr998": b"+OK", "rui3": b"OK"}[kind]
    assert [said for said in stream.feed(b"\r\n" + ok + b"\r\n") if not isinstance(said, Line)] == [Accepted()]


def test_events_nobody_asks_for_are_bounded_and_counted() -> None:
    driver = Driver(dialect("rylr998", True))
    driver.opened(0)
    for _ in range(UNREAD + 10):
        driver.receive(b"+RCV=1,1,a,-1,1\r\n", 1)
    assert driver.unheard == 10


def test_a_probe_in_noise_ends_without_a_find() -> None:
    probe = Probe()
    probe.opened(0)
    hostile = random.Random(5).randbytes(NOISE)
    for at in range(0, NOISE, 100):
        probe.receive(hostile[at : at + 100], at)
        probe.bytes_to_write(at)
        probe.handle_timer(at)
    assert probe.done and probe.found is None


def test_a_ready_driver_was_ready_once() -> None:
    bench = Bench("rylr998")
    bench.open()
    bench.run(1_000_000)
    assert [len(side.of(Ready)) for side in bench.sides] == [1, 1], "the watch is no news"
