"""Time on air of a LoRa packet, in exact integer arithmetic: quarters of a symbol, rounded up to a microsecond.

Semtech SX1261/2 datasheet section 6.1.4 (SX126x; it differs at spreading factors 5 and 6) and AN1200.13 (SX127x).
"""

_HEADER_BITS = 20
_CRC_BITS = 16


def low_data_rate(sf: int, bandwidth_hz: int) -> bool:
    """Whether low data rate optimisation is due: a symbol lasts 16 ms or longer."""
    return (1 << sf) * 1000 >= 16 * bandwidth_hz


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
    """Length of a packet of `size` bytes; `coding_rate` 5-8 means 4/5 to 4/8. Raises ValueError out of range."""
    if not (5 <= sf <= 12 and 5 <= coding_rate <= 8 and 0 <= size <= 255 and preamble >= 0):
        raise ValueError("out of range")
    short = sx126x and sf < 7
    bits = 8 * size - 4 * sf + (0 if short else 8)
    bits += (_CRC_BITS if crc else 0) + (_HEADER_BITS if explicit_header else 0)
    a_block = 4 * (sf - 2 if optimise else sf)
    blocks = (max(bits, 0) + a_block - 1) // a_block
    # Preamble and sync word take 4.25 symbols more (6.25 at SF5 and SF6 of SX126x); 8 symbols hold the header.
    return 4 * preamble + (25 if short else 17) + 4 * (8 + blocks * coding_rate)


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
    if optimise is None:
        optimise = low_data_rate(sf, bandwidth_hz)
    quarters = quarter_symbols(size, sf, coding_rate, preamble, explicit_header, crc, optimise, sx126x)
    return (quarters * (1 << sf) * 250000 + bandwidth_hz - 1) // bandwidth_hz
