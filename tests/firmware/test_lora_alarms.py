"""A node's alarm goes before what waits, and waits for nothing but the law."""

from typing import Any

from comatrix_lora.ledger import ALARM

from tests.support.lora_bench import LoraBench


def heard(bench: LoraBench) -> list[int]:
    """Temperatures as they came, in hundredths."""
    rows = [row[1] for row in bench.gateway.rows.values()]
    return [values[0] for values in rows if isinstance(values, dict) and 0 in values]


def test_an_alarm_goes_before_waiting_readings() -> None:
    bench = LoraBench()
    node = bench.boot()
    bench.run(node, 60_000)
    for number in range(5):
        node.post({"temperature": number, "humidity": 45})
    node.post({"battery": 2.9}, alarm=True)
    before = len(bench.gateway.rows)
    while len(bench.gateway.rows) == before:
        node.step(50)
    first = list(bench.gateway.rows.values())[before]
    assert 0 not in (first[1] if isinstance(first[1], dict) else {}), "the battery's reading came first"
    bench.run(node, 600_000)
    assert sorted(heard(bench)[-5:]) == [0, 100, 200, 300, 400]


def sent_after_ms(bench: "Counting", node: Any, **how: bool) -> int:
    """How long a reading waited for its frame."""
    before, begin = bench.driver_sent, bench.now
    node.post({"temperature": 21, "humidity": 45}, **how)
    while bench.driver_sent == before:
        node.step(1)
    return bench.now - begin


def test_jitter_does_not_hold_an_alarm_back() -> None:
    waits = {True: [0], False: [0]}
    for alarm in (True, False):
        bench = Counting(seed=5)
        node = bench.boot()
        bench.run(node, 60_000)
        for _ in range(10):
            waits[alarm].append(sent_after_ms(bench, node, alarm=alarm))
            bench.run(node, 60_000)
    assert max(waits[True]) <= 2
    assert max(waits[False]) > 100


def test_back_off_does_not_hold_an_alarm_back() -> None:
    """The gateway is away, and everything else waits for its pauses and windows."""
    bench = Counting(seed=6)
    node = bench.boot()
    bench.run(node, 60_000)
    bench.gateway.up = False
    for number in range(8):
        node.post({"temperature": number, "humidity": 45})
        bench.run(node, 5_000)
    longest_frame_ms = node.channel.airtime_ms(255, 7)
    for _ in range(4):
        assert sent_after_ms(bench, node, alarm=True) <= longest_frame_ms
        bench.gateway.up = True
        bench.run(node, 60_000)
        bench.gateway.up = False


def test_only_the_duty_cycle_makes_an_alarm_wait() -> None:
    bench = Counting(seed=7, sf=10)
    node = bench.boot()
    bench.run(node, 60_000)
    bench.gateway.up = False
    for number in range(150):
        node.post({"temperature": number / 10, "humidity": 45}, alarm=True)
        bench.run(node, 10_000)
        ledger = node.station.mac.ledger
        if ledger.left_us(bench.now, ALARM) < 700_000:
            break
    assert ledger.left_us(bench.now, ALARM) < 700_000, "the hour is spent"
    assert ledger.used_us(bench.now) <= ledger.budget_us
    bench.gateway.up = True
    bench.run(node, 4 * 3_600_000)
    assert not node.station.readings_open.offers()


class Counting(LoraBench):
    """Counts the frames the node began to send."""

    driver_sent = 0

    def boot(self, *given: Any, **named: Any) -> Any:
        node = super().boot(*given, **named)
        transmit = node.link.transmit

        def counted(frame: bytes) -> None:
            self.driver_sent += 1
            transmit(frame)

        node.link.transmit = counted
        return node
