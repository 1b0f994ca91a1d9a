"""Thousands of bent datagrams, from one address and from many: the gateway neither dies, nor grows, nor shouts."""

import random

import pytest

from comatrix.gateway.demo.stage import Stage
from tests.end_to_end.datagrams import flood, loopback_addresses
from tests.end_to_end.hostile_target import READING, Attacker, Target, layer, opened_target, post_r
from tests.end_to_end.processes import rss_kib

pytestmark = pytest.mark.slow

WARM_UP, FLOOD = 4000, 8000
GROWTH_KIB = 12 * 1024
SOURCES = 400


@pytest.fixture
async def target(stage: Stage) -> Target:
    """Running."""
    return await opened_target(stage)


class Bender:
    """Vectors, and good messages, with a few bytes changed."""

    def __init__(self, configuration: dict[str, object]) -> None:
        self._random = random.Random(11)
        self._seeds = [bytes.fromhex(row["hex"]) for row in layer("coap") + layer("oscore")]
        self._seeds += [post_r(bytes.fromhex(row["hex"]), 1) for row in layer("cbor")]
        self._seeds += [post_r(READING + b"\x00", 2)]
        bad = Attacker(dict(configuration))
        self._seeds += [bad.request(2, b"\xa1\x00\x01", path) for path in (b"r", b"m", b"h", b"t")]

    def bent(self) -> bytes:
        """One datagram."""
        generator = self._random
        data = bytearray(generator.choice(self._seeds)[:1200])
        for _ in range(generator.randrange(1, 6)):
            place = generator.randrange(len(data) + 1)
            what = generator.randrange(4)
            if what == 0 and place < len(data):
                data[place] ^= 1 << generator.randrange(8)
            elif what == 1:
                data[place:place] = generator.randbytes(generator.randrange(9))
            elif what == 2:
                del data[place:]
            else:
                data[2:4] = generator.randbytes(2)
        return bytes(data)


@pytest.mark.parametrize("sources", [["127.3.0.1"] * SOURCES, loopback_addresses(SOURCES, 4)], ids=["one", "many"])
async def test_a_flood_neither_kills_nor_fattens_the_gateway(target: Target, sources: list[str]) -> None:
    traitor = await target.stage.provision("traitor", target.room, post="every", interval_s=60)
    bender = Bender(traitor)
    pid = target.stage.gateway_pid
    await flood(target.secure, [bender.bent() for _ in range(WARM_UP)], sources)  # caches fill
    before = rss_kib(pid)
    for port in (target.secure, target.plain):
        sent = [bender.bent() for _ in range(FLOOD)]
        back, seconds = await flood(port, sent, sources)
        came = sum(map(len, sent))
        print(f"{len(sent)} datagrams in {seconds:.1f} s, {came} bytes in, {back} bytes out")
        assert back <= 3 * came
    grown = rss_kib(pid) - before
    print(f"grown by {grown} KiB")
    assert grown < GROWTH_KIB
    assert len(target.stage.gateway_log().splitlines()) < 60, "one line a datagram would fill the disk"
    await target.good_readings_pass()
