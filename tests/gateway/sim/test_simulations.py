"""Whole runs in virtual time: every reading once, the same bytes for the same seed."""

import json
from dataclasses import replace

import pytest

from comatrix.gateway.sim.books import as_json
from comatrix.gateway.sim.html_page import page
from comatrix.gateway.sim.reading import load, parse
from comatrix.gateway.sim.report import figures
from comatrix.gateway.sim.simulation import Outcome, simulate

SMALL = """
[scenario]
duration = "12min"
drain = "5min"
[link.bad]
loss = 0.3
burst_loss = 0.1
duplicate = 0.1
delay_ms = 30
jitter_ms = 500
[[node]]
name = "awake"
link = "bad"
count = 2
interval = "30s"
[[node]]
name = "sleeper"
link = "bad"
interval = "1min"
sleep = true
position = [100, 50]
[[command]]
at = "3min"
node = "awake-1"
command = "call lamp 1"
[[command]]
at = "4min"
node = "sleeper"
command = "set interval 2min"
[[fault]]
at = "6min"
kind = "gateway-restart"
for = "30s"
[[fault]]
at = "8min"
kind = "homeserver-outage"
for = "90s"
"""


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    return simulate(parse(SMALL, "small.toml"))


def test_every_reading_is_in_the_room_once_over_loss_restart_and_outage(outcome: Outcome) -> None:
    told = figures(outcome)
    assert told["readings"] > 50
    assert (told["missing"], told["doubled"]) == (0, 0)
    assert told["gateway_restarts"] == 1
    assert told["links"]["bad"]["lost"] > told["links"]["bad"]["sent"] * 0.25
    assert any("homeserver does not answer" in line for line in told["operator"])


def test_commands_typed_in_the_room_are_done(outcome: Outcome) -> None:
    told = {one["node"]: (one["said"], one["state"]) for one in figures(outcome)["commands"]}
    assert told == {"awake-1": ("lamp(on)", "confirmed"), "sleeper": ("interval = 120 s", "confirmed")}


def test_the_same_seed_is_the_same_run_to_the_byte_and_another_is_not(outcome: Outcome) -> None:
    scenario = parse(SMALL, "small.toml")
    again, other = simulate(scenario), simulate(scenario, seed=2)
    assert as_json(figures(again)) == as_json(figures(outcome))
    assert page(again) == page(outcome)
    assert figures(other)["transcript_sha256"] != figures(outcome)["transcript_sha256"]


def test_the_figures_are_json_and_the_page_needs_nothing_else(outcome: Outcome) -> None:
    assert json.loads(as_json(figures(outcome)))["nodes"] == 3
    text = page(outcome)
    assert "prefers-color-scheme: dark" in text and text.count("<svg") >= 3
    assert not any(word in text for word in ("src=", "href=", "<script", "<link", "@import", "url("))


def test_what_an_outage_delays_counts_as_late() -> None:
    scenario = parse(SMALL.replace('drain = "5min"', 'drain = "5min"\nlate_after = "45s"'), "small.toml")
    told = figures(simulate(scenario))
    assert 0 < told["late"] < told["readings"]
    assert told["latency_s"]["p100"] > 45


def test_a_datagram_longer_than_the_links_mtu_never_arrives() -> None:
    text = '[scenario]\nduration = "3min"\n[link.tiny]\nmtu = 16\n[[node]]\nname = "a"\nlink = "tiny"\n'
    told = figures(simulate(parse(text, "tiny.toml")))
    assert told["delivered"] == 0 < told["readings"]
    assert told["links"]["tiny"]["too_long"] == told["links"]["tiny"]["sent"] > 0


def test_a_slow_line_makes_datagrams_queue() -> None:
    text = '[scenario]\nduration = "5min"\n[link.slow]\ndelay_ms = 0\nrate = 600\n[[node]]\nname = "a"\nlink = "slow"\n'
    told = figures(simulate(parse(text, "slow.toml")))
    assert told["missing"] == 0
    assert told["latency_s"]["p50"] > 0.3  # some 30 bytes at 600 bit/s take 0.4 s


def test_the_smallest_shipped_scenario_delivers_everything() -> None:
    told = figures(simulate(load("one-node")))
    assert told["readings"] == told["delivered"] >= 60


@pytest.mark.slow
def test_ten_nodes_deliver_everything_over_all_their_faults() -> None:
    told = figures(simulate(load("lossy-field")))
    assert (told["missing"], told["doubled"]) == (0, 0)
    assert [one["state"] for one in told["commands"]] == ["confirmed"] * 3


@pytest.mark.slow
def test_five_hundred_nodes_and_their_gateway_lose_nothing() -> None:
    """Two hours of the town; the day of it takes minutes: `make soak`."""
    town = load("town")
    told = figures(simulate(replace(town, whole=replace(town.whole, duration_ms=7_200_000))))
    assert (told["readings"], told["missing"], told["doubled"]) == (6_000, 0, 0)
