"""The sections [radios.NAME]: what a gateway's radios are, and what is told of those that cannot be."""

import dataclasses
import json
import tomllib

import pytest
from comatrix_lora.regions import region

from comatrix.gateway.config.load import ConfigError, parse
from comatrix.gateway.config.page import commented_toml, minimal_toml
from comatrix.gateway.radio.making import channel_of, dialect_of, ledger_of

MINIMAL = minimal_toml("https://matrix.example.org", "@cx:example.org")


def section(text: str = "", name: str = "roof", port: str = "/dev/ttyUSB0") -> str:
    return f'{MINIMAL}[radios.{name}]\nport = "{port}"\n{text}\n'


def problems_of(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(text, "x", {})
    return caught.value.problems


def test_a_port_alone_is_a_radio_with_what_the_region_usually_has() -> None:
    radio = parse(section(), "x", {}).radios["roof"]
    assert radio.channel_hz == region("EU868").channel[0]
    assert ledger_of(radio).duty_ppm == 100_000


def test_without_a_section_there_is_no_radio() -> None:
    assert parse(MINIMAL, "x", {}).radios == {}


def test_several_radios_have_a_section_each() -> None:
    text = (
        section("sf = 12", "far") + section('module = "rak3172"\nsf = 7', "near", "tcp://10.0.0.7:4000")[len(MINIMAL) :]
    )
    radios = parse(text, "x", {}).radios
    assert {name: (radio.module, radio.sf) for name, radio in radios.items()} == {
        "far": ("rylr998", 12),
        "near": ("rak3172", 7),
    }


def test_airtime_counts_what_the_module_adds_and_how_it_writes() -> None:
    text, raw, rak = (
        channel_of(parse(section(more), "x", {}).radios["roof"])
        for more in ("", "binary_safe = true", 'module = "rak3172"')
    )
    assert (text.on_air(15), raw.on_air(15), rak.on_air(15)) == (28, 23, 15)
    assert (text.limit, raw.limit, rak.limit) == (180, 240, 250)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (section("sf = 13"), "x: [radios.roof] sf must be from 5 to 12, not 13"),
        (section("speed = 3"), "x: [radios.roof] speed is no setting; known are"),
        (section("frequency_hz = 868650000"), "x: [radios.roof] cannot be used: EU868: "),
        (section("power_dbm = 20"), "x: [radios.roof] cannot be used: EU868 allows 16 dBm, not 20"),
        (section("bandwidth_hz = 130000"), "x: [radios.roof] cannot be used: "),
        (section("network_id = 5\npreamble = 8"), "x: [radios.roof] cannot be used: "),
        (section('module = "rak3172"\npower_dbm = 2'), "x: [radios.roof] cannot be used: the module's power"),
        (section(port="COM3"), 'x: [radios.roof] port must be a port such as "/dev/ttyUSB0"'),
        (section(port="tcp://host"), "x: [radios.roof] port must be a port such as"),
        (MINIMAL + "[radios.roof]\n", "x: [radios.roof] port is missing, for example: port = "),
        (MINIMAL + '[radios]\nport = "/dev/ttyUSB0"\n', "x: [radios] port is no section: write [radios.NAME]"),
        ("radios = 3\n" + MINIMAL, "x: radios must be sections, each written [radios.NAME]"),
        (section(name='"The roof"'), "x: [radios.The roof] must be called by 1 to 16 of"),
        (
            section() + section(name="attic").removeprefix(MINIMAL),
            'x: [radios] more than one is at port "/dev/ttyUSB0"',
        ),
    ],
)
def test_what_is_wrong_with_a_radio_is_told_with_its_name(text: str, told: str) -> None:
    (problem,) = problems_of(text)
    assert problem.startswith(told)


@pytest.mark.parametrize("name", ["EU868", "US915", "AS923", "IN865", "AU915"])
def test_every_region_has_a_channel_its_modules_take(name: str) -> None:
    usual = region(name).channel
    radio = parse(section(f'region = "{name}"\nsf = {usual[2]}\nbandwidth_hz = {usual[1]}'), "x", {}).radios["roof"]
    assert dialect_of(radio).settings.frequency_hz == usual[0]


def test_what_is_shown_of_a_radio_can_be_read_again() -> None:
    settings = parse(section("sf = 12"), "x", {})
    shown = commented_toml(settings)
    assert tomllib.loads(shown)["radios"] == {"roof": {"port": "/dev/ttyUSB0", "sf": 12}}
    assert json.loads(json.dumps(dataclasses.asdict(settings)))["radios"]["roof"]["sf"] == 12
