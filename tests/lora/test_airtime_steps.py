"""Free bytes and what fits agree with trying every size; what a chip cannot send is refused."""

import json
from itertools import product
from pathlib import Path

import pytest
from comatrix_lora.airtime import (
    MAX_PAYLOAD,
    SX126X_BANDWIDTHS_HZ,
    SX127X_BANDWIDTHS_HZ,
    airtime_us,
    check_radio,
    fits_us,
    free_bytes,
    quarter_symbols,
)

VECTORS = Path(__file__).parents[1] / "vectors"
# Every spreading factor and header, and each bandwidth at least once; coding rates and preambles in turn.
RADIOS = [
    (sf, bandwidth, 5 + number % 4, (8, 6, 12, 0)[number % 4], header, crc, None, sx126x)
    for number, (sf, bandwidth, header, crc, sx126x) in enumerate(
        product(range(5, 13), (7810, 7800, 10400, 41670, 125000, 500000), (True, False), (True, False), (True, False))
    )
    if bandwidth in (SX126X_BANDWIDTHS_HZ if sx126x else SX127X_BANDWIDTHS_HZ)
    and (sx126x or sf > 6 or (sf == 6 and not header))
]


def airtimes(sf: int, bandwidth: int, rate: int, preamble: int, header: bool, crc: bool, sx126x: bool) -> list[int]:
    return [
        airtime_us(size, sf, bandwidth, rate, preamble, header, crc, None, sx126x) for size in range(MAX_PAYLOAD + 1)
    ]


def test_airtime_never_falls_with_size_and_free_bytes_are_those_that_cost_nothing() -> None:
    for sf, bandwidth, rate, preamble, header, crc, _, sx126x in RADIOS:
        all_us = airtimes(sf, bandwidth, rate, preamble, header, crc, sx126x)
        assert all_us == sorted(all_us)
        for size in range(0, MAX_PAYLOAD + 1, 3):
            tried = max(n for n in range(size, MAX_PAYLOAD + 1) if all_us[n] == all_us[size]) - size
            assert free_bytes(size, sf, bandwidth, header, crc, None, sx126x) == tried


def test_what_fits_is_the_largest_size_that_is_short_enough() -> None:
    for radio in RADIOS:
        sf, bandwidth, rate, preamble, header, crc, _, sx126x = radio
        all_us = airtimes(sf, bandwidth, rate, preamble, header, crc, sx126x)
        steps = sorted(set(all_us))
        for limit in {steps[0] - 1, steps[0], steps[0] + 1, steps[-1] - 1, steps[-1], 10**9, *steps[5:40:7]}:
            tried = [size for size in range(MAX_PAYLOAD + 1) if all_us[size] <= limit]
            assert fits_us(limit, *radio) == (tried[-1] if tried else None)


@pytest.mark.parametrize(("sf", "most"), [(7, 255), (8, 138), (9, 66), (10, 24), (11, 0), (12, 0)])
def test_what_fits_400_ms_is_what_the_regions_say(sf: int, most: int) -> None:
    published = json.loads((VECTORS / "lora_regions.json").read_text())["max_phy_payload_400ms_125k_45"]
    assert most == published[str(sf)]
    assert (fits_us(400_000, sf) or 0) == most


def test_the_last_size_has_no_free_bytes() -> None:
    assert all(free_bytes(MAX_PAYLOAD, sf) == 0 for sf in range(5, 13))


def test_forced_optimisation_makes_every_packet_longer_and_its_steps_shorter() -> None:
    assert airtime_us(50, 7, optimise=True) == 128256
    # A block is 28 bits, 20 with optimisation; n bytes are 8n + 16 bits beside what the header's symbols carry.
    assert [free_bytes(size, 7) for size in range(12, 20)] == [0, 2, 1, 0, 3, 2, 1, 0]
    assert [free_bytes(size, 7, optimise=True) for size in range(12, 20)] == [1, 0, 1, 0, 2, 1, 0, 1]


@pytest.mark.parametrize(
    ("sf", "bandwidth", "header", "sx126x", "told"),
    [
        (5, 125000, True, False, "SX127x has no spreading factor 5"),
        (5, 125000, False, False, "SX127x has no spreading factor 5"),
        (6, 125000, True, False, "implicit header only"),
        (7, 7800, True, True, "SX126x has no bandwidth of 7800 Hz"),
        (7, 7810, True, False, "SX127x has no bandwidth of 7810 Hz"),
        (7, 0, True, True, "SX126x has no bandwidth of 0 Hz"),
    ],
)
def test_what_a_chip_has_not_is_refused_in_words(
    sf: int, bandwidth: int, header: bool, sx126x: bool, told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        check_radio(sf, bandwidth, header, sx126x)
    with pytest.raises(ValueError, match=told):
        airtime_us(15, sf, bandwidth, explicit_header=header, sx126x=sx126x)
    with pytest.raises(ValueError, match=told):
        free_bytes(15, sf, bandwidth, explicit_header=header, sx126x=sx126x)
    with pytest.raises(ValueError, match=told):
        fits_us(400_000, sf, bandwidth, explicit_header=header, sx126x=sx126x)


def test_spreading_factor_6_of_sx127x_is_the_long_formula_with_an_implicit_header() -> None:
    # AN1200.13: 8 + ceil((8*10 - 4*6 + 28 + 16 - 20) / (4*6)) * 5 = 28 symbols; with 12.25 before, of 512 us.
    assert airtime_us(10, 6, explicit_header=False, sx126x=False) == (1225 + 2800) * 512 // 100


@pytest.mark.parametrize(("size", "sf", "rate"), [(256, 7, 5), (-1, 7, 5), (1, 4, 5), (1, 13, 5), (1, 7, 4), (1, 7, 9)])
def test_steps_out_of_range_are_refused(size: int, sf: int, rate: int) -> None:
    with pytest.raises(ValueError, match="out of range"):
        quarter_symbols(size, sf, rate)
    if rate == 5:
        with pytest.raises(ValueError, match="out of range"):
            free_bytes(size, sf)
    if 0 <= size <= MAX_PAYLOAD:
        with pytest.raises(ValueError, match="out of range"):
            fits_us(400_000, sf, coding_rate=rate)
