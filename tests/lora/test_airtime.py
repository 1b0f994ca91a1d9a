"""Airtime agrees with every published figure we found (tests/vectors/lora_airtime.json names each source)."""

import json
from pathlib import Path
from typing import Any

import pytest
from comatrix_lora.airtime import airtime_us, low_data_rate

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "lora_airtime.json").read_text())


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector['sf']}-{vector['bw_hz']}-{vector['payload']}")
def test_airtime_is_the_published_one(vector: dict[str, Any]) -> None:
    found = airtime_us(
        vector["payload"],
        vector["sf"],
        vector["bw_hz"],
        vector["cr_denominator"],
        vector["preamble"],
        vector["explicit_header"],
        vector["crc"],
        vector["low_data_rate_optimize"],
        vector["family"] == "sx126x",
    )
    assert abs(found / 1000 - vector["toa_ms"]) <= max(vector["tolerance_ms"], 0.001)


def test_optimisation_begins_where_a_symbol_lasts_16_ms() -> None:
    assert [low_data_rate(sf, 125000) for sf in (10, 11, 12)] == [False, True, True]
    assert low_data_rate(12, 250000)
    assert not low_data_rate(12, 500000)


def test_a_two_sensor_reading_of_15_bytes_at_sf7_takes_46_ms() -> None:
    assert airtime_us(15, 7) == 46336


@pytest.mark.parametrize(("size", "sf", "rate"), [(256, 7, 5), (1, 4, 5), (1, 13, 5), (1, 7, 4), (1, 7, 9), (-1, 7, 5)])
def test_what_no_radio_can_send_is_refused(size: int, sf: int, rate: int) -> None:
    with pytest.raises(ValueError, match="out of range"):
        airtime_us(size, sf, coding_rate=rate)
