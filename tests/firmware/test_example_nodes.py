"""Complete nodes, hours of virtual time on simulated boards: their readings arrive at a gateway, at their pace."""

import pytest

from comatrix.gateway.sim.reading import parse
from comatrix.gateway.sim.report import figures
from comatrix.gateway.sim.simulation import simulate

UDP, LORA = "[link.way]\n", '[link.way]\nkind = "lora"\nsf = 7\n'
NODE = """
[scenario]
duration = "150min"
drain = "30min"
[[node]]
name = "garden"
link = "way"
interval = "1min"
sleep = true
program = "examples/{}"
"""
DRY = '[[input]]\nat = 0\nnode = "garden"\npin = "ADC"\nvalue = 0.8\n'  # of full scale


@pytest.mark.parametrize(
    ("name", "link", "word", "count"),
    [
        ("weather_station.py", UDP, "temperature", 30),
        ("plant_watering.py", UDP, "soil-moisture", 5),
        ("door_contact.py", UDP, "contact", 3),
        ("soil_lora.py", LORA, "battery", 3),
    ],
)
def test_a_complete_node_is_heard_at_its_pace(name: str, link: str, word: str, count: int) -> None:
    told = figures(simulate(parse(NODE.format(name) + link, "it.toml")))
    assert told["programs"][0]["in_room"][word]["times"] == count
    assert (told["readings"], told["missing"], told["doubled"]) == (count, 0, 0)


def test_the_pump_runs_where_the_soil_is_dry_and_stops() -> None:
    told = figures(simulate(parse(NODE.format("plant_watering.py") + UDP + DRY, "it.toml")))
    moves = [one for one in told["programs"][0]["pins"] if one["at_s"] < 9000]
    assert [(move["pin"], move["level"]) for move in moves] == [("RELAY", 1), ("RELAY", 0)] * 5
    assert all(off["at_s"] - on["at_s"] == 5 for on, off in zip(moves[::2], moves[1::2], strict=True))
