"""A reading that is not in the room is told by where it is: still with its node, with the gateway, or lost."""

from comatrix.gateway.sim.reading import parse
from comatrix.gateway.sim.report import figures, words
from comatrix.gateway.sim.simulation import simulate
from comatrix.gateway.sim.whereabouts import Whereabouts, whereabouts

FAR = """
[scenario]
duration = "20min"
drain = "1min"
[link.far]
kind = "lora"
sf = 7
[[node]]
name = "far"
link = "far"
count = 2
position = [90000, 0]
interval = "2min"
sleep = true
"""

CUT_OFF = """
[scenario]
duration = "20min"
drain = "30s"
[link.good]
[[node]]
name = "near"
link = "good"
interval = "1min"
sleep = true
[[fault]]
at = "5min"
kind = "homeserver-outage"
for = "1h"
"""


def test_what_a_node_out_of_range_measured_is_still_with_it() -> None:
    told = figures(simulate(parse(FAR, "far.toml")))
    assert told["missing"] == told["readings"] == 20
    assert told["missing_by_place"] == {"nodes": 20, "gateway": 0, "lost": 0}
    assert "20 missing (20 still with nodes, 0 with the gateway, 0 lost)" in "\n".join(words(told))


def test_what_a_node_with_a_dead_link_measured_is_still_with_it() -> None:
    told = figures(simulate(parse(CUT_OFF.replace("[link.good]", "[link.good]\nloss = 0.999999"), "cut.toml")))
    assert told["missing"] == told["readings"] > 15
    assert told["missing_by_place"] == {"nodes": told["readings"], "gateway": 0, "lost": 0}


def test_what_came_during_an_outage_of_the_homeserver_is_with_the_gateway() -> None:
    told = figures(simulate(parse(CUT_OFF, "cut.toml")))
    assert told["missing"] > 10
    assert told["missing_by_place"] == {"nodes": 0, "gateway": told["missing"], "lost": 0}


def test_each_missing_reading_is_counted_once_and_one_that_nobody_has_is_lost() -> None:
    both, at_node, nowhere = (1, 1), (1, 2), (2, 1)
    found = whereabouts([both, at_node, nowhere], {both, at_node, (3, 3)}, {both, (4, 4)})
    assert found == Whereabouts(nodes=1, gateway=1, lost=1)
