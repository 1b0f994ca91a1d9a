"""The "lora" object of config.json: defaults of the region, and whatever is wrong is told by its key."""

from typing import Any

import pytest
from comatrix_node.config import ConfigError, parse

NODE: dict[str, Any] = {"v": 1, "node": 7, "name": "garden", "secret": "00" * 16, "enrolment": 1}
RYLR = {"module": "rylr998", "region": "EU868"}
PINS = {"sck": 5, "mosi": 27, "miso": 19, "cs": 18}


def lora(**values: Any) -> Any:
    return parse({**NODE, "lora": {**RYLR, **values}}).link


def test_a_region_brings_its_channel() -> None:
    radio = lora()
    assert (radio.frequency_hz, radio.bandwidth_hz, radio.sf) == (869_525_000, 125_000, 9)
    assert (radio.coding_rate, radio.preamble, radio.power_dbm, radio.network_id) == (5, 12, 14, 18)
    assert (radio.uart, radio.baud, radio.binary_safe, radio.duty_ppm) == (1, 115_200, False, 100_000)
    us = lora(region="US915")
    assert (us.frequency_hz, us.bandwidth_hz, us.dwell_ms, us.duty_ppm) == (903_000_000, 500_000, 400, 0)


def test_what_node_add_writes_is_read() -> None:
    radio = lora(frequency_hz=868_100_000, sf=7, power_dbm=10, uart="/dev/pts/5", baud=9600, tx=17, rx=16)
    assert (radio.frequency_hz, radio.sf, radio.power_dbm, radio.uart) == (868_100_000, 7, 10, "/dev/pts/5")
    assert (radio.baud, radio.pins["tx"], radio.pins["rx"], radio.duty_ppm) == (9600, 17, 16, 10_000)
    chip = lora(module="sx1262", busy=2, dio1=20, reset=15, tcxo_millivolts=1800, **PINS)
    assert (chip.pins["busy"], chip.pins["cs"], chip.tcxo_millivolts, chip.least_dbm) == (2, 18, 1800, -9)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"module": "rfm69"}, "module must be one of rylr998, rylr896, rak3172, sx1261"),
        ({"module": None}, "module must be a text"),
        ({"region": "XX"}, "there is no region XX: EU868"),
        ({"frequency_hz": 868_650_000}, "sending at 868650000 Hz is not allowed"),
        ({"frequency_hz": 868_000_000, "bandwidth_hz": 250_000}, "leaves its sub-band"),
        ({"bandwidth_hz": 1000}, "bandwidth_hz must be one of"),
        ({"sf": 6}, "sf must be a number from 7 to 12"),
        ({"sf": True}, "sf must be a number"),
        ({"coding_rate": 9}, "coding_rate must be a number from 5 to 8"),
        ({"power_dbm": 17}, "power_dbm is at most 16 in EU868"),
        ({"power_dbm": 23}, "power_dbm must be a number from 0 to 22"),
        ({"module": "rylr896", "region": "US915", "power_dbm": 16}, "power_dbm must be a number from 0 to 15"),
        ({"module": "rak3172", "power_dbm": 2}, "power_dbm must be a number from 5 to 22"),
        ({"network_id": 19}, "network_id must be a number from 0 to 18"),
        ({"uart": -1}, "uart must be a number from 0 to 9"),
        ({"baud": 1}, "baud must be a number"),
        ({"tx": "A1"}, "tx must be a number from 0 to 99"),
        ({"module": "sx1276", "sck": 5}, "sx1276 needs the numbers of its pins: mosi, miso, cs"),
        ({"module": "sx1262", **PINS}, "sx1262 needs the numbers of its pins: busy"),
    ],
)
def test_what_is_wrong_is_told_by_its_key(values: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        lora(**values)


def test_lora_is_an_object() -> None:
    with pytest.raises(ConfigError, match='"lora" must be an object'):
        parse({**NODE, "lora": "EU868"})


def test_without_lora_a_gateway_is_needed() -> None:
    with pytest.raises(ConfigError, match="gateway"):
        parse(NODE)
