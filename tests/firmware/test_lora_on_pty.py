"""A person's program on a real MicroPython, its config.json naming the terminal of an emulated module, in real time."""

import asyncio
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from comatrix_lora.mac import Channel
from comatrix_lora.medium.randomness import Stream

from comatrix.gateway.demo.modem.direct_wire import DirectWire
from comatrix.gateway.demo.modem.machine import Modem
from comatrix.gateway.demo.modem.pty_runner import PtyModems
from comatrix.gateway.demo.modem.rak3172 import RakModem
from comatrix.gateway.demo.modem.rylr import RylrModem
from tests.support.lora_gateway import NODE, SECRET, LoraGateway
from tests.support.lora_modem_bench import Antenna
from tests.support.micropython import real_micropython

READINGS = 12
PROGRAM = """
from comatrix_node.node import Node
node = Node()
numbers = iter(range(12))

@node.sensor("temperature", every_s=2)
def temperature():
    return next(numbers, None)

node.run()
"""


def now_ms() -> int:
    return time.monotonic_ns() // 1_000_000


async def carry(ports: PtyModems, antenna: Antenna, gateway: LoraGateway, until: Any) -> None:
    """The gateway's side of the air, until all is there or a minute has passed."""
    end, free = now_ms() + 60_000, 0
    while now_ms() < end and not until():
        for frame in antenna.heard:
            gateway.receive(frame, now_ms())
        antenna.heard.clear()
        if now_ms() >= free:
            for frame in gateway.frames(now_ms()):
                free = antenna.send(frame, now_ms())
        ports.turn()
        await asyncio.sleep(0.005)


async def run(module: str, folder: Path, path: Path) -> LoraGateway:
    random = Stream(3, "pty")
    wire = DirectWire(lost=lambda: random.below(10) < 3)
    kind: type[Modem] = RylrModem if module == "rylr998" else RakModem
    modem = wire.join(lambda on_air: kind(on_air))
    antenna: Any = wire.join(lambda on_air: Antenna(on_air, module == "rylr998"))  # type: ignore[arg-type,return-value]
    ports = PtyModems(wire, now_ms)
    ports.plug(folder / "modem", modem)
    gateway = LoraGateway(Channel(7, preamble=12, limit=170), random.below, 2000)
    lora = {"module": module, "region": "EU868", "frequency_hz": 868_100_000, "sf": 7, "uart": str(folder / "modem")}
    config = {"v": 1, "node": NODE, "name": "garden", "secret": SECRET.hex(), "enrolment": 1, "interval_s": 2}
    (folder / "config.json").write_text(json.dumps({**config, "lora": lora}))
    (folder / "main.py").write_text(PROGRAM)
    environment = {**os.environ, "MICROPYPATH": f"{path}:.frozen"}
    process = await asyncio.create_subprocess_exec(
        real_micropython().path, "-X", "heapsize=192k", "main.py", cwd=folder, env=environment
    )
    try:
        await carry(
            ports, antenna, gateway, lambda: process.returncode is not None or len(gateway.by_seq()) >= READINGS
        )
        assert process.returncode is None
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        ports.close()
    return gateway


@pytest.mark.slow
@pytest.mark.parametrize("module", ["rylr998", "rak3172"])
def test_a_program_over_an_emulated_module_loses_nothing(module: str, lora_compiled: Path, tmp_path: Path) -> None:
    gateway = asyncio.run(run(module, tmp_path, lora_compiled))
    assert [values[0] for values in gateway.by_seq()] == [100 * number for number in range(READINGS)]
    assert gateway.keys_made == 1
