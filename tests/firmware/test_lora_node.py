"""A node over LoRa in virtual time: readings once and in order, commands once, through loss, resets and a dead chip."""

from comatrix_lora.rules import Command

from tests.support.lora_bench import LoraBench


def test_readings_arrive_once_and_in_order_without_loss() -> None:
    bench = LoraBench()
    node = bench.boot()
    bench.every(node, list(range(30)))
    bench.run(node, 3_600_000)
    assert bench.temperatures() == list(range(30))
    assert bench.gateway.bodies("h")[0][0] == "comatrix 0.1"
    assert 0 <= 1_800_000_000 + bench.now // 1000 - (node.now_s() or 0) <= 2


def test_two_hundred_readings_arrive_once_and_in_order_at_30_percent_loss() -> None:
    bench = LoraBench(seed=3, loss=0.3)
    node = bench.boot()
    bench.every(node, list(range(200)))
    bench.run(node, 12 * 3_600_000)
    assert bench.temperatures() == list(range(200))


def test_a_command_is_done_once_and_its_result_arrives_at_30_percent_loss() -> None:
    bench = LoraBench(seed=4, loss=0.3)
    done: list[int] = []
    node = bench.boot()
    node.setting("interval", "s", 5, 600, 0, 60)

    @node.method("pulse", ("seconds", "s", 1, 60))
    def pulse(seconds: int) -> int:
        done.append(seconds)
        return 2 * seconds

    bench.run(node, 60_000)
    for id in range(1, 21):
        bench.gateway.tell(Command(id, 1, bytes((id,))), bench.now)
        bench._pump()
        bench.run(node, 120_000)
    assert done == list(range(1, 21))
    assert bench.gateway.results == [[id, 0, 2 * id] for id in range(1, 21)]


def test_a_setting_and_a_text_come_through() -> None:
    bench = LoraBench()
    shown: list[str] = []
    node = bench.boot()
    interval = node.setting("interval", "s", 5, 600, 0, 60)
    node.on_text(shown.append)
    bench.run(node, 60_000)
    bench.gateway.tell(Command(1, 0, b"\x18\x2a"), bench.now)
    bench._pump()
    bench.run(node, 60_000)
    bench.gateway.tell(Command(2, 255, b"\x65hello"), bench.now)
    bench._pump()
    bench.run(node, 60_000)
    assert interval.value == 42 and shown == ["hello"]
    assert bench.gateway.results == [[1, 0, 42], [2]]
    again = bench.boot()
    assert again.setting("interval", "s", 5, 600, 0, 60).value == 42
