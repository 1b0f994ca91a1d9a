"""Time on air of a LoRa packet, in exact integer arithmetic: quarters of a symbol, rounded up to a microsecond.

Semtech SX1261/2 datasheet section 6.1.4 (SX126x; it differs at spreading factors 5 and 6) and AN1200.13 (SX127x).
"""

# SX1261/2 datasheet table 13-48; SX1276 datasheet table 13.
SX126X_BANDWIDTHS_HZ = (7810, 10420, 15630, 20830, 31250, 41670, 62500, 125000, 250000, 500000)
SX127X_BANDWIDTHS_HZ = (7800, 10400, 15600, 20800, 31250, 41700, 62500, 125000, 250000, 500000)
MAX_PAYLOAD = 255
_HEADER_BITS = 20
_CRC_BITS = 16
_HEADER_SYMBOLS = 8


def low_data_rate(sf: int, bandwidth_hz: int) -> bool:
    """Whether low data rate optimisation is due: a symbol lasts 16 ms or longer."""
    return (1 << sf) * 1000 >= 16 * bandwidth_hz


def check_radio(sf: int, bandwidth_hz: int, explicit_header: bool = True, sx126x: bool = True) -> None:
    """Raises ValueError, in words, where the chip has no such modulation."""
    if bandwidth_hz not in (SX126X_BANDWIDTHS_HZ if sx126x else SX127X_BANDWIDTHS_HZ):
        raise ValueError(f"{'SX126x' if sx126x else 'SX127x'} has no bandwidth of {bandwidth_hz} Hz")
    if not sx126x and sf == 5:
        raise ValueError("SX127x has no spreading factor 5")
    if not sx126x and sf == 6 and explicit_header:
        raise ValueError("SX127x has spreading factor 6 with an implicit header only")


def _short(sf: int, sx126x: bool) -> bool:
    """SX126x at its two shortest spreading factors has a longer sync word and no eight spare bits."""
    return sx126x and sf < 7


def _quarters_before(sf: int, preamble: int, sx126x: bool) -> int:
    """Preamble, sync word and the eight symbols that hold the header: 4.25 + 8 more (6.25 + 8 if short)."""
    return 4 * preamble + (25 if _short(sf, sx126x) else 17) + 4 * _HEADER_SYMBOLS


def _bits_beside(sf: int, explicit_header: bool, crc: bool, sx126x: bool) -> int:
    """What stands beside the payload's bits, less what the header's symbols carry: may be negative."""
    bits = (0 if _short(sf, sx126x) else 8) - 4 * sf
    return bits + (_CRC_BITS if crc else 0) + (_HEADER_BITS if explicit_header else 0)


def _block_bits(sf: int, optimise: bool) -> int:
    return 4 * (sf - 2 if optimise else sf)


def _blocks(size: int, sf: int, explicit_header: bool, crc: bool, optimise: bool, sx126x: bool) -> int:
    """Interleaver blocks of `coding_rate` symbols each, after the header's symbols."""
    a_block = _block_bits(sf, optimise)
    bits = 8 * size + _bits_beside(sf, explicit_header, crc, sx126x)
    return (max(bits, 0) + a_block - 1) // a_block


def _largest(blocks: int, sf: int, explicit_header: bool, crc: bool, optimise: bool, sx126x: bool) -> int:
    """The largest payload of `blocks` blocks."""
    bits = blocks * _block_bits(sf, optimise) - _bits_beside(sf, explicit_header, crc, sx126x)
    return min(bits // 8, MAX_PAYLOAD)


def _check_ranges(size: int, sf: int, coding_rate: int, preamble: int) -> None:
    if not (5 <= sf <= 12 and 5 <= coding_rate <= 8 and 0 <= size <= MAX_PAYLOAD and preamble >= 0):
        raise ValueError("out of range")


def quarter_symbols(
    size: int,
    sf: int,
    coding_rate: int = 5,
    preamble: int = 8,
    explicit_header: bool = True,
    crc: bool = True,
    optimise: bool = False,
    sx126x: bool = True,
) -> int:
    """Length of a packet of `size` bytes; `coding_rate` 5-8 means 4/5 to 4/8. Raises ValueError out of range.

    The formula alone: it also counts what no chip sends (`check_radio`).
    """
    _check_ranges(size, sf, coding_rate, preamble)
    blocks = _blocks(size, sf, explicit_header, crc, optimise, sx126x)
    return _quarters_before(sf, preamble, sx126x) + 4 * blocks * coding_rate


def airtime_us(
    size: int,
    sf: int,
    bandwidth_hz: int = 125000,
    coding_rate: int = 5,
    preamble: int = 8,
    explicit_header: bool = True,
    crc: bool = True,
    optimise: "bool | None" = None,
    sx126x: bool = True,
) -> int:
    """Microseconds on air, rounded up; `optimise` None: as `low_data_rate` says. Raises ValueError out of range."""
    _check_ranges(size, sf, coding_rate, preamble)
    check_radio(sf, bandwidth_hz, explicit_header, sx126x)
    if optimise is None:
        optimise = low_data_rate(sf, bandwidth_hz)
    quarters = quarter_symbols(size, sf, coding_rate, preamble, explicit_header, crc, optimise, sx126x)
    return (quarters * (1 << sf) * 250000 + bandwidth_hz - 1) // bandwidth_hz


def free_bytes(
    size: int,
    sf: int,
    bandwidth_hz: int = 125000,
    explicit_header: bool = True,
    crc: bool = True,
    optimise: "bool | None" = None,
    sx126x: bool = True,
) -> int:
    """How many bytes more cost nothing: the airtime of `size + free_bytes(size)` is that of `size`.

    Neither coding rate nor preamble matter. Raises ValueError as `airtime_us`.
    """
    _check_ranges(size, sf, 5, 0)
    check_radio(sf, bandwidth_hz, explicit_header, sx126x)
    if optimise is None:
        optimise = low_data_rate(sf, bandwidth_hz)
    blocks = _blocks(size, sf, explicit_header, crc, optimise, sx126x)
    return _largest(blocks, sf, explicit_header, crc, optimise, sx126x) - size


def fits_us(
    limit_us: int,
    sf: int,
    bandwidth_hz: int = 125000,
    coding_rate: int = 5,
    preamble: int = 8,
    explicit_header: bool = True,
    crc: bool = True,
    optimise: "bool | None" = None,
    sx126x: bool = True,
) -> "int | None":
    """The largest payload on air no longer than `limit_us`; None where not even an empty packet is that short.

    Raises ValueError as `airtime_us`.
    """
    _check_ranges(0, sf, coding_rate, preamble)
    if airtime_us(0, sf, bandwidth_hz, coding_rate, preamble, explicit_header, crc, optimise, sx126x) > limit_us:
        return None
    if optimise is None:
        optimise = low_data_rate(sf, bandwidth_hz)
    quarters = limit_us * bandwidth_hz // ((1 << sf) * 250000)
    blocks = (quarters - _quarters_before(sf, preamble, sx126x)) // (4 * coding_rate)
    return _largest(blocks, sf, explicit_header, crc, optimise, sx126x)
