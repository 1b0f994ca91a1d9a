"""config.json is read as `comatrix node add` writes it, and whatever is wrong is told by name."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from comatrix_node.config import ConfigError, load, parse

WRITTEN: dict[str, Any] = {
    "v": 1,
    "node": 7,
    "name": "garden",
    "secret": "000102030405060708090a0b0c0d0e0f",
    "enrolment": 1,
    "gateway": "192.168.1.10:5683",
    "interval_s": 60,
}


def test_every_field_is_read() -> None:
    config = parse({**WRITTEN, "wifi": {"ssid": "home", "password": "x"}, "ack_timeout_ms": 3000, "buffer": 64})
    assert (config.node, config.name, config.enrolment, config.interval_s) == (7, "garden", 1, 60)
    assert config.secret == bytes(range(16))
    assert (config.host, config.port) == ("192.168.1.10", 5683)
    assert config.wifi == ("home", "x")
    assert (config.ack_timeout_ms, config.buffer) == (3000, 64)
    assert (config.observe, parse({**WRITTEN, "observe": True}).observe) == (False, True)


def test_what_may_be_left_out_has_a_default() -> None:
    config = parse({name: value for name, value in WRITTEN.items() if name != "interval_s"})
    assert (config.interval_s, config.wifi, config.ack_timeout_ms, config.buffer) == (60, None, 2000, 32)


def test_an_open_network_needs_no_password() -> None:
    assert parse({**WRITTEN, "wifi": {"ssid": "cafe"}}).wifi == ("cafe", "")


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("gateway.lan", ("gateway.lan", 5683)),
        ("gateway.lan:5700", ("gateway.lan", 5700)),
        ("[fd00::1]", ("fd00::1", 5683)),
        ("[fd00::1]:5700", ("fd00::1", 5700)),
    ],
)
def test_the_gateway_is_a_host_and_a_port(address: str, expected: tuple[str, int]) -> None:
    config = parse({**WRITTEN, "gateway": address})
    assert (config.host, config.port) == expected


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[("v", value) for value in (None, 2, "1")],
        *[("node", value) for value in (None, 0, 65536, "7", 7.5)],
        *[("name", value) for value in (None, "", 7)],
        *[("secret", value) for value in (None, "", "0" * 31, "0" * 34, "xy" * 16, 5)],
        *[("enrolment", value) for value in (None, -1, 1 << 32)],
        *[("interval_s", value) for value in (0, "60", 604801)],
        *[
            ("gateway", value)
            for value in (None, "", ":5683", "h:", "h:x", "h:0", "h:65536", "fd00::1", "[fd00::1", "[::1]5")
        ],
        *[("buffer", value) for value in (0, 1001)],
        ("ack_timeout_ms", 1),
    ],
)
def test_a_wrong_field_is_named_and_the_remedy_too(field: str, value: object) -> None:
    with pytest.raises(ConfigError) as raised:
        parse({**WRITTEN, field: value})
    assert f"config.json: {field} must be " in str(raised.value)
    assert "comatrix node add" in str(raised.value)


def test_wifi_needs_a_network_name() -> None:
    with pytest.raises(ConfigError, match="ssid"):
        parse({**WRITTEN, "wifi": {"password": "x"}})


@pytest.mark.parametrize("text", ["{", "[]", "7", '"x"'])
def test_a_file_that_is_no_configuration_is_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"no readable .*comatrix node add"):
        load(str(path))


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no readable .*comatrix node add"):
        load(str(tmp_path / "config.json"))


def test_the_secret_stands_in_no_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        parse({**WRITTEN, "secret": "5ec2e7" * 5 + "zz"})
    assert "5ec2e7" not in str(raised.value)


def test_a_device_reads_it_alike(on_device: Callable[[str], str], tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({**WRITTEN, "gateway": "[fd00::1]:5700"}))
    script = """
from comatrix_node.config import ConfigError, load, parse
c = load()
print(c.node, c.name, c.secret.hex(), c.host, c.port, c.wifi, c.buffer)
for broken in ("?", '{"v": 1, "node": 0}'):
    with open("broken.json", "w") as file:
        file.write(broken)
    try:
        load("broken.json")
    except ConfigError as error:
        print(error)
"""
    lines = on_device(script).splitlines()
    assert lines[0] == "7 garden 000102030405060708090a0b0c0d0e0f fd00::1 5700 None 32"
    assert lines[1].startswith("no readable broken.json")
    assert lines[2].startswith("config.json: node must be a number from 1 to 65535")
