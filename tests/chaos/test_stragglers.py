"""What the load says of its own datagrams, so that nothing but replays comes where only replays may come."""

import asyncio
import socket

from tests.chaos.link import CLEAR, Weather
from tests.chaos.load import Load

STRAGGLING = Weather(
    loss=CLEAR.loss, burst_begins=0, double=0, late=0, corrupt=0, delay_s=(0, 0), straggling=1, straggling_s=(0.1, 0.2)
)


async def test_a_straggler_counts_as_flying_until_it_was_sent() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gateway:
        gateway.bind(("127.0.0.1", 0))
        gateway.setblocking(False)
        load = Load([(1, bytes(16))], STRAGGLING, seed=1, pause_s=0)
        await load.open(gateway.getsockname())
        load.talk(True)
        load.talk(False)
        try:
            assert not load.air_is_empty.is_set()
            await load.air_is_empty.wait()
            assert await asyncio.get_running_loop().sock_recv(gateway, 2048)
        finally:
            load.close()
