"""Scenario files: every problem is told at once, with the nearest right name."""

from pathlib import Path

import pytest

from comatrix.errors import ComatrixError
from comatrix.gateway.config.load import ConfigError
from comatrix.gateway.errors import UsageError
from comatrix.gateway.sim.reading import load, parse, shipped

GOOD = """
[scenario]
duration = "10min"
[link.desk]
[[node]]
name = "desk"
link = "desk"
"""


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(text, "it.toml")
    assert caught.value.exit_code == 2
    return caught.value.problems


@pytest.mark.parametrize("name", sorted(shipped()))
def test_a_shipped_scenario_is_right(name: str) -> None:
    assert load(name).nodes


def test_there_are_scenarios_from_one_node_to_five_hundred() -> None:
    sizes = {len(load(name).nodes) for name in shipped()}
    assert {1, 10, 500} <= sizes


def test_what_is_not_said_has_defaults_and_several_nodes_names_of_their_own() -> None:
    read = parse(GOOD + "count = 2\n", "it.toml")
    assert [node.name for node in read.nodes] == ["desk-1", "desk-2"]
    assert read.whole.duration_ms == 600_000
    assert read.links["desk"].loss == 0.0


@pytest.mark.parametrize(
    ("added", "told"),
    [
        ("intervall = '5s'", "it.toml: [[node]] 1 intervall is no key; did you mean interval?"),
        ("interval = 5", "[[node]] 1 interval must be a span"),
        ("interval = '0.5s'", "[[node]] 1 interval must be a span"),
        ("sensors = ['temprature']", '"temprature" is no word'),
        ("sensors = ['count']", '"count" is in every reading already'),
        ("position = [1]", "[[node]] 1 position must be two numbers"),
        ("count = true", "[[node]] 1 count must be a whole number"),
        ("post = 'often'", '1 post must be "every", "change" or a span'),
        ("[links.x]", "[links] is no section; did you mean link?"),
        ("[link.air]\nkind = 'radio'", '[link.air] kind must be one of "udp"'),
        ("[link.air]\nkind = 'lora'\nmtu = 3", "[link.air] mtu is no key"),
        ("[link.air]\nkind = 'lora'\nsf = 13", "[link.air] sf must be a whole number from 5 to 12"),
        ("[link.air]\nkind = 'lora'\nfrequency_hz = 868650000", "sending at 868650000 Hz is not allowed"),
        ("[link.air]\nkind = 'lora'\npower_dbm = 20", "EU868 allows 16 dBm, not 20"),
        ("[link.air]\nkind = 'lora'\nradios = []", "radios must be a list of 1 to 16 positions"),
        ("[link.air]\nkind = 'lora'\nregion = 'US915'\nsf = 12\nfrequency_hz = 903000000", "no frame fits the dwell"),
        (
            "[link.air]\nkind = 'lora'\n[[node]]\nname = 'b'\nlink = 'air'\nsensors = ['co2']",
            "over LoRa its sensors are",
        ),
        ("[link.air]\nloss = 1.0", "[link.air] loss must be a share"),
        ("[link.air]\nburst_loss = 0.9\nburst_length = 2", "needs a longer burst_length"),
        ("[[node]]\nname = 'desk'\nlink = 'desk'", "two nodes are called desk"),
        ("[[node]]\nname = 'b'\nlink = 'dusk'", "node b: there is no [link.dusk]; did you mean desk?"),
        ("[[node]]\nname = '7'\nlink = 'desk'", "[[node]] 2 name is no name of a node"),
        ("[[node]]\nname = 'b'", "[[node]] 2 link is missing, for example"),
        (
            "[[command]]\nat = '1min'\nnode = 'dsk'\ncommand = 'get interval'",
            "no node dsk; did you mean desk?",
        ),
        ("[[fault]]\nat = '1min'\nkind = 'fire'", '[[fault]] 1 kind must be one of "gateway-restart"'),
        ("[[input]]\nat = 0\nnode = 'desk'\npin = 'DOOR'\nvalue = 1", "there is no node desk with a program"),
        ("[[input]]\nat = 0\nnode = 'desk'\npin = 'DOOR'\nvalue = 2", "1 value must be a number from 0 to 1"),
        ("[fault]\nkind = 'fire'", "fault is written [[fault]]"),
        ("x = = 1", "it.toml: is not TOML"),
    ],
)
def test_what_is_wrong_is_told_in_words(added: str, told: str) -> None:
    assert any(told in one for one in problems(GOOD + added)), problems(GOOD + added)


def test_all_problems_are_told_at_once() -> None:
    assert len(problems("[scenario]\nsead = 1\nduration = 5\n[[node]]\nname = 'a'\n")) == 3


def test_a_scenario_that_is_not_there_is_told_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Did you mean lossy-field") as caught:
        load("lossy-feld")
    assert isinstance(caught.value, ComatrixError)
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="is not UTF-8"):
        load(str(tmp_path / "bytes.toml"))


def test_the_scenario_of_the_how_to_page_is_right() -> None:
    page = Path(__file__).parents[3] / "docs/howto/try-without-a-radio.md"
    text = page.read_text(encoding="utf-8").split("```toml\n")[1].split("```")[0]
    assert len(parse(text, "hill.toml").nodes) == 3
