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


def post(bench: ModemBench, node: object, numbers: range, period_ms: int = 600_000) -> None:
    for number in numbers:
        node.post({"temperature": number})  # type: ignore[attr-defined]
        bench.run(node, period_ms)  # type: ignore[arg-type]


@pytest.mark.parametrize(("module", "old"), MODULES, ids=IDS)
def test_noise_and_partial_reads_lose_nothing(module: str, old: bool) -> None:
    bench = ModemBench(module, 0.1, manners=Manners(old=old, noise=300, most_bytes=3))
    node = bench.boot()
    post(bench, node, range(20))
    bench.run(node, 6 * 3_600_000)
    assert readings(bench) == [100 * number for number in range(20)]


@pytest.mark.parametrize(("module", "old"), MODULES, ids=IDS)
def test_a_module_reset_while_it_sends_loses_nothing(module: str, old: bool) -> None:
    bench = ModemBench(module, manners=Manners(old=old))
    node = bench.boot()
    bench.run(node, 60_000)
    for number in range(10):
        before = bench.modem.sent
        node.post({"temperature": number})
        while bench.modem.sent == before:
            node.step(20)
        bench.modem.restart(bench.now)  # in the middle of the frame
        bench.run(node, 600_000)
    bench.run(node, 6 * 3_600_000)
    assert readings(bench) == [100 * number for number in range(10)]
    assert node.link.ready()


@pytest.mark.parametrize("module", ["rylr998", "rak3172"])
def test_a_module_that_was_unplugged_is_set_up_again_and_nothing_is_lost(module: str) -> None:
    bench = ModemBench(module)
    node = bench.boot()
    post(bench, node, range(5))
    bench.plugged = False
    post(bench, node, range(5, 15))
    assert len(readings(bench)) == 5
    bench.plugged = True
    bench.modem.restart(bench.now)
    bench.run(node, 6 * 3_600_000)
    assert readings(bench) == [100 * number for number in range(15)]
    assert bench.opened == 2


@pytest.mark.parametrize("code", [1, 2, 4, 5, 10, 12, 15, 17, 99])
def test_an_error_code_in_place_of_an_answer_loses_nothing(code: int) -> None:
    bench = ModemBench("rylr998")
    node = bench.boot()
    bench.run(node, 60_000)
    spoiled = 0

    def spoil(data: bytes) -> bytes:
        nonlocal spoiled
        if data.startswith(b"+OK") and spoiled < 5:
            spoiled += 1
            return b"+ERR=%d\r\n" % code
        return data

    bench.spoil = spoil
    post(bench, node, range(8))
    bench.run(node, 6 * 3_600_000)
    assert spoiled == 5
    assert readings(bench) == [100 * number for number in range(8)]


def test_a_module_that_says_nothing_is_reset_in_growing_pauses() -> None:
    bench = ModemBench("rylr998")
    node = bench.boot()
    bench.spoil = lambda data: b""
    node.post({"temperature": 1})
    bench.run(node, 600_000)
    resets = bench.told.count(b"AT+RESET")
    assert 10 <= resets <= 40
    bench.spoil = lambda data: data
    bench.run(node, 600_000)
    assert readings(bench) == [100]


def test_settings_that_stand_are_not_written_again() -> None:
    """RYLR keeps what is set in flash memory."""
    bench = ModemBench("rylr998")
    bench.run(bench.boot(), 60_000)
    first = [line for line in bench.told if b"=" in line and not line.startswith(b"AT+SEND")]
    assert first
    bench.told.clear()
    bench.run(bench.boot(), 60_000)
    assert [line for line in bench.told if b"=" in line and not line.startswith(b"AT+SEND")] == []


def test_frames_stay_within_the_modules_own_airtime() -> None:
    """What the module adds, and base64, is counted: 1 % of an hour is 36 s."""
    bench = ModemBench("rylr998")
    node = bench.boot()
    spent: list[tuple[int, int]] = []
    carried = bench.modem._on_air

    def on_air(frame: bytes, settings: object, now: int) -> None:
        spent.append((now, settings.airtime_ms(len(frame))))  # type: ignore[attr-defined]
        carried(frame, settings, now)  # type: ignore[arg-type]

    bench.modem._on_air = on_air
    for number in range(400):
        node.post({"temperature": number / 100})
        bench.run(node, 5_000)
    assert len(spent) > 50
    for start, _ in spent:
        assert sum(ms for at, ms in spent if start <= at < start + 3_600_000) <= 36_000
