"""A node over emulated AT modules: each reading once, whatever the serial line and the module do."""

import pytest

from comatrix.gateway.demo.modem.machine import Manners
from tests.support.lora_modem_bench import ModemBench

MODULES = [("rylr998", False), ("rylr896", True), ("rak3172", False), ("rak3172", True)]
IDS = ["rylr998", "rylr896", "rak3172", "rak3172, older firmware"]


def readings(bench: ModemBench) -> list[int]:
    return [values[0] for values in bench.gateway.by_seq()]


@pytest.mark.parametrize(("module", "old"), MODULES, ids=IDS)
def test_readings_arrive_once_at_30_percent_loss(module: str, old: bool) -> None:
    bench = ModemBench(module, 0.3, manners=Manners(old=old))
    node = bench.boot()
    for number in range(40):
        node.post({"temperature": number})
        bench.run(node, 600_000)
    bench.run(node, 6 * 3_600_000)
    assert readings(bench) == [100 * number for number in range(40)]
