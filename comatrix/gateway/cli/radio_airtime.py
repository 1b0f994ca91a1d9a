"""`comatrix radio airtime`: what a message costs on air before it is sent."""

from typing import Any, NamedTuple

import click
from comatrix_lora.airtime import (
    MAX_PAYLOAD,
    SX126X_BANDWIDTHS_HZ,
    SX127X_BANDWIDTHS_HZ,
    airtime_us,
    fits_us,
    free_bytes,
)
from comatrix_lora.ledger import Ledger
from comatrix_lora.regions import NAMES, Band, Region, region

from comatrix.gateway.cli.context import json_option, show_json, show_table
from comatrix.gateway.errors import UsageError

HELP = "comatrix radio airtime --help"
OPTIMISE = {"auto": None, "on": True, "off": False}


@click.command()
@click.option("--sf", type=click.IntRange(5, 12), required=True, help="Spreading factor.")
@click.option("--bw", type=int, default=125000, show_default=True, metavar="HZ", help="Bandwidth in Hz.")
@click.option("--cr", type=click.IntRange(5, 8), default=5, show_default=True, help="Coding rate: 5 is 4/5, 8 is 4/8.")
@click.option("--payload", type=click.IntRange(0, MAX_PAYLOAD), required=True, help="Bytes of the packet.")
@click.option("--preamble", type=click.IntRange(0, 65535), default=8, show_default=True, help="Symbols before it.")
@click.option("--implicit-header", is_flag=True, help="Without the header that tells length and coding rate.")
@click.option("--no-crc", is_flag=True, help="Without the check sum.")
@click.option(
    "--ldro",
    type=click.Choice(list(OPTIMISE)),
    default="auto",
    show_default=True,
    help="Low data rate optimisation; auto: where a symbol lasts 16 ms.",
)
@click.option(
    "--family", type=click.Choice(["sx126x", "sx127x"]), default="sx126x", show_default=True, help="Of the radio chip."
)
@click.option(
    "--region",
    "place",
    type=click.Choice(NAMES),
    default="EU868",
    show_default=True,
    help="Whose sub-bands are told.",
)
@json_option
def airtime(
    sf: int,
    bw: int,
    cr: int,
    payload: int,
    preamble: int,
    implicit_header: bool,
    no_crc: bool,
    ldro: str,
    family: str,
    place: str,
    as_json: bool,
) -> None:
    """Tell how long a packet is on air, how many more bytes cost nothing, and how many an hour each sub-band allows.

    What it cannot carry within the dwell time or an hour's duty cycle is called too long.
    """
    sx126x = family == "sx126x"
    modulation = _Modulation(sf, bw, cr, preamble, (not implicit_header, not no_crc, OPTIMISE[ldro], sx126x))
    try:
        free = free_bytes(payload, sf, bw, *modulation.rest)
        us = modulation.airtime_us(payload)
        full = payload + free == MAX_PAYLOAD
        next_us = None if full else modulation.airtime_us(payload + free + 1)
    except ValueError as error:
        raise UsageError(_in_words(error, bw, sx126x), HELP) from error
    where = region(place)
    bands = [_band(band, where, us, modulation) for band in where.bands]
    if as_json:
        show_json({"airtime_us": us, "free_bytes": free, "next_step_us": next_us, "region": where.name, "bands": bands})
        return
    click.echo(f"{payload} bytes at SF{sf}, {bw / 1000:g} kHz, 4/{cr}: {_ms(us)} ({us} us)")
    click.echo(_step(free, next_us))
    rows = [(f"{_mhz(band['low_hz'])}-{_mhz(band['high_hz'])}", *_limits(band)) for band in bands]
    show_table((f"{where.name}, MHz", "duty cycle", "messages an hour"), rows, "")


class _Modulation(NamedTuple):
    """`rest`: explicit header, CRC, optimisation, SX126x."""

    sf: int
    bandwidth_hz: int
    coding_rate: int
    preamble: int
    rest: tuple[bool, bool, bool | None, bool]

    def airtime_us(self, size: int) -> int:
        return airtime_us(size, *self[:4], *self.rest)

    def fits_us(self, limit_us: int) -> int | None:
        return fits_us(limit_us, *self[:4], *self.rest)


def _in_words(error: ValueError, bw: int, sx126x: bool) -> str:
    known = SX126X_BANDWIDTHS_HZ if sx126x else SX127X_BANDWIDTHS_HZ
    return f"{error}." if bw in known else f"{error}; it has {', '.join(map(str, known))}."


def _band(band: Band, where: Region, us: int, modulation: _Modulation) -> dict[str, Any]:
    """`messages_per_hour` None: no duty cycle limits them. `max_payload`: of one message; None: not even 0."""
    budget_us = Ledger(band.duty_ppm).budget_us
    limits_us = [limit for limit in (where.dwell_ms * 1000, budget_us) if limit]
    too_long = bool(limits_us) and us > min(limits_us)
    return {
        "low_hz": band.low_hz,
        "high_hz": band.high_hz,
        "duty_ppm": band.duty_ppm or None,
        "dwell_ms": where.dwell_ms or None,
        "too_long": too_long,
        "max_payload": modulation.fits_us(min(limits_us)) if limits_us else MAX_PAYLOAD,
        "messages_per_hour": 0 if too_long else budget_us // us if budget_us else None,
    }


def _limits(band: dict[str, Any]) -> tuple[str, str]:
    """Duty cycle, and messages an hour."""
    duty = f"{band['duty_ppm'] / 10_000:g} %" if band["duty_ppm"] else "none"
    if band["too_long"]:
        most = band["max_payload"]
        return duty, "too long" + (f": at most {most} bytes" if most else " at any size")
    count = band["messages_per_hour"]
    return duty, "no limit by duty cycle" if count is None else str(count)


def _step(free: int, next_us: int | None) -> str:
    if next_us is None:
        more = (
            f"{free} byte{'s' if free > 1 else ''} more, the most there can be, cost{'' if free > 1 else 's'} nothing."
        )
        return more if free else "No packet is larger."
    costs = f"the next takes {_ms(next_us)}."
    if free == 0:
        return f"Full: {costs}"
    return f"{free} byte{'s cost' if free > 1 else ' costs'} nothing more; {costs}"


def _ms(us: int) -> str:
    return f"{us // 1000}.{us % 1000:03} ms"


def _mhz(hz: int) -> str:
    """A sub-band's end that lies a hertz beside its neighbour's is told as that."""
    return f"{round(hz / 1_000_000, 4):g}"
