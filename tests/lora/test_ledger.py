"""The duty cycle is never broken in any hour, acknowledgements find room, and a restart forgets nothing that counts."""

import random
import struct
from collections.abc import Sequence
from pathlib import Path
from zlib import crc32

import pytest
from comatrix_lora.errors import LoraError
from comatrix_lora.ledger import (
    ACK,
    ALARM,
    BULK,
    COMMAND,
    MOST_ENTRIES,
    READING,
    REPLY,
    SHARES,
    WINDOW_US,
    Ledger,
    Ledgers,
)
from comatrix_lora.regions import region

from tests.lora import ledger_overload
from tests.support.micropython import ROOT, run_script

HOUR_MS = 3600 * 1000
PER_CENT = 10_000
LARGEST_DUMP = 22 + 8 * MOST_ENTRIES
NOW = 1_700_000_000_000
SCRIPT = (ROOT / "tests" / "lora" / "ledger_overload.py").read_text()
# Duty cycle in millionths and the shortest and longest airtime: SF12 frames, as at 1 %, 0.1 % and 10 % in EU868.
OVERLOADS = [(10_000, 1_000_000, 2_800_000), (1_000, 1_000_000, 2_200_000), (100_000, 8_000_000, 14_000_000)]


def fullest_hour_us(sent: Sequence[tuple[int, int, int]]) -> int:
    """The most airtime in any window of an hour, tried at each edge of a transmission. Transmissions may overlap."""
    edges = sorted([(start * 1000, 1) for start, _, _ in sent] + [(start * 1000 + us, -1) for start, us, _ in sent])
    # The sum over a window, as it slides, bends only where one of its two ends meets an edge.
    before, on_air, last = [0], 0, edges[0][0]
    for at, step in edges:
        before.append(before[-1] + on_air * (at - last))
        on_air += step
        last = at
    ends = sorted({at for at, _ in edges} | {at + WINDOW_US for at, _ in edges})
    at_begin = _sweep([end - WINDOW_US for end in ends], edges, before)
    return max(until - was for until, was in zip(_sweep(ends, edges, before), at_begin, strict=True))


def _sweep(times: Sequence[int], edges: list[tuple[int, int]], before: list[int]) -> list[int]:
    """Airtime before each of the rising `times`."""
    sums, i, on_air = [], 0, 0
    for time in times:
        while i < len(edges) and edges[i][0] <= time:
            on_air += edges[i][1]
            i += 1
        sums.append(before[i] + on_air * (time - edges[i - 1][0]) if i else 0)
    return sums


def written(newest_us: int, entries: list[tuple[int, int]], opened: int) -> bytes:
    """What a ledger of 1 % would write: (how long before the newest it ended, airtime) of each entry."""
    body = struct.pack(">BBIQI", 1, len(entries), PER_CENT, newest_us, opened)
    body += b"".join(struct.pack(">II", *entry) for entry in entries)
    return body + struct.pack(">I", crc32(body))


class ExactLedger(Ledger):
    """Keeps every transmission by itself."""

    def _enter(self, start_us: int, airtime_us: int) -> None:
        self._ends_us.append(start_us + airtime_us)
        self._airtimes_us.append(airtime_us)


@pytest.mark.parametrize(("duty_ppm", "shortest_us", "longest_us"), OVERLOADS)
def test_thirty_days_of_overload_with_restarts_break_the_law_in_no_hour(
    duty_ppm: int, shortest_us: int, longest_us: int
) -> None:
    sent: list[tuple[int, int, int]] = []
    radio = ledger_overload.run(duty_ppm, 30 * 24, shortest_us, longest_us, 1, sent.append)
    assert radio.true_ms >= 30 * 24 * HOUR_MS
    budget_us = 3600 * duty_ppm
    assert budget_us * 96 // 100 < fullest_hour_us(sent) <= budget_us
    assert {priority for _, _, priority in sent} == set(range(6))


def test_two_days_of_short_frames_break_the_law_in_no_hour() -> None:
    """SF7: hundreds of transmissions an hour, kept as a few dozen."""
    sent = ledger_overload.run_one_class(Ledger(PER_CENT), 48, 20_000, 300_000, 2)
    assert len(sent) > 5_000
    assert 35_900_000 < fullest_hour_us(sent) <= 36_000_000


def test_a_transmission_counts_until_it_has_left_the_hour_to_the_last_microsecond() -> None:
    ledger = Ledger(PER_CENT)
    ledger.spend(NOW, 36_000_000)
    ledger.spend(NOW + HOUR_MS, 1_000)  # the window's first millisecond is free again
    assert ledger.used_us(NOW + HOUR_MS + 1) == 36_000_000
    ledger.spend(NOW + HOUR_MS + 1, 35_998_000)
    assert ledger.earliest(NOW + HOUR_MS + 1, 1_000) == NOW + HOUR_MS + 35_999
    assert ledger.earliest(NOW + HOUR_MS + 1, 1_001) == NOW + 2 * HOUR_MS - 1
    assert ledger.used_us(NOW + HOUR_MS + 35_999) == 36_000_000


def test_the_checker_sees_a_window_that_is_over_by_a_microsecond() -> None:
    # 30 s and 6 s, then 1 s more that ends just when the first begins to leave.
    legal = [(0, 30_000_000, 0), (100_000, 6_000_000, 0), (3_600_000, 1_000_000, 0)]
    assert fullest_hour_us(legal) == 36_000_000
    assert fullest_hour_us([(0, 30_000_000, 0), (100_000, 6_000_000, 0), (3_599_999, 1_000_000, 0)]) == 36_001_000
    assert fullest_hour_us([*legal[:2], (3_600_000, 30_000_001, 0)]) == 36_000_001


@pytest.mark.parametrize(
    ("duty_ppm", "shortest_us", "longest_us", "hours"),
    [(10_000, 1_000_000, 2_800_000, 240), (100_000, 2_000_000, 9_000_000, 72), (10_000, 30_000, 120_000, 6)],
)
def test_under_overload_at_least_nine_tenths_of_the_allowed_airtime_are_used(
    duty_ppm: int, shortest_us: int, longest_us: int, hours: int
) -> None:
    used = [
        sum(us for _, us, _ in ledger_overload.run_one_class(ledger, hours, shortest_us, longest_us, 1))
        for ledger in (Ledger(duty_ppm), ExactLedger(duty_ppm))
    ]
    assert used[0] >= 3600 * duty_ppm * hours * 90 // 100
    assert used[0] >= used[1] * 98 // 100, "merging wastes more than a minute of each hour"


def test_evenly_spread_transmissions_lose_at_most_a_minute_an_hour_to_merging() -> None:
    """The worst there is for merging: no two stand together."""
    ledger = Ledger(PER_CENT)
    now, used = NOW, 0
    while now < NOW + 12 * HOUR_MS:
        now = max(now + 5_000, ledger.earliest(now, 55_000))
        ledger.spend(now, 55_000)
        used += 55_000
    assert used >= 36_000_000 * 12 * 97 // 100
    assert len(ledger.dump()) <= LARGEST_DUMP


def test_a_full_hour_ends_exactly_when_what_was_sent_first_leaves_it() -> None:
    ledger = Ledger(PER_CENT)
    for second in range(18):
        ledger.spend(NOW + second * 100_000, 2_000_000)
    assert ledger.left_us(NOW + 1_800_000) == 0
    # 2 s more end an hour after the first 2 s ended.
    assert ledger.earliest(NOW + 1_800_000, 2_000_000) == NOW + HOUR_MS
    assert ledger.earliest(NOW + 1_800_000, 1_000_000) == NOW + HOUR_MS
    with pytest.raises(LoraError, match="too early"):
        ledger.spend(NOW + HOUR_MS - 1, 2_000_000)
    ledger.spend(NOW + HOUR_MS, 2_000_000)
    assert ledger.used_us(NOW + HOUR_MS + 2_000) == 36_000_000


def test_what_was_refused_is_not_counted() -> None:
    ledger = Ledger(PER_CENT)
    ledger.spend(NOW, 36_000_000)
    before = ledger.dump()
    with pytest.raises(LoraError, match="too early"):
        ledger.spend(NOW + 60_000, 1)
    assert ledger.dump() == before


def test_the_radio_sends_one_thing_at_a_time() -> None:
    ledger = Ledger(0)
    ledger.spend(NOW, 1_500_500)
    assert ledger.earliest(NOW, 1_000) == NOW + 1_501
    with pytest.raises(LoraError, match="still sends"):
        ledger.spend(NOW + 1_500, 1_000)


def test_each_class_leaves_room_for_those_above_it() -> None:
    ledger = Ledger(PER_CENT)
    now = NOW
    for priority in (BULK, REPLY, READING, COMMAND, ALARM, ACK):
        while ledger.earliest(now, 100_000, priority) <= now + 200:
            now = ledger.earliest(now, 100_000, priority)
            ledger.spend(now, 100_000)
        assert ledger.used_us(now + 100) == ledger.limit_us(priority)
        assert ledger.left_us(now + 100, priority) == 0
    assert [SHARES[priority] for priority in range(6)] == sorted(SHARES, reverse=True)


def test_an_acknowledgement_begins_at_once_whatever_the_others_want() -> None:
    ledger = Ledger(PER_CENT)
    now = NOW
    for _ in range(500):
        now = ledger.earliest(now, 1_400_000, ALARM)
        ledger.spend(now, 1_400_000)
        done = now + 1_400
        assert ledger.earliest(done, 1_155_072, ACK) == done


def test_what_lasts_longer_than_the_dwell_time_is_refused() -> None:
    ledger = Ledger(0, 400)
    ledger.spend(NOW, 400_000)
    for call in (lambda: ledger.earliest(NOW, 400_001), lambda: ledger.spend(NOW + 500, 400_001)):
        with pytest.raises(LoraError, match="one transmission may last 400000 us here"):
            call()


def test_what_no_hour_has_room_for_is_refused_rather_than_put_off() -> None:
    ledger = Ledger(1_000)
    assert ledger.earliest(NOW, 3_600_000) == NOW
    for airtime_us, priority in ((3_600_001, ACK), (2_160_001, BULK)):
        with pytest.raises(LoraError, match="us an hour here"):
            ledger.earliest(NOW, airtime_us, priority)
    with pytest.raises(LoraError, match="longer than nothing"):
        ledger.spend(NOW, 0)


def test_without_a_duty_cycle_nothing_is_kept_and_nothing_waits() -> None:
    ledger = Ledger(0)
    for second in range(1000):
        assert ledger.earliest(NOW + second * 1000, 999_000, BULK) == NOW + second * 1000
        ledger.spend(NOW + second * 1000, 999_000)
    assert ledger.left_us(NOW) is None
    assert len(ledger.dump()) == 22


def test_memory_is_bounded_also_after_a_dump_that_is_full() -> None:
    ledger = Ledger(PER_CENT)
    entries = [(seconds * 1_000_000, 50_000) for seconds in range(MOST_ENTRIES - 1, -1, -1)]
    assert ledger.load_untrusted(written(NOW * 1000, entries, 50_000), NOW)
    ends_us = [(NOW - seconds * 1000) * 1000 for seconds in range(MOST_ENTRIES)]
    now = NOW
    for _ in range(200):
        now = ledger.earliest(now + 61_000, 50_000)
        ledger.spend(now, 50_000)
        ends_us.append(now * 1000 + 50_000)
        assert len(ledger.dump()) <= LARGEST_DUMP
        assert ledger.used_us(now) >= 50_000 * len([end for end in ends_us if end > now * 1000 - WINDOW_US]) - 50_000


def test_a_dump_is_the_same_ledger() -> None:
    radio = ledger_overload.run(PER_CENT, 30, 30_000, 2_800_000, 3, lambda _: None)
    copy = Ledger(PER_CENT)
    assert copy.load_untrusted(radio.ledger.dump(), radio.clock_ms + 60_000)
    assert copy.dump() == radio.ledger.dump()
    for airtime_us in (1_000, 2_800_000):
        for priority in range(6):
            asked = (radio.clock_ms + 60_000, airtime_us, priority)
            assert copy.earliest(*asked) == radio.ledger.earliest(*asked)


@pytest.mark.parametrize("back_ms", [1, 999, 1_000, 3_600_000, 10**12])
def test_a_clock_that_stands_back_counts_what_was_sent_as_just_sent(back_ms: int) -> None:
    ledger = Ledger(PER_CENT)
    ledger.spend(NOW, 34_000_000)
    ledger.spend(NOW + 1_800_000, 2_000_000)
    back = NOW + 1_802_000 - back_ms
    copy = Ledger(PER_CENT)
    assert copy.load_untrusted(ledger.dump(), back)
    assert copy.used_us(back) == 36_000_000
    # 2 s were just begun, and the 34 s begun half an hour before them.
    assert copy.earliest(back, 1_000_000) == back + 1_800_000


def test_a_dump_without_a_transmission_names_no_time_at_which_one_ended() -> None:
    """It would keep the radio silent until then, for ever where that lies far ahead."""
    for newest_us, opened in ((1 << 61, 0), (1, 0), (0, 1)):
        ledger = Ledger(PER_CENT)
        assert not ledger.load_untrusted(written(newest_us, [], opened), NOW)
        assert ledger.earliest(NOW, 1_000_000) == NOW + HOUR_MS


def test_after_a_long_sleep_the_hour_is_free_again() -> None:
    ledger = Ledger(PER_CENT)
    ledger.spend(NOW, 36_000_000)
    copy = Ledger(PER_CENT)
    assert copy.load_untrusted(ledger.dump(), NOW + 2 * HOUR_MS)
    assert copy.left_us(NOW + 2 * HOUR_MS) == 36_000_000


def test_a_clock_that_is_set_moves_what_was_sent() -> None:
    ledger = Ledger(PER_CENT)
    ledger.spend(1_000, 36_000_000)
    ledger.move_clock(NOW)
    assert ledger.left_us(NOW + 60_000) == 0
    assert ledger.earliest(NOW + 60_000, 1_000_000) == NOW + 1_000 + HOUR_MS


def test_what_cannot_be_read_counts_as_an_hour_spent() -> None:
    good = ledger_overload.run(PER_CENT, 3, 30_000, 2_800_000, 3, lambda _: None).ledger.dump()
    number = random.Random(5)
    broken = [good[:size] for size in range(len(good))]
    broken += [
        good[:i] + bytes([good[i] ^ 1 << bit]) + good[i + 1 :]
        for i in range(len(good))
        for bit in range(0, 8, 1 if i < 22 else 5)
    ]
    broken += [number.randbytes(number.randrange(600)) for _ in range(200)]
    for data in broken:
        ledger = Ledger(PER_CENT)
        assert not ledger.load_untrusted(data, NOW)
        assert ledger.earliest(NOW, 1_000_000) == NOW + HOUR_MS
        assert ledger.left_us(NOW + HOUR_MS - 1_000) == 0


def test_a_dump_of_another_duty_cycle_or_inconsistent_is_not_taken() -> None:
    tenth = Ledger(1_000)
    tenth.spend(NOW, 1_000_000)
    ledger = Ledger(PER_CENT)
    assert not ledger.load_untrusted(tenth.dump(), NOW)
    newest_us = NOW * 1000
    for entries, opened in (
        ([(0, 1_000_000), (2_000_000, 1_000_000)], 1_000_000),
        ([(1_500_000, 1_000_000), (0, 1_600_000)], 1_600_000),
        ([(1, 1_000_000)], 1_000_000),
        ([(0, 0)], 0),
        ([(0, 1_000_000)], 999_999),
    ):
        assert not ledger.load_untrusted(written(newest_us, entries, opened), NOW)
        assert ledger.left_us(NOW) == 0
    assert ledger.load_untrusted(written(newest_us, [(2_000_000, 1_000_000), (0, 1_000_000)], 1_000_000), NOW)


def test_a_first_start_may_send_at_once() -> None:
    assert Ledger(1_000).earliest(NOW, 3_600_000) == NOW


def test_each_sub_band_has_a_budget_of_its_own_and_all_survive_a_restart() -> None:
    ledgers = Ledgers(region("EU868"))
    ledgers.ledger(868_100_000).spend(NOW, 36_000_000)
    ledgers.ledger(869_525_000, 250_000).spend(NOW, 60_000_000)
    assert ledgers.ledger(868_300_000).left_us(NOW) == 0
    again = Ledgers(region("EU868"))
    assert again.load_untrusted(ledgers.dump(), NOW + 60_000)
    found = [again.ledger(hz).left_us(NOW + 60_000) for hz in (868_500_000, 869_525_000, 866_000_000, 863_500_000)]
    assert found == [0, 300_000_000, 36_000_000, 3_600_000]
    with pytest.raises(LoraError, match="not allowed"):
        again.ledger(868_650_000)
    again.move_clock(-HOUR_MS)
    assert again.ledger(868_100_000).left_us(NOW + 60_000 - HOUR_MS) == 0


def test_ledgers_that_cannot_be_read_count_as_an_hour_spent_in_every_sub_band() -> None:
    ledgers = Ledgers(region("EU868"))
    ledgers.ledger(868_100_000).spend(NOW, 1_000_000)
    good = ledgers.dump()
    other = Ledgers(region("AS923")).dump()
    flipped = [good[:i] + bytes([good[i] ^ 1]) + good[i + 1 :] for i in range(len(good))]
    for data in [b"", other, *[good[:size] for size in range(len(good))], *flipped]:
        again = Ledgers(region("EU868"))
        assert not again.load_untrusted(data, NOW)
        assert [again.ledger(hz).left_us(NOW + 1) for hz in (863_500_000, 868_100_000, 869_525_000)] == [0, 0, 0]


def test_the_dwell_time_of_the_region_holds_in_its_ledgers() -> None:
    with pytest.raises(LoraError, match="400000 us here"):
        Ledgers(region("US915")).ledger(903_000_000).earliest(NOW, 400_001)


@pytest.mark.parametrize("duty_ppm", [1_000, 10_000, 100_000])
def test_micropython_sends_at_the_very_same_times(tmp_path: Path, duty_ppm: int) -> None:
    arguments = (duty_ppm, 30, 100_000, 2_000_000, 7)
    found = run_script(SCRIPT, tmp_path, heap="256k", arguments=tuple(map(str, arguments)))
    assert found.strip() == ledger_overload.digest(*arguments)
