"""Airtime agrees with every published figure we found (tests/vectors/lora_airtime.json names each source)."""

import json
from pathlib import Path
from typing import Any

import pytest
from comatrix_lora.airtime import airtime_us, low_data_rate, quarter_symbols

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "lora_airtime.json").read_text())


# Two of micropython-lib's figures are the formula's for what the chip cannot do.
NO_CHIP = [vector for vector in VECTORS if vector["family"] == "sx127x" and vector["sf"] == 5]


def parameters(vector: dict[str, Any]) -> tuple[Any, ...]:
    return (
        vector["cr_denominator"],
        vector["preamble"],
        vector["explicit_header"],
        vector["crc"],
        vector["low_data_rate_optimize"],
        vector["family"] == "sx126x",
    )


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector['sf']}-{vector['bw_hz']}-{vector['payload']}")
def test_airtime_is_the_published_one(vector: dict[str, Any]) -> None:
    size, sf, bandwidth = vector["payload"], vector["sf"], vector["bw_hz"]
    tolerance_ms = max(vector["tolerance_ms"], 0.001)
    formula_ms = quarter_symbols(size, sf, *parameters(vector)) * 2**sf * 250 / bandwidth
    assert abs(formula_ms - vector["toa_ms"]) <= tolerance_ms
    if vector not in NO_CHIP:
        found = airtime_us(size, sf, bandwidth, *parameters(vector))
        assert abs(found / 1000 - vector["toa_ms"]) <= tolerance_ms


@pytest.mark.parametrize("vector", NO_CHIP, ids=lambda vector: str(vector["payload"]))
def test_a_published_figure_for_what_no_chip_sends_is_refused(vector: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="SX127x has no spreading factor 5"):
        airtime_us(vector["payload"], vector["sf"], vector["bw_hz"], *parameters(vector))
    assert len(NO_CHIP) == 2


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
