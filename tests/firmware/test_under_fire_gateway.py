"""A node whose gateway restarts, is restored, re-keyed, slow or without a clock: scripts in virtual time."""

import gc
from collections.abc import Iterator

import pytest

from comatrix.gateway.uplink.admission import Rates
from tests.support.gateway_world import WALL_MS
from tests.support.node_under_fire import Fire

HOUR_MS = 3_600_000


@pytest.fixture(autouse=True)
def _quick_collections() -> Iterator[None]:
    """The node collects garbage for each message: what pytest brought along need not be looked through."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def greeted(rtc: str = "none", rates: Rates | None = None) -> Fire:
    """A node that has a context of its own and posted once."""
    fire = Fire(rtc) if rates is None else Fire(rtc, rates=rates)
    fire.post()
    fire.run(3000)
    assert fire.acknowledged == {1}
    return fire


def healed(fire: Fire) -> None:
    """Everything gets through in the end."""
    fire.heal()
    fire.check()


def until_request_2(fire: Fire) -> None:
    """The restored gateway drives the node through Appendix B.2, up to its request #2."""
    fire.restore(fire.back_up())
    fire.run(2 * HOUR_MS)
    fire.restore(fire.back_up())
    fire.post()
    while fire.node.client.candidate is None:
        fire.node.step(50)


def test_reset_before_it_stored_the_context_the_gateway_already_took_it_finds_back() -> None:
    fire = greeted()
    until_request_2(fire)
    fire.gateway.take()  # the answer is lost with the node's memory
    assert len(fire.disk.contexts) == 1, "the gateway has the new context alone"
    fire.reset()
    fire.post()
    fire.run(60_000)
    assert fire.posted in fire.acknowledged, "it went on under the old key for ever"
    healed(fire)


def test_cut_off_after_request_2_it_finds_back_within_two_hours() -> None:
    fire = greeted()
    until_request_2(fire)
    fire.loss = 1.0
    fire.run(HOUR_MS // 2)
    assert fire.node.client.candidate is None, "it gave the new context up"
    fire.loss = 0.0
    fire.run(2 * HOUR_MS)
    assert fire.posted in fire.acknowledged
    healed(fire)


@pytest.mark.parametrize("restarted", [False, True])
def test_appendix_b2_under_the_old_secret_does_not_kill_the_new_one_on_its_way(restarted: bool) -> None:
    fire = greeted()
    old = fire.secret
    fire.rotate()
    for name in fire.board.files:
        fire.board.files[name] = b""  # the counter is lost before the new configuration came
    new, fire.secret = fire.secret, old
    fire.reset()
    fire.post()
    fire.run(5000)
    assert fire.posted in fire.acknowledged, "heard under the old secret"
    if restarted:
        fire.gateway.restart()
    fire.secret = new
    fire.reset()
    fire.post()
    fire.run(60_000)
    assert fire.posted in fire.acknowledged, "the new secret was dead"
    assert [one.secret for one in fire.disk.contexts.values()] == [new]
    healed(fire)


def test_a_key_rotated_while_records_wait_delivers_them_under_the_new_one() -> None:
    fire = greeted()
    fire.loss = 1.0
    for _ in range(3):
        fire.post()
        fire.run(500)
    fire.sleep(60_000)
    fire.rotate()
    fire.reset()
    fire.loss = 0.0
    fire.run(10_000)
    assert fire.on_disk() == [1, 2, 3, 4]
    healed(fire)


def test_a_gateway_restarted_before_and_after_its_commit_takes_a_record_once() -> None:
    for commits in (False, True):
        fire = greeted()
        fire.disk.hold = True
        fire.post()
        fire.run(200)
        if commits:
            fire.disk.sync()
        fire.gateway.take()
        fire.gateway.restart()
        fire.disk.hold = False
        fire.run(60_000)
        assert fire.on_disk() == [1, 2]
        assert fire.acknowledged == {1, 2}


def test_a_restored_gateway_gets_what_is_not_acknowledged_once() -> None:
    fire = greeted()
    copy = fire.back_up()
    for _ in range(4):
        fire.post()
        fire.run(500)
    fire.loss = 1.0
    fire.post()
    fire.run(500)
    fire.sleep(1000)
    fire.restore(copy)
    fire.loss = 0.0
    fire.run(2 * HOUR_MS)
    assert fire.on_disk() == [1, 6], "what it had lost with the database nobody sends again"
    healed(fire)


def test_a_node_told_to_slow_down_keeps_the_record_and_waits_as_long_as_it_was_told() -> None:
    fire = greeted(rates=Rates(node=1, node_burst=2))  # hello and the first reading were within the burst
    fire.post()
    fire.run(500)
    told_ms = fire.now()
    assert fire.node.pending()
    while fire.node.pending():
        fire.run(500)
    assert 45_000 <= fire.now() - told_ms <= 125_000
    assert fire.on_disk() == [1, 2]
    assert fire.gateway.admission.slowed <= 3


def test_a_full_database_is_waited_out_and_nothing_is_dropped() -> None:
    fire = greeted()
    fire.disk.broken = True
    for _ in range(5):
        fire.post()
        fire.run(20_000)
    assert fire.acknowledged == {1}
    fire.disk.broken = False
    fire.run(310_000)
    assert fire.on_disk() == [1, 2, 3, 4, 5, 6]


def measured_ms(fire: Fire) -> list[int]:
    """When the gateway thinks its readings were measured."""
    return [record.measured_ms - WALL_MS for record in fire.disk.records]


def test_without_a_clock_readings_carry_their_age() -> None:
    fire = Fire()
    assert fire.node.now_s() is None
    fire.loss = 1.0
    taken = []
    for _ in range(3):
        taken.append(fire.now())
        fire.post()
        fire.run(100_000)
    assert fire.node.now_s() is None, "nobody told it the time"
    fire.loss = 0.0
    fire.run(310_000)
    assert fire.node.now_s() is not None
    assert [abs(seen - real) < 25_000 for seen, real in zip(measured_ms(fire), taken, strict=True)] == [True] * 3


@pytest.mark.parametrize("shift_ms", [-7_200_000, 86_400_000])
def test_a_gateway_clock_that_jumps_moves_no_age(shift_ms: int) -> None:
    fire = greeted()
    fire.loss = 1.0
    fire.post()
    fire.run(60_000)
    fire.gateway.wall_shift_ms = shift_ms
    fire.loss = 0.0
    fire.run(310_000)
    first, second = fire.disk.records
    assert second.seq > first.seq
    age_ms = second.received_ms - second.measured_ms
    assert 45_000 <= age_ms <= 310_000, "measured by the node's own clock"
    assert fire.node.delivered == 2


@pytest.mark.parametrize("garbage", [b"", b"\x00" * 4, b"\xff" * 64, b"\x81\x01", bytes(4096)])
def test_garbage_in_flash_is_no_state_and_no_record(garbage: bytes) -> None:
    fire = greeted()
    for name in ("state.0", "state.1", "waiting", "waiting.new"):
        fire.board.files[name] = garbage
    fire.lost = True
    fire.reset()
    assert fire.node.fresh
    assert not fire.node.waiting
    fire.post()
    fire.run(5000)
    assert fire.on_disk() == [1, 2]
    healed(fire)


def test_who_lost_the_counter_and_kept_records_gives_no_new_one_their_seqs() -> None:
    fire = greeted()
    fire.loss = 1.0
    for _ in range(5):
        fire.post()
        fire.run(60_000)
    fire.sleep(1000)
    for name in ("state.0", "state.1"):
        fire.board.files[name] = b""
    fire.lost = True
    fire.reset()
    fire.loss = 0.0
    for _ in range(60):
        fire.post()
        fire.run(500)
    healed(fire)


def test_records_kept_before_the_greeting_are_sent_once_whatever_happens_after_it() -> None:
    fire = Fire()
    fire.loss = 1.0
    for _ in range(3):
        fire.post()
        fire.run(500)
    fire.sleep(1000)
    fire.loss = 0.0
    while fire.node.delivered < 1:
        fire.step()
    fire.reset()
    fire.run(3000)
    assert fire.on_disk() == [1, 2, 3]
    healed(fire)


def test_flash_that_cannot_be_read_makes_a_new_key_and_no_old_seq_comes_back() -> None:
    fire = greeted()
    fire.loss = 1.0
    fire.post()
    fire.run(500)
    fire.sleep(1000)
    fire.kept.clear()
    fire.board.unreadable = fire.unread = True
    fire.reset()
    fire.board.unreadable = False
    assert fire.node.fresh
    fire.loss = 0.0
    for _ in range(30):
        fire.post()
        fire.run(500)
    fire.reset()
    healed(fire)


def test_a_text_too_long_for_a_datagram_is_refused_at_once_instead_of_blocking_what_follows() -> None:
    fire = greeted()
    with pytest.raises(ValueError, match="at most 1024 bytes"):
        fire.node.say("ä" * 513)
    assert not fire.node.pending()
