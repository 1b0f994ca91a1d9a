"""Nodes that run a person's program as it stands: what they measure, drive and hear, through deep sleep."""

import json
from pathlib import Path
from typing import Any

import pytest

from comatrix.gateway.errors import GatewayError, UsageError
from comatrix.gateway.sim.books import as_json
from comatrix.gateway.sim.html_page import page
from comatrix.gateway.sim.programs.expected import STRANGE, Expected, records
from comatrix.gateway.sim.programs.finding import FIRMWARE
from comatrix.gateway.sim.programs.turns import Turns
from comatrix.gateway.sim.reading import load, parse
from comatrix.gateway.sim.real_time import check
from comatrix.gateway.sim.report import figures, words
from comatrix.gateway.sim.simulation import Outcome, simulate

ONE = """
[scenario]
duration = "20min"
drain = "2min"
[link.desk]
[[node]]
name = "mine"
link = "desk"
interval = "1min"
program = "mine.py"
"""
SENSOR = "from comatrix_node.node import Node\nnode = Node()\n"


@pytest.fixture(scope="module")
def examples() -> Outcome:
    return simulate(load("examples"))


def told_of(outcome: Outcome, name: str) -> dict[str, Any]:
    return next(one for one in figures(outcome)["programs"] if one["node"] == name)


def play(folder: Path, program: str, more: str = "") -> dict[str, Any]:
    (folder / "mine.py").write_text(program)
    return figures(simulate(parse(ONE + more, "it.toml", folder)))


# The four nodes of firmware/micropython/examples


def test_every_reading_of_the_examples_is_in_the_room_once(examples: Outcome) -> None:
    told = figures(examples)
    assert told["readings"] == told["delivered"] == 48 + 8 + 6 + 4
    assert (told["missing"], told["doubled"], examples.books.strangers) == (0, 0, 0)


def test_the_weather_station_sleeps_deeply_between_its_readings(examples: Outcome) -> None:
    told = told_of(examples, "weather")
    assert {word: seen["times"] for word, seen in told["in_room"].items()} == dict.fromkeys(
        ("humidity", "pressure", "temperature"), 48
    )
    assert told["starts"] == 74  # one each 5 min, also in the two hours in which nothing is sent any more
    assert 15 < float(told["in_room"]["temperature"]["last"]) < 35
    assert 950 < float(told["in_room"]["pressure"]["last"]) < 1050


def test_a_command_typed_in_the_room_drives_the_relay_for_as_long_as_it_says(examples: Outcome) -> None:
    moves = told_of(examples, "plant")["pins"]
    assert [(one["pin"], one["level"]) for one in moves[:2]] == [("RELAY", 1), ("RELAY", 0)]
    assert 1200 < moves[0]["at_s"] < 1260 and moves[1]["at_s"] - moves[0]["at_s"] == 7
    assert {one["said"]: one["state"] for one in figures(examples)["commands"]} == {
        "water(7 s)": "confirmed",
        "dry = 20 %RH": "confirmed",
    }


def test_dry_soil_is_watered_until_a_person_says_that_it_is_moist_enough(examples: Outcome) -> None:
    on = [one["at_s"] for one in told_of(examples, "plant")["pins"] if one["level"]]
    assert len(on) == 3  # told once; dry from 2 h on, twice until the bound was set at 3 h
    assert all(7_200 < at_s < 10_800 + 60 for at_s in on[1:])


def test_a_door_that_moves_wakes_its_node_at_once(examples: Outcome) -> None:
    door = told_of(examples, "door")
    assert door["starts"] == 8  # six by the hour, and both moves
    (node,) = [one for one in examples.fleet.programs.values() if one.plan.name == "door"]
    assert node.expected.in_room["contact"] == ["0", "0", "1", "0", "0", "0"]
    number = next(one for one, board in examples.fleet.programs.items() if board is node)
    assert {100 * 60_000, 103 * 60_000} <= set(examples.books.moments_of(number))


def test_the_soil_sensor_is_heard_over_lora(examples: Outcome) -> None:
    told = told_of(examples, "soil")
    assert {word: seen["times"] for word, seen in told["in_room"].items()} == {"battery": 4, "soil-moisture": 4}
    assert figures(examples)["lora"]["field"]["times_the_lossless_link"] < 4


def test_the_same_seed_is_the_same_run_of_programs_to_the_byte(examples: Outcome) -> None:
    again = simulate(load("examples"))
    assert as_json(figures(again)) == as_json(figures(examples))
    assert page(again) == page(examples)


def test_what_programs_came_to_is_told_in_words_and_on_the_page(examples: Outcome) -> None:
    told = "\n".join(words(json.loads(as_json(figures(examples)))))
    assert "program    weather: examples/weather_station.py, 74 starts; humidity 48 times" in told
    assert "pins       plant: RELAY 1 at 1200." in told
    assert "examples/soil_lora.py" in page(examples)


# Programs of one's own


def test_a_loop_of_ones_own_with_sleeps_is_a_program_too(tmp_path: Path) -> None:
    told = play(
        tmp_path,
        SENSOR + "import time\nfor n in range(5):\n    node.post({'temperature': n})\n"
        "    while node.pending():\n        node.step(500)\n    time.sleep(60)\nnode.run()\n",
    )
    assert (told["readings"], told["missing"]) == (5, 0)
    assert told["programs"][0]["in_room"]["temperature"] == {"times": 5, "first": "0.00", "last": "4.00"}


def test_every_driver_finds_its_sensor(tmp_path: Path) -> None:
    told = play(
        tmp_path,
        SENSOR + "import dht\nfrom machine import ADC, Pin\nfrom comatrix_node.sensors.dht22 import Dht22\n"
        "from comatrix_node.sensors.battery import Battery\nnode.sensor('air', every_s=300)(Dht22(dht.DHT22(Pin(4))))\n"
        "node.sensor('supply', every_s=300)(Battery(ADC(Pin(34), atten=ADC.ATTN_11DB)))\nnode.run()\n",
    )
    assert set(told["programs"][0]["in_room"]) == {"temperature", "humidity", "battery"}
    assert told["missing"] == 0


def test_the_scenario_of_the_how_to_page_runs_a_program_of_ones_own(tmp_path: Path) -> None:
    text = (FIRMWARE.parents[1] / "docs/howto/try-without-a-radio.md").read_text(encoding="utf-8")
    (tmp_path / "mine.toml").write_text(text.split("```toml\n")[2].split("```")[0])
    (tmp_path / "main.py").write_bytes((FIRMWARE / "examples" / "relay_station.py").read_bytes())
    told = figures(simulate(load(str(tmp_path / "mine.toml"))))
    assert (told["missing"], told["commands"][0]["state"]) == (0, "confirmed")
    assert [move["level"] for move in told["programs"][0]["pins"]] == [1]


@pytest.mark.parametrize(
    ("program", "why"),
    [
        (SENSOR + "node.sensor('temperature')(lambda: 1 / 0)\nnode.run()\n", "ZeroDivisionError: division by zero"),
        (SENSOR, r"ended without node.run\(\)"),
        ("import machine\nmachine.PWM\n", "PWM"),
        (SENSOR + "while True:\n    node.step(0)\n", "never waits"),
    ],
)
def test_a_program_that_stops_is_told_with_its_reason(tmp_path: Path, program: str, why: str) -> None:
    with pytest.raises(GatewayError, match=f"program mine.py of node mine stopped: .*{why}"):
        play(tmp_path, program)


@pytest.mark.parametrize(
    ("program", "more", "why"),
    [
        ("x = (", "", "is no program: "),
        (SENSOR, 'board = "pico"', "There is no pin table pico; there are esp32, "),
        (SENSOR, '[[input]]\nat = 0\nnode = "mine"\npin = "DOR"\nvalue = 1', "The board has no pin DOR; it has SCL, "),
    ],
)
def test_what_is_no_program_or_no_board_is_told_in_words(tmp_path: Path, program: str, more: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        play(tmp_path, program, more)


def test_a_program_that_is_not_there_is_told_with_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=rf"There is no program {tmp_path}/mine.py or .*/micropython/mine.py"):
        simulate(parse(ONE, "it.toml", tmp_path))


def test_programs_are_refused_by_the_real_clock() -> None:
    with pytest.raises(UsageError, match="--real is not for nodes with a program"):
        check(load("examples"), "examples")


# How readings without a number are known again


def test_a_record_that_comes_twice_has_the_same_number_and_an_unknown_one_none() -> None:
    expected = Expected()
    (values,) = records({"temperature": 21.5, "humidity": None}, None)
    assert [expected.measured(values), expected.measured(values)] == [1, 2]
    entry = {"enr": 1, "seq": 7, "readings": [{"n": "temperature", "v": "21.50"}]}
    assert [expected.number_of(entry), expected.number_of(entry)] == [1, 1]
    dropped = {**entry, "seq": 8, "readings": [*entry["readings"], {"n": "dropped", "v": "3"}]}  # type: ignore[misc]
    assert expected.number_of(dropped) == 2
    assert expected.number_of({**entry, "seq": 9}) == STRANGE


def test_a_program_takes_turns_with_the_simulation_and_ends_where_it_waits() -> None:
    seen: list[str] = []

    def program() -> None:
        seen.append("began")
        turns.wait(5)
        seen.append("went on")
        turns.wait(7)
        seen.append("never")

    turns = Turns(program)
    assert (turns.take(), turns.take()) == (5, 7)
    turns.end()
    assert seen == ["began", "went on"]
