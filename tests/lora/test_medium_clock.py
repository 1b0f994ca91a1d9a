"""A node's clock drifts from the medium's, and what it plans by its own clock comes early or late."""

import pytest
from comatrix_lora.medium.clock import Clock
from comatrix_lora.medium.radio import Radio
from comatrix_lora.medium.settings import RadioSettings

from tests.support.scripted_air import SYMBOL_US, ScriptedAir

HOUR_US = 3_600_000_000


@pytest.mark.parametrize("drift_ppm", [-10_000, -40, -1, 0, 1, 20, 10_000])
def test_the_first_instant_at_which_a_clock_shows_a_time_is_found(drift_ppm: int) -> None:
    clock = Clock(drift_ppm, offset_us=500)
    for local in (500, 501, 1_000_500, HOUR_US + 7):
        at = clock.medium_us(local)
        assert clock.local_us(at) >= local
        assert at == 0 or clock.local_us(at - 1) < local


def test_40_ppm_are_144_ms_an_hour() -> None:
    assert Clock(40).local_us(HOUR_US) == HOUR_US + 144_000
    assert Clock(-40).local_us(HOUR_US) == HOUR_US - 144_000


@pytest.mark.parametrize("drift_ppm", [10_001, -10_001])
def test_a_clock_that_no_crystal_drives_is_refused(drift_ppm: int) -> None:
    with pytest.raises(ValueError, match="no crystal"):
        Clock(drift_ppm)


def open_window(node: Radio, after_us: int, for_us: int) -> None:
    """By the node's own clock."""
    node.at_local(node.local_us() + after_us, node.listen)
    node.at_local(node.local_us() + after_us + for_us, node.sleep)


@pytest.mark.parametrize(
    ("drift_ppm", "told"),
    [
        (0, ["gw>node received"]),
        (-20, ["gw>node received"]),
        (-100, ["gw>node not listening"]),
        (500, ["gw>node not listening"]),
    ],
)
def test_a_receive_window_by_a_drifting_clock_misses_the_answer(drift_ppm: int, told: list[str]) -> None:
    """60 s after the start; the answer starts 1 symbol into a window that ends as the answer does.

    1.2 ms late is within what the preamble spares, 6 ms late is not; 30 ms early, the window ends before the answer."""
    air = ScriptedAir()
    node = air.medium.radio("node", (100.0,), drift_ppm=drift_ppm)
    due_us = 60_000_000
    open_window(node, due_us, SYMBOL_US + RadioSettings().airtime_us(10) + 5_000)
    air.medium.at(due_us + SYMBOL_US, lambda: air.gateway.transmit(bytes(10)))
    assert air.run() == told


def test_two_nodes_that_send_by_their_clocks_drift_into_each_other() -> None:
    """Once a minute, 100 ms apart, 100 ppm towards each other: 6 ms nearer a minute."""
    air = ScriptedAir()
    steady, fast = air.medium.radio("steady", (100.0,)), air.medium.radio("fast", (100.0,), drift_ppm=100)

    def every_minute(radio: Radio, first_us: int) -> None:
        def send(local_us: int) -> None:
            radio.transmit(bytes(20))
            radio.at_local(local_us + 60_000_000, lambda: send(local_us + 60_000_000))

        radio.at_local(first_us, lambda: send(first_us))

    every_minute(steady, 0)
    every_minute(fast, 100_000)
    air.medium.run_until(20 * 60_000_000 - 1)
    first = next(number for number, line in enumerate(air.told) if line.endswith("collision"))
    assert first // 2 == 8  # 100 - 8 * 6 = 52 ms apart, less than the 56.6 ms on air by more than three symbols
