"""A node in virtual time against the gateway's receiving side: what it keeps, drops and recovers."""

from pathlib import Path

import pytest
from comatrix_node.program import DROPPED

from comatrix.codec import cbor
from tests.support.gateway_world import WALL_MS
from tests.support.node_bench import Bench

EXCHANGE_SPAN_MS = 31 * 750 + 1000  # five transmissions at an ack_timeout of 500 ms, and the age's whole seconds
NEW_SECRET = bytes(range(16, 32))


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.chdir(tmp_path)
    return Bench()


def test_a_reading_reaches_the_gateway_with_its_words_scaled(bench: Bench) -> None:
    node = bench.boot()
    node.post({"temperature": 21.37, "humidity": 45.2, "battery": None})
    bench.run(node, 2000)
    assert bench.readings() == [{0: 2137, 1: 452}]
    assert (node.delivered, node.pending()) == (1, False)


def test_sensors_due_together_make_one_record_and_keep_their_pace(bench: Bench) -> None:
    node = bench.boot()
    node.sensor("temperature", every_s=10)(lambda: 20)
    node.sensor(every_s=20)(lambda: {"humidity": 40})
    bench.run(node, 25_000)
    assert bench.readings() == [{0: 2000, 1: 400}, {0: 2000}, {0: 2000, 1: 400}]


def test_a_failing_sensor_silences_only_itself(bench: Bench) -> None:
    node = bench.boot()

    def unplugged() -> float:
        raise OSError("no such device")

    node.sensor("temperature")(unplugged)
    node.sensor("humidity")(lambda: 50)
    bench.run(node, 2000)
    assert bench.readings() == [{1: 500}]


def test_hello_comes_first_and_brings_the_time(bench: Bench) -> None:
    node = bench.boot()
    assert node.now_s() is None
    bench.run(node, 1000)
    hello = bench.disk.hellos[0]
    assert (hello.interval_s, hello.vocabulary, hello.executed) == (10, 1, 0)
    assert node.now_s() == (WALL_MS + bench.world.now) // 1000


def test_readings_wait_out_a_lost_link_and_arrive_once_in_order_with_their_age(bench: Bench) -> None:
    node = bench.boot()
    bench.run(node, 1000)
    bench.wire.up = False
    taken = []
    for value in range(5):
        node.post({"temperature": value})
        taken.append(WALL_MS + bench.world.now)
        bench.run(node, 20_000)
    bench.wire.up = True
    bench.run(node, 400_000)
    assert [one[0] for one in bench.readings()] == [0, 100, 200, 300, 400]
    assert node.delivered == 5
    for record, taken_ms in zip(bench.disk.records, taken, strict=True):
        # A retransmission repeats the bytes of the first, age and all: off by the span of an exchange at most.
        assert 0 <= record.measured_ms - taken_ms <= EXCHANGE_SPAN_MS


def test_a_full_buffer_drops_the_oldest_and_reports_how_many(bench: Bench) -> None:
    node = bench.boot(buffer=3)
    bench.run(node, 1000)
    bench.wire.up = False
    for value in range(10):
        node.post({"temperature": value})
        bench.run(node, 100)
    bench.wire.up = True
    bench.run(node, 60_000)
    found = bench.readings()
    assert [one[0] for one in found][-2:] == [800, 900]
    assert sum(one.get(DROPPED, 0) for one in found) == 10 - len(found) == 7


def test_a_buffer_of_one_never_gives_up_what_is_on_its_way_nor_a_reading_uncounted(bench: Bench) -> None:
    node = bench.boot(buffer=1)
    bench.run(node, 1000)
    bench.wire.up = False
    for value in range(4):
        node.post({"temperature": value})
        bench.run(node, 100)
    bench.wire.up = True
    bench.run(node, 60_000)
    found = bench.readings()
    assert [one[0] for one in found] == [0, 300]
    assert sum(one.get(DROPPED, 0) for one in found) == 2


def test_the_fullest_record_stays_good_when_others_were_dropped_before_it(bench: Bench) -> None:
    from comatrix.codec import vocab

    node = bench.boot(buffer=2)
    bench.run(node, 1000)
    bench.wire.up = False
    words = [row.name for row in vocab.rows() if row.number != DROPPED][:31]
    for _ in range(4):
        node.post(dict.fromkeys(words, 1))
        bench.run(node, 2000)
    bench.wire.up = True
    bench.run(node, 60_000)
    assert node.refused == 0
    assert len(bench.readings()) == 2


def test_a_lost_answer_doubles_nothing(bench: Bench) -> None:
    node = bench.boot()
    bench.run(node, 1000)
    bench.wire.drop_answers = 7
    node.post({"temperature": 1})
    bench.run(node, 120_000)
    assert (len(bench.readings()), node.delivered) == (1, 1)


def test_a_reset_continues_the_counter_and_never_repeats_a_value(bench: Bench) -> None:
    counters = []
    for _ in range(5):
        node = bench.boot()
        node.post({"temperature": 20})
        bench.run(node, 2000)
    counters = [record.counter for record in bench.disk.records]
    assert len(counters) == len(set(counters)) == 5
    assert counters == sorted(counters, key=lambda value: value or 0)
    assert len(bench.disk.contexts) == 1  # Appendix B.2 ran once, at the first start


def test_a_node_that_lost_its_state_goes_on_above_its_old_seqs_under_a_new_key(bench: Bench) -> None:
    node = bench.boot()
    for value in range(5):
        node.post({"temperature": value})
    bench.run(node, 5000)
    before = next(iter(bench.disk.contexts.values()))
    bench.store.state = None
    node = bench.boot()
    node.post({"temperature": 99})
    bench.run(node, 5000)
    after = next(iter(bench.disk.contexts.values()))
    assert before.id_context != after.id_context
    seqs = [record.seq for record in bench.disk.records]
    assert seqs == sorted(set(seqs))
    assert len(seqs) == 6


def test_a_node_without_state_stores_none_until_the_gateway_greeted_it(bench: Bench) -> None:
    """Else a reset meanwhile would go on under the provisioned key, whose counters it never knew."""
    bench.wire.up = False
    bench.run(bench.boot(), 60_000)
    assert bench.store.state is None
    bench.wire.up = True
    bench.wire.drop_answers = 1
    bench.run(bench.boot(), 100)
    assert bench.store.state is None
    node = bench.boot()
    bench.run(node, 60_000)
    assert node.greeted
    assert bench.store.state is not None
    assert len(bench.store.state["context"]) == 18


def test_asleep_right_after_the_greeting_it_wakes_above_its_old_seqs(bench: Bench) -> None:
    node = bench.boot()
    for value in range(20):
        node.post({"temperature": value})
    bench.run(node, 30_000)
    bench.store.state = None
    bench.run(bench.boot(), 3000)  # greeted, and nothing sent since
    assert bench.store.state is not None
    assert bench.store.state["counter"] > max(record.seq for record in bench.disk.records)


def test_a_rotated_secret_voids_what_appendix_b2_made_and_keeps_the_counter(bench: Bench) -> None:
    node = bench.boot()
    node.post({"temperature": 1})
    bench.run(node, 3000)
    bench.disk.provision(7, NEW_SECRET)
    bench.world.restart()
    node = bench.boot(NEW_SECRET)
    node.post({"temperature": 2})
    bench.run(node, 3000)
    assert [one[0] for one in bench.readings()] == [100, 200]
    assert [one.secret for one in bench.disk.contexts.values()] == [NEW_SECRET]
    first, second = (record.counter for record in bench.disk.records)
    assert first is not None
    assert second is not None
    assert second > first


def test_a_restored_gateway_makes_the_node_run_appendix_b2(bench: Bench) -> None:
    from dataclasses import replace

    node = bench.boot()
    node.post({"temperature": 1})
    bench.run(node, 3000)
    for key, context in bench.disk.contexts.items():
        bench.disk.contexts[key] = replace(context, missing=True)
    bench.world.restart()
    before = bench.disk.contexts.copy()
    node.post({"temperature": 2})
    # The first run of B.2 was at the first start; the next may begin an hour later.
    bench.run(node, 2 * 3_600_000)
    assert [one[0] for one in bench.readings()] == [100, 200]
    assert bench.disk.contexts.keys() != before.keys()
    assert {(knock.reason, knock.node) for knock in bench.world.knocks} == {("old key", 7)}


def test_a_full_disk_is_waited_out(bench: Bench) -> None:
    node = bench.boot()
    bench.run(node, 1000)
    bench.disk.broken = True
    node.post({"temperature": 5})
    bench.run(node, 60_000)
    assert (bench.readings(), node.delivered) == ([], 0)
    bench.disk.broken = False
    bench.run(node, 120_000)
    assert (bench.readings()[0][0], node.delivered) == (500, 1)


def test_a_gateway_restarted_before_its_commit_loses_nothing(bench: Bench) -> None:
    node = bench.boot()
    bench.run(node, 1000)
    bench.disk.hold = True
    node.post({"temperature": 5})
    bench.run(node, 300)
    bench.world.restart()
    bench.disk.hold = False
    bench.run(node, 60_000)
    assert (bench.readings()[0][0], node.delivered) == (500, 1)


def test_deep_sleep_keeps_what_was_not_delivered(bench: Bench) -> None:
    node = bench.boot()
    bench.run(node, 1000)
    bench.wire.up = False
    node.post({"temperature": 5})
    node.sensor("humidity", every_s=3600)(lambda: 50)
    bench.run(node, 1000)
    node.stash(bench.world.now + 60_000)
    bench.wire.up = True
    bench.world.now += 60_000
    node = bench.boot()
    bench.run(node, 10_000)
    assert bench.readings()[0] == {0: 500, -1: bench.readings()[0][-1]}
    assert 55 <= bench.readings()[0][-1] <= 75


def test_asleep_before_the_greeting_a_reading_keeps_no_seq_of_it(bench: Bench) -> None:
    node = bench.boot()
    for value in range(9):
        node.post({"temperature": value})
    bench.run(node, 20_000)
    bench.store.state = None  # its counter is lost: hello goes out under a low one
    node = bench.boot()
    node.post({"temperature": 50})
    bench.wire.up = False
    bench.run(node, 60_000)  # each attempt takes a counter, up to one an old record has for its seq
    bench.wire.up = True
    while node.client.candidate is None:
        node.step(10)
    bench.wire.drop_answers = 99
    bench.run(node, 100)
    node.stash(bench.world.now + 60_000)
    bench.wire.drop_answers = 0
    node = bench.boot()
    bench.run(node, 30_000)
    assert [one[0] for one in bench.readings()][-1] == 5000


def test_texts_go_to_their_room(bench: Bench) -> None:
    node = bench.boot()
    node.say("hello there")
    bench.run(node, 2000)
    assert [(record.kind, cbor.decode_untrusted(record.body)) for record in bench.disk.records] == [
        ("text", ["hello there"])
    ]


def test_a_refused_record_is_given_up_and_the_next_one_follows(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    node = bench.boot()
    node.say("to a room nobody agreed", room=5)
    node.post({"temperature": 1})
    bench.run(node, 3000)
    assert (node.refused, node.delivered) == (1, 1)
    assert "4.03" in capsys.readouterr().out
