"""LoRa in virtual time: the node's link code, the simulated air and the gateway's receiver, to the room."""

import re

import pytest

from comatrix.gateway.sim.air_books import HOUR_US, Transmitter
from comatrix.gateway.sim.books import as_json
from comatrix.gateway.sim.energy import mah_a_day
from comatrix.gateway.sim.html_page import page
from comatrix.gateway.sim.numbering import climate_of, count_of
from comatrix.gateway.sim.reading import load, parse
from comatrix.gateway.sim.report import figures, words
from comatrix.gateway.sim.simulation import Outcome, simulate

FIELD = """
[scenario]
duration = "2h"
drain = "1h"
shadowing_db = 3
late_after = "20min"
[link.field]
kind = "lora"
sf = 7
loss = 0.15
burst_loss = 0.15
radios = [[0, 0], [700, 0]]
[[node]]
name = "battery"
link = "field"
count = 3
interval = "5min"
sleep = true
position = [350, 0]
spread = 500
drift_ppm = 50
[[fault]]
at = "50min"
kind = "gateway-restart"
for = "90s"
"""


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    return simulate(parse(FIELD, "field.toml"))


def test_every_lora_reading_is_in_the_room_once_over_loss_and_a_restart(outcome: Outcome) -> None:
    told = figures(outcome)
    assert told["readings"] == 72
    assert (told["missing"], told["doubled"], told["gateway_restarts"]) == (0, 0, 1)


def test_both_radios_are_told_apart_and_each_hears_what_physics_lets_it(outcome: Outcome) -> None:
    told = figures(outcome)
    link = told["lora"]["field"]
    assert list(link["radios"]) == ["field-1", "field-2"]
    for node in told["node"]:
        assert sum(one["frames"] for one in node["heard_by"].values()) > node["frames"]  # some were heard twice
        assert all(one["least_snr_db"] <= one["snr_db"] for one in node["heard_by"].values())
    heard = link["radios"]["field-1"]["heard"]
    assert 0.15 < (heard["burst"] + heard["independent loss"]) / sum(heard.values()) < 0.45
    # Two radios with dice of their own lose less together than each alone.
    assert link["frames_up_heard_by_no_radio"] < link["frames_up"] * 0.2


def test_airtime_stands_between_what_cannot_be_beaten_and_the_law(outcome: Outcome) -> None:
    link = figures(outcome)["lora"]["field"]
    airtime = link["airtime_ms_a_reading"]
    assert airtime["floor"] < airtime["one_frame"] < airtime["erasure_limit"]
    assert airtime["one_frame"] == 46.34  # 15 bytes at SF7
    assert airtime["used"] >= airtime["floor"]
    assert 0 < link["duty_cycle_worst_node"] <= link["duty_cycle_allowed"] == 0.01
    assert all(0 < one["duty_cycle_worst_hour"] <= 0.01 for one in link["radios"].values())


def test_the_same_seed_is_the_same_lora_run_to_the_byte(outcome: Outcome) -> None:
    scenario = parse(FIELD, "field.toml")
    again, other = simulate(scenario), simulate(scenario, seed=2)
    assert as_json(figures(again)) == as_json(figures(outcome))
    assert page(again) == page(outcome)
    assert figures(other)["transcript_sha256"] != figures(outcome)["transcript_sha256"]


def test_the_page_maps_each_radio_and_stays_inside_its_pictures(outcome: Outcome) -> None:
    text = page(outcome)
    assert "radio field-1" in text and "radio field-2" in text and "mAh a day" in text
    assert not any(word in text for word in ("src=", "href=", "<script", "<link", "@import", "url("))
    pictures = re.findall(r'<svg viewBox="0 0 (\d+) (\d+)".*?</svg>', text, re.S)
    assert len(pictures) == 4
    for picture in re.finditer(r'<svg viewBox="0 0 (\d+) (\d+)"(.*?)</svg>', text, re.S):
        width, height = int(picture[1]), int(picture[2])
        for kind, limit in (("x", width), ("y", height)):
            places = re.findall(rf'(?:\bc{kind}|\b{kind})="([-0-9.]+)"', picture[3])
            assert all(0 <= float(place) <= limit for place in places)


def test_what_lora_came_to_is_told_in_words(outcome: Outcome) -> None:
    told = "\n".join(words(figures(outcome)))
    assert "lora       field: SF7" in told and "battery" in told and "1% allowed" in told


def test_a_node_out_of_range_is_never_heard() -> None:
    text = FIELD.replace("spread = 500", "spread = 0").replace("[350, 0]", "[90000, 0]").replace('"2h"', '"20min"')
    told = figures(simulate(parse(text, "far.toml")))
    assert told["delivered"] == 0 < told["readings"]
    assert all(not node["heard_by"] for node in told["node"])
    assert told["lora"]["field"]["frames_up_heard_by_no_radio"] == told["lora"]["field"]["frames_up"] > 0


def test_without_loss_little_more_than_a_frame_a_reading_is_spent() -> None:
    told = figures(simulate(parse(FIELD[: FIELD.index("[[fault]]")].replace("0.15", "0"), "still.toml")))
    assert (told["readings"], told["missing"], told["doubled"]) == (72, 0, 0)
    assert told["lora"]["field"]["times_the_lossless_link"] < 1.5  # hello and the first asks included


def test_a_readings_number_is_in_its_values() -> None:
    for count in (1, 4000, 11_999, 12_000, 123_456):
        temperature, humidity = climate_of(count)[0], climate_of(count)[1]
        values = {"temperature": f"{temperature / 100:.2f}", "humidity": f"{humidity / 10:.1f}"}
        assert count_of(values) == count
    assert count_of({"temperature": "20.00"}) is None


def test_the_fullest_hour_is_the_one_that_holds_most_airtime() -> None:
    one = Transmitter()
    for minute, length_us in ((0, 5_000), (30, 7_000), (59, 9_000), (61, 1_000), (200, 2_000)):
        start_us = minute * 60_000_000
        one.note(start_us, start_us + length_us)
    assert one.worst_hour_us == 21_000
    assert (one.frames, one.airtime_us) == (5, 24_000)
    edge = Transmitter()
    edge.note(0, 10_000)
    edge.note(HOUR_US - 1_000, HOUR_US + 4_000)  # 4 ms of the first are out of the hour that ends here
    assert edge.worst_hour_us == 11_000


def test_a_battery_lasts_longer_where_the_radio_is_off() -> None:
    asleep = mah_a_day(0, 0, 86_400, 0, 14)
    assert asleep[0] == asleep[1] == pytest.approx(0.2544)  # 10.6 uA for 24 h
    sending = mah_a_day(36, 0, 86_400, 0, 14)
    assert sending[0] - asleep[0] == pytest.approx(36 * (45 + 0.8) / 3600, rel=1e-3)
    assert sending[1] - asleep[1] == pytest.approx(36 * (90 + 68) / 3600, rel=1e-3)
    assert mah_a_day(0, 0, 86_400, 144, 14)[1] > asleep[1] + 2  # 144 boots of a second at 68 mA


@pytest.mark.slow
def test_a_village_on_lora_delivers_everything_over_hills_and_bursts() -> None:
    told = figures(simulate(load("lora-village")))
    assert (told["missing"], told["doubled"]) == (0, 0)
    assert {one["sf"] for one in told["lora"].values()} == {7, 9, 10}


@pytest.mark.slow
def test_commands_reach_nodes_on_both_links_whether_they_listen_or_sleep() -> None:
    told = figures(simulate(load("commands")))
    assert (told["missing"], told["doubled"]) == (0, 0)
    assert [one["state"] for one in told["commands"]] == ["confirmed"] * 8
