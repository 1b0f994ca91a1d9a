"""The regions' tables are the published ones; no frequency outside a sub-band passes."""

import json
from pathlib import Path
from typing import Any

import pytest
from comatrix_lora.airtime import airtime_us, check_radio
from comatrix_lora.errors import LoraError
from comatrix_lora.regions import NAMES, region, sub_band

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "vectors" / "lora_regions.json").read_text())
EU868 = VECTORS["EU868"]


def duty_at(frequency_hz: int) -> int | None:
    """Millionths by the published ranges, whose ends are included unless they say so; None in a gap."""
    for band in EU868["bands"]:
        low, high = band["range_hz"]
        above = frequency_hz > low if band.get("lo_exclusive") else frequency_hz >= low
        below = frequency_hz <= high if band.get("hi_inclusive", True) else frequency_hz < high
        if above and below:
            duty: float = band["duty"]
            return round(duty * 1_000_000)
    return None


def ends() -> list[int]:
    ranges = [band["range_hz"] for band in EU868["bands"]] + EU868["gaps_forbidden_hz"]
    return sorted({end + step for pair in ranges for end in pair for step in (-1, 0, 1)})


def test_eu868_has_the_published_sub_bands_to_the_hertz() -> None:
    place = region("EU868")
    for frequency in [*ends(), *range(862_950_000, 870_050_000, 12_500)]:
        expected = duty_at(frequency)
        if expected is None:
            with pytest.raises(LoraError, match=f"sending at {frequency} Hz is not allowed"):
                sub_band(place, frequency)
        else:
            assert sub_band(place, frequency).duty_ppm == expected


def test_no_frequency_of_a_gap_is_a_sub_band() -> None:
    for low, high in EU868["gaps_forbidden_hz"]:
        for frequency in (low + 1, (low + high) // 2, high - 1):
            with pytest.raises(LoraError, match="not allowed"):
                sub_band(region("EU868"), frequency)


def test_eu868_has_six_budgets_of_their_own() -> None:
    place = region("EU868")
    found = [sub_band(place, sum(band["range_hz"]) // 2).index for band in EU868["bands"]]
    assert found == [0, 1, 2, 3, 4, 5]
    assert place.max_eirp_dbm == EU868["max_eirp_dbm"]
    assert place.dwell_ms == 0


@pytest.mark.parametrize("name", ["US915", "AS923"])
def test_duty_cycle_and_dwell_time_are_the_published_ones(name: str) -> None:
    place = region(name)
    assert [band.duty_ppm for band in place.bands] == [round((VECTORS[name]["duty"] or 0) * 1_000_000)]
    assert place.dwell_ms == VECTORS[name]["dwell_ms"]


@pytest.mark.parametrize(
    ("name", "key", "column"),
    [
        ("EU868", "max_app_payload_by_DR", 2),
        ("US915", "max_app_payload_by_DR", 2),
        ("AS923", "max_app_payload_dwell_on", 3),
        ("AS923", "max_app_payload_dwell_off", 2),
    ],
)
def test_payload_limits_are_the_published_ones(name: str, key: str, column: int) -> None:
    place = region(name)
    lora = {label: most for label, most in VECTORS[name][key].items() if "FSK" not in label}
    for label, most in lora.items():
        rate, _, modulation = label.rstrip(")").partition("(SF")
        row = place.data_rates[int(rate)]
        assert row[column] == most
        if modulation:
            sf, _, khz = modulation.partition("/")
            assert row[:2] == (int(sf), int(khz or 125))
        assert place.max_payload(row[0], row[1] * 1000, dwell=column == 3) == most


# RegionAU915.h and RegionIN865.h of LoRaMac-node.
@pytest.mark.parametrize(
    ("name", "low_hz", "high_hz", "dwell_ms", "free", "held"),
    [
        ("AU915", 915_000_000, 928_000_000, 400, [51, 51, 51, 115, 242, 242, 242], [0, 0, 11, 53, 125, 242, 242]),
        ("IN865", 865_000_000, 867_000_000, 0, [51, 51, 51, 115, 242, 242], [51, 51, 51, 115, 242, 242]),
    ],
)
def test_the_other_regions_are_as_the_regional_parameters_say(
    name: str, low_hz: int, high_hz: int, dwell_ms: int, free: list[int], held: list[int]
) -> None:
    place = region(name)
    assert [(band.low_hz, band.high_hz, band.duty_ppm) for band in place.bands] == [(low_hz, high_hz, 0)]
    assert (place.dwell_ms, place.max_eirp_dbm) == (dwell_ms, 30)
    assert [row[2] for row in place.data_rates] == free
    assert [row[3] for row in place.data_rates] == held


@pytest.mark.parametrize("name", NAMES)
def test_sub_bands_are_in_order_apart_and_the_default_channel_is_allowed(name: str) -> None:
    place = region(name)
    edges = [edge for band in place.bands for edge in (band.low_hz, band.high_hz)]
    assert edges == sorted(set(edges))
    frequency, bandwidth, sf = place.channel
    check_radio(sf, bandwidth)
    assert sub_band(place, frequency, bandwidth) in place.bands
    assert place.dwell_ms == 0 or airtime_us(33, sf, bandwidth) <= place.dwell_ms * 1000


def test_a_channel_must_lie_in_its_sub_band_with_all_its_width() -> None:
    place = region("EU868")
    assert sub_band(place, 869_525_000, 250_000).index == 4
    with pytest.raises(LoraError, match="leaves its sub-band, 869400000 to 869650000 Hz"):
        sub_band(place, 869_525_001, 250_000)
    with pytest.raises(LoraError, match="leaves its sub-band"):
        sub_band(place, 868_600_000, 125_000)
    with pytest.raises(LoraError, match="leaves its sub-band"):
        sub_band(place, 869_400_000, 125_000)


def test_an_unknown_region_is_answered_with_those_there_are() -> None:
    with pytest.raises(LoraError, match="there is no region EU433: EU868, US915, AS923, IN865, AU915"):
        region("EU433")


def test_a_modulation_that_is_no_data_rate_has_no_payload_limit() -> None:
    assert region("US915").max_payload(12, 125_000) is None
