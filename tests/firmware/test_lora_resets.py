"""What a LoRa node knows after resets and sleep: each reading once, none lost that was kept, no airtime forgotten."""

import random as randomness
from functools import partial
from typing import Any

import pytest
from comatrix_lora.schema import Field, Schema

from tests.support.lora_bench import LoraBench


class Rtc:
    """`machine.RTC()`: memory without loss of power."""

    def __init__(self) -> None:
        self.data = b""

    def memory(self, data: "bytes | None" = None) -> bytes:
        if data is not None:
            assert len(data) <= 2048
            self.data = bytes(data)
        return self.data


def wakes(bench: LoraBench, count: int, first: int = 0, **more: Any) -> None:
    """So many cycles of waking up, one reading and deep sleep."""
    for number in range(first, first + count):
        node = bench.boot(**more, woke=number > 0)
        node.sensor("temperature", 600)(partial(float, number / 100))
        node.run_once()
        assert bench.driver.asleep
        assert 570_000 < bench.slept_ms <= 600_000


@pytest.mark.parametrize("rtc", [True, False], ids=["RTC memory", "flash alone"])
@pytest.mark.parametrize("loss", [0.0, 0.3])
def test_a_sleeping_node_loses_nothing_and_says_nothing_twice(rtc: bool, loss: float) -> None:
    bench = LoraBench(seed=5, loss=loss)
    memory = Rtc() if rtc else None
    wakes(bench, 60, rtc=memory)
    node = bench.boot(rtc=memory, woke=True)
    bench.run(node, 24 * 3_600_000)
    assert bench.temperatures() == list(range(60))
    assert len(bench.gateway.bodies("h")) == 1  # a wake-up is no boot


def test_a_wake_costs_a_frame_and_its_window() -> None:
    """At SF7 the radio is up for about a second."""
    bench = LoraBench()
    wakes(bench, 2, rtc=Rtc())
    before = bench.now
    node = bench.boot(rtc=Rtc(), woke=True)
    del node
    wakes(bench, 1, 2, rtc=Rtc())
    assert bench.now - before - 600_000 < 15_000


def test_a_node_sleeps_as_soon_as_its_receive_window_is_over() -> None:
    """At SF7: up to 500 ms of chance before the frame, the frame itself, and a window of about 1.1 s."""
    bench, memory = LoraBench(), Rtc()
    for number in range(8):
        before = bench.now
        wakes(bench, 1, number, rtc=memory)
        window_ms = bench.now - before - bench.slept_ms
        assert number < 2 or window_ms < 1_800


@pytest.mark.parametrize("seed", range(6))
def test_resets_at_any_moment_lose_nothing_with_rtc_memory(seed: int) -> None:
    bench = LoraBench(seed=seed, loss=0.2)
    chance, memory = randomness.Random(seed), Rtc()
    node = bench.boot(rtc=memory)
    bench.run(node, 60_000)
    for number in range(60):
        node.post({"temperature": number / 100})
        bench.run(node, 5_000)
        if chance.random() < 0.3:
            node = bench.boot(rtc=memory)
        bench.run(node, chance.randrange(600_000))
    bench.run(node, 24 * 3_600_000)
    assert bench.temperatures() == sorted(set(bench.temperatures()))
    missing = set(range(60)) - set(bench.temperatures())
    assert not missing


@pytest.mark.parametrize("seed", range(4))
def test_resets_with_flash_alone_repeat_nothing(seed: int) -> None:
    bench = LoraBench(seed=seed, loss=0.2)
    chance = randomness.Random(seed)
    node = bench.boot()
    bench.run(node, 60_000)
    for number in range(60):
        node.post({"temperature": number / 100})
        bench.run(node, chance.randrange(600_000))
        if chance.random() < 0.2:
            node = bench.boot()
    bench.run(node, 24 * 3_600_000)
    found = bench.temperatures()
    assert found == sorted(set(found)) and len(found) > 40


def test_airtime_is_not_forgotten_at_a_reset() -> None:
    """Resets every few minutes, and more to say than the law allows."""
    bench = LoraBench(seed=2, sf=9)
    spent: list[tuple[int, int]] = []
    transmit = bench.node_radio.transmit

    def watched(data: bytes) -> int:
        end = transmit(data)
        spent.append((bench.now, (end - bench.medium.now_us + 999) // 1000))
        return end

    bench.node_radio.transmit = watched  # type: ignore[method-assign,assignment]
    for life in range(20):
        node = bench.boot()
        for number in range(30):
            node.post({"temperature": number, "humidity": life})
            bench.run(node, 5_000)
    assert sum(ms for _, ms in spent) > 25_000
    for start, _ in spent:
        assert sum(ms for at, ms in spent if start <= at < start + 3_600_000) <= 36_000


def test_a_command_done_before_a_reset_is_not_done_again() -> None:
    from comatrix_lora.rules import Command

    bench = LoraBench()
    done: list[int] = []

    def declare(node: Any) -> None:
        node.method("pulse")(lambda: done.append(1))

    node = bench.boot(declare)
    bench.run(node, 60_000)
    bench.gateway.tell(Command(1, 0), bench.now)
    bench._pump()
    while not done:
        node.step(10)
    node = bench.boot(declare)
    bench.run(node, 600_000)
    assert done == [1] and bench.gateway.results == [[1]]


def test_a_lost_state_makes_new_keys_and_no_reading_is_taken_for_an_old_one() -> None:
    bench = LoraBench()
    node = bench.boot()
    bench.every(node, list(range(5)))
    bench.store.state = None
    bench.store.files.clear()
    node = bench.boot()
    bench.every(node, list(range(5, 10)))
    bench.run(node, 12 * 3_600_000)
    assert bench.temperatures() == list(range(10))
    assert bench.gateway.keys_made == 2


def test_kept_readings_of_a_declared_schema_are_taken_up_after_it_is_declared() -> None:
    soil = Schema([Field(6, 0, 1000, 5)])
    bench = LoraBench(schemas={1: soil})

    def declare(node: Any) -> None:
        node.schema({"soil-moisture": (0, 100, 0.5)})

    memory = Rtc()
    node = bench.boot(declare, rtc=memory)
    bench.run(node, 60_000)
    bench.gateway.up = False
    for number in range(5):
        node.post({"soil-moisture": number})
        bench.run(node, 600_000)
    node = bench.boot(declare, rtc=memory)
    bench.gateway.up = True
    bench.run(node, 6 * 3_600_000)
    assert [values[6] for values in bench.gateway.by_seq()] == [0, 10, 20, 30, 40]


def test_a_reading_kept_before_it_was_sent_does_not_come_twice_after_a_reset() -> None:
    bench = LoraBench()
    bench.run(bench.boot(), 60_000)
    node = bench.boot(woke=True)
    node.sensor("temperature", 600)(lambda: 1.5)
    node.run_once(0)  # falls asleep before it could send
    assert bench.gateway.by_seq() == []
    node = bench.boot(woke=True)
    while not bench.gateway.by_seq():
        node.step(10)
    node = bench.boot()
    bench.run(node, 6 * 3_600_000)
    assert [values[0] for values in bench.gateway.by_seq()] == [150]
