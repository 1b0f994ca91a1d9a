"""The bad link does to datagrams what it says, from its seed."""

import random

from tests.chaos.link import CLEAR, Air, Counts, Weather, corrupted

DATA = bytes(range(30))


def flights(weather: Weather, seed: int = 1, count: int = 4000) -> tuple[list[list[tuple[float, bytes]]], Counts]:
    counts = Counts()
    air = Air(weather, random.Random(seed), counts)
    return [air.fly(DATA) for _ in range(count)], counts


def test_a_clear_link_delivers_everything_at_once() -> None:
    found, counts = flights(CLEAR, count=100)
    assert found == [[(0, DATA)]] * 100
    assert (counts.sent, counts.lost, counts.doubled, counts.corrupted) == (100, 0, 0, 0)


def test_a_bad_one_loses_doubles_delays_and_corrupts() -> None:
    found, counts = flights(Weather())
    assert 0.04 < counts.lost / counts.sent < 0.15
    assert 0.03 < counts.doubled / counts.sent < 0.09
    arrived = [one for copies in found for one in copies]
    assert 0.005 < sum(data != DATA for _, data in arrived) / len(arrived) < 0.04
    assert any(delay_s > 1 for delay_s, _ in arrived)


def test_losses_come_in_bursts() -> None:
    found, _ = flights(Weather(loss=0, burst_begins=0.01, burst_ends=0.25))
    longest = run = 0
    for copies in found:
        run = 0 if copies else run + 1
        longest = max(longest, run)
    assert longest > 5


def test_the_same_seed_is_the_same_weather() -> None:
    assert flights(Weather(), seed=7) == flights(Weather(), seed=7)
    assert flights(Weather(), seed=7) != flights(Weather(), seed=8)


def test_what_is_corrupted_is_never_as_it_was() -> None:
    generator = random.Random(1)
    assert all(corrupted(DATA, generator) != DATA for _ in range(500))
    assert all(corrupted(b"\x00", generator) != b"\x00" for _ in range(100))
