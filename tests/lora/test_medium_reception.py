"""What a radio hears, and why it does not: scripts of single frames."""

from dataclasses import replace

import pytest
from comatrix_lora.medium.medium import Medium
from comatrix_lora.medium.propagation import FlatLoss
from comatrix_lora.medium.radio import RadioBusyError, State
from comatrix_lora.medium.settings import RadioSettings
from comatrix_lora.medium.statistics import Outcome

from tests.support.scripted_air import AIRTIME_US, SYMBOL_US, ScriptedAir

SF7 = RadioSettings()


def test_a_frame_arrives_with_its_levels_and_times() -> None:
    air = ScriptedAir()
    heard, done = list[tuple[bytes, int, int, int, int]](), list[int]()
    air.gateway.on_receive = lambda *told: heard.append(told)
    node = air.send("node", 1000)
    node.on_done = lambda: done.append(air.medium.now_us)
    air.run()
    # -86 dBm over a noise of -174 + 51.0 + 6 dBm.
    assert heard == [(bytes(20), -860, 310, 1000, 1000 + AIRTIME_US)]
    assert done == [1000 + AIRTIME_US]
    assert (node.statistics.sent, node.statistics.airtime_us, air.medium.airtime_us) == (1, AIRTIME_US, AIRTIME_US)
    assert (air.gateway.statistics.received, air.gateway.statistics.lost) == (1, {})
    assert node.state is State.SLEEPING


@pytest.mark.parametrize(("loss_db", "told"), [(138.5, "received"), (138.6, "below sensitivity")])
def test_sensitivity_is_a_sharp_edge(loss_db: float, told: str) -> None:
    air = ScriptedAir()  # at SF7 -117 - 7.5 dBm
    air.send("node", 0, loss_db)
    assert air.run() == [f"node>gw {told}"]


@pytest.mark.parametrize(
    "other",
    [
        replace(SF7, frequency_hz=868_300_000),
        replace(SF7, sf=8),
        replace(SF7, bandwidth_hz=250_000),
        replace(SF7, sync_word=0x34),
    ],
)
def test_a_frame_of_another_channel_is_not_heard(other: RadioSettings) -> None:
    air = ScriptedAir()
    air.send("node", 0, settings=other)
    assert air.run() == []


def test_two_radios_of_a_gateway_hear_one_frame_each_with_its_own_level() -> None:
    air = ScriptedAir()
    second = air.listener("gw2", loss_db=10.0)
    levels = list[int]()
    for radio in (air.gateway, second):
        radio.on_receive = lambda data, rssi, snr, start, end: levels.append(rssi)
    air.send("node", 0, 100.0)
    assert air.run() == ["node>gw received", "node>gw2 received"]
    assert levels == [-860, -760]


def test_a_radio_that_transmits_loses_what_it_was_receiving() -> None:
    air = ScriptedAir()
    air.send("node", 0)
    air.medium.at(AIRTIME_US - 1, lambda: air.gateway.transmit(b"x"))
    assert air.run() == ["node>gw half duplex"]
    assert air.gateway.state is State.LISTENING


@pytest.mark.parametrize(("over_us", "told"), [(3 * SYMBOL_US, "received"), (3 * SYMBOL_US + 1, "half duplex")])
def test_the_last_five_symbols_of_the_preamble_must_follow_the_own_frame(over_us: int, told: str) -> None:
    air = ScriptedAir()
    own_us = SF7.airtime_us(0)
    air.medium.at(1_000_000 + over_us - own_us, lambda: air.gateway.transmit(b""))
    air.send("node", 1_000_000)
    assert air.run() == [f"node>gw {told}"]


def test_a_frame_whose_preamble_ends_during_the_own_frame_is_lost() -> None:
    air = ScriptedAir()
    air.medium.at(0, lambda: air.gateway.transmit(bytes(200)))
    air.send("node", 1000)
    assert air.run() == ["node>gw half duplex"]


@pytest.mark.parametrize(("wake_us", "told"), [(3 * SYMBOL_US, "received"), (3 * SYMBOL_US + 1, "not listening")])
def test_who_wakes_after_three_of_eight_symbols_is_too_late(wake_us: int, told: str) -> None:
    air = ScriptedAir()
    sleeper = air.medium.radio("sleeper", (0.0,))
    air.medium.at(wake_us, sleeper.listen)
    air.send("node", 0)
    assert f"node>sleeper {told}" in air.run()


def test_who_sleeps_counts_nothing_and_who_falls_asleep_loses_the_frame() -> None:
    air = ScriptedAir()
    sleeper, tired = air.medium.radio("sleeper", (0.0,)), air.listener("tired")
    air.send("node", 0)
    air.medium.at(AIRTIME_US - 1, tired.sleep)
    assert air.run() == ["node>tired not listening", "node>gw received"]
    assert sleeper.statistics.lost == {}
    assert tired.statistics.lost == {Outcome.NOT_LISTENING: 1}


def test_another_channel_loses_the_frame_and_other_power_does_not() -> None:
    air = ScriptedAir()
    restless, louder = air.listener("restless"), air.listener("louder")
    air.send("node", 0)
    air.medium.at(20_000, lambda: restless.configure(replace(SF7, sf=9)))
    air.medium.at(20_000, lambda: louder.configure(replace(SF7, power_dbm=20)))
    assert air.run() == ["node>restless not listening", "node>gw received", "node>louder received"]
    air.send("slow", 100_000, settings=replace(SF7, sf=9))
    assert air.run()[3:] == ["slow>restless received"]


def test_a_radio_that_is_told_to_sleep_or_listen_while_it_transmits_does_so_afterwards() -> None:
    air = ScriptedAir()
    node = air.send("node", 0)
    air.medium.at(10, air.gateway.sleep)
    air.medium.at(10, node.listen)
    air.medium.run_until(20)
    assert (node.state, air.gateway.state) == (State.TRANSMITTING, State.SLEEPING)
    air.send("other", AIRTIME_US)
    assert air.run() == ["other>node received"]


def test_a_busy_radio_refuses_and_goes_on() -> None:
    air = ScriptedAir()
    node = air.send("node", 0)
    air.medium.run_until(10)
    with pytest.raises(RadioBusyError, match="node is transmitting"):
        node.transmit(b"")
    with pytest.raises(RadioBusyError, match="node is transmitting"):
        node.configure(SF7)
    assert air.run() == ["node>gw received"]


def test_a_radio_may_send_again_as_soon_as_it_is_done() -> None:
    air = ScriptedAir()
    node = air.send("node", 0)
    air.medium.at(AIRTIME_US, lambda: node.transmit(b"again"))
    assert air.run() == ["node>gw received", "node>gw received"]


def test_what_no_frame_holds_is_refused_and_the_reception_goes_on() -> None:
    air = ScriptedAir()
    air.send("node", 0)
    air.medium.run_until(20_000)
    with pytest.raises(ValueError, match="out of range"):
        air.gateway.transmit(bytes(256))
    assert air.run() == ["node>gw received"]


def test_a_buffer_that_changes_after_it_was_sent_changes_nothing_on_air() -> None:
    air = ScriptedAir()
    heard = list[bytes]()
    air.gateway.on_receive = lambda data, rssi, snr, start, end: heard.append(data)
    node, data = air.medium.radio("node", (100.0,)), bytearray(b"one")
    node.transmit(data)
    data[:] = b"two"
    air.run()
    assert heard == [b"one"]


def test_a_callback_that_stops_the_other_radio_comes_too_late_for_this_frame() -> None:
    air = ScriptedAir()
    second = air.listener("gw2")
    air.gateway.on_receive = lambda data, rssi, snr, start, end: second.sleep()
    air.send("node", 0)
    assert air.run() == ["node>gw received", "node>gw2 received"]


def test_a_radio_that_moved_is_heard_and_hears_from_where_it_is() -> None:
    air = ScriptedAir()
    levels = list[int]()
    air.gateway.on_receive = lambda data, rssi, snr, start, end: levels.append(rssi)
    node = air.send("node", 0, 100.0)
    air.run()
    for moved, to_db in ((node, 90.0), (air.gateway, 20.0)):
        moved.move((to_db,))
        air.medium.after(0, lambda: node.transmit(b""))
        air.run()
    assert levels == [-860, -760, -560]


def test_every_frame_of_others_is_counted_once_at_a_radio_that_is_always_awake() -> None:
    air = ScriptedAir()
    for number in range(40):
        air.send(f"node{number}", 17_000 * number, 80.0 + 2.0 * number)
    for number in range(9):
        air.medium.at(77_777 * number, lambda: air.gateway.transmit(b"ack"))
    air.run()
    counted = air.gateway.statistics
    assert counted.received + sum(counted.lost.values()) == 40
    assert set(counted.lost) == {Outcome.COLLISION, Outcome.HALF_DUPLEX, Outcome.BELOW_SENSITIVITY}


@pytest.mark.parametrize(
    "wrong",
    [
        {"sf": 4},
        {"sf": 13},
        {"coding_rate": 4},
        {"bandwidth_hz": 0},
        {"bandwidth_hz": 2_000_000},
        {"frequency_hz": 0},
        {"sync_word": 256},
        {"preamble": -1},
    ],
)
def test_settings_of_no_radio_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"out of range|no bandwidth"):
        RadioSettings(**wrong)


def test_a_name_is_given_once() -> None:
    medium = Medium(1, FlatLoss())
    medium.radio("node", (0.0,))
    with pytest.raises(ValueError, match="a radio node already"):
        medium.radio("node", (1.0,))
