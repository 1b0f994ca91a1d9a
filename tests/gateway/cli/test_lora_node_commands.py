"""Nodes on LoRa, from the command line: made for a radio of the configuration, whose channel they are told."""

import json
from pathlib import Path
from typing import Any

import pytest
from comatrix_node import lora_config

from comatrix.gateway.edges.store import contexts, nodes
from comatrix.gateway.edges.store.store import Store
from tests.gateway.cli.conftest import Comatrix

NOW_MS = 1_700_000_000_000
ROOM = ("--room", "#garden:localhost")


@pytest.fixture
def garden(ready: Comatrix, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Comatrix:
    """A room, and a gateway with two radios."""
    monkeypatch.chdir(tmp_path)
    config = tmp_path / "home" / "comatrix.toml"
    radios = '[radios.roof]\nport = "/dev/ttyUSB0"\nsf = 10\n[radios.shed]\nport = "/dev/ttyUSB1"\nmodule = "rak3172"\n'
    config.write_text(config.read_text() + radios)
    assert ready("room", "create", "Garden", "--invite", "@me:localhost").exit_code == 0
    return ready


def made(garden: Comatrix, *words: str) -> dict[str, Any]:
    result = garden("node", *words, "--out", f"{words[1]}-{words[0]}.json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(Path(f"{words[1]}-{words[0]}.json").read_text())
    return found


def test_a_node_made_for_a_radio_is_told_its_channel_and_how_to_reach_it(garden: Comatrix) -> None:
    file = made(garden, "add", "pump", *ROOM, "--radio", "roof")
    assert "gateway" not in file
    assert file["lora"] == {
        "module": "rylr998",
        "region": "EU868",
        "frequency_hz": 869_525_000,
        "sf": 10,
        "bandwidth_hz": 125_000,
        "coding_rate": 5,
        "preamble": 12,
        "power_dbm": 14,
        "network_id": 18,
    }
    shown = json.loads(garden("node", "show", "pump", "--json").stdout)
    assert (shown["link"], shown["listens"], [key["link"] for key in shown["keys"]]) == ("lora", False, ["l"])
    assert "lora" in garden("node", "show", "pump").stdout


@pytest.mark.parametrize("module", ["rak3172", "sx1262", "sx1276"])
def test_the_firmware_takes_what_is_written_for_it(garden: Comatrix, module: str) -> None:
    said = made(garden, "add", "pump", *ROOM, "--radio", "shed", "--module", module)["lora"]
    wired = {"cs": 1, "busy": 2, "dio0": 3, "dio1": 3, "reset": 4, "sck": 5, "mosi": 6, "miso": 7}
    radio = lora_config.parse(said | wired)
    assert (radio.module, radio.frequency_hz, radio.sf) == (module, said["frequency_hz"], 9)


def test_a_node_that_listens_is_known_as_such(garden: Comatrix, tmp_path: Path) -> None:
    assert made(garden, "add", "pump", *ROOM, "--radio", "roof", "--observe")["observe"] is True
    with Store.open(tmp_path / "home" / "comatrix.db", NOW_MS) as store:
        (node,) = store.read(nodes.all_nodes)
    assert (node.link, node.listens) == ("l", True)


def test_new_keys_of_a_node_on_lora_are_keys_for_lora(garden: Comatrix, tmp_path: Path) -> None:
    before = made(garden, "add", "pump", *ROOM, "--radio", "roof")
    after = made(garden, "rotate", "pump", "--radio", "roof")
    assert before["secret"] != after["secret"] and after["lora"] == before["lora"]
    with Store.open(tmp_path / "home" / "comatrix.db", NOW_MS) as store:
        kept = store.read(lambda connection: contexts.living(connection, 1))
    assert [(one.link, one.secret.hex()) for one in kept] == [("l", after["secret"]), ("l", before["secret"])]


@pytest.mark.parametrize(("words", "told", "next_step"), [
    (("add", "x", *ROOM, "--radio", "attic"), "There is no radio 'attic'; configured are: roof, shed.",
     "comatrix config show"),
    (("add", "x", *ROOM, "--module", "sx1262"), "say its radio too", "comatrix node add --help"),
    (("add", "x", *ROOM, "--radio", "roof", "--module", "sx1262"), "not hear each other", "comatrix node add --help"),
    (("add", "x", *ROOM, "--radio", "roof", "--plain", "10.0.0.7"), "no plain node", "comatrix node add --help"),
    (("rotate", "pump"), "Say over which radio", "comatrix node rotate pump --radio NAME"),
    (("rotate", "pond", "--radio", "roof"), "pond is not on LoRa", "comatrix node add --help"),
])  # fmt: skip
def test_what_cannot_be_is_told_and_changes_nothing(
    garden: Comatrix, tmp_path: Path, words: tuple[str, ...], told: str, next_step: str
) -> None:
    made(garden, "add", "pump", *ROOM, "--radio", "roof")
    made(garden, "add", "pond", *ROOM, "--gateway-address", "pi.local:5683")

    def all_of_it() -> Any:
        with Store.open(tmp_path / "home" / "comatrix.db", NOW_MS) as store:
            return store.read(lambda connection: (nodes.all_nodes(connection), contexts.living(connection)))

    before = all_of_it()
    result = garden("node", *words, "--out", "none.json")
    assert result.exit_code == 2, result.output
    assert told in result.stderr
    assert result.stderr.splitlines()[-1].startswith("next: comatrix") and next_step[9:] in result.stderr
    assert all_of_it() == before and not Path("none.json").exists()
