"""From the section of a radio to its dialect, its channel and the ledger of its sub-band."""

from typing import TYPE_CHECKING

from comatrix_lora import regions
from comatrix_lora.errors import LoraError
from comatrix_lora.ledger import Ledger
from comatrix_lora.mac import Channel

from comatrix.gateway.radio.rak3172 import Rak3172
from comatrix.gateway.radio.rylr import AIR_OVERHEAD, Rylr
from comatrix.gateway.radio.settings import RadioSettings

if TYPE_CHECKING:
    from comatrix.gateway.config.radio_settings import RadioSection

RAK3172 = "rak3172"


def dialect_of(section: "RadioSection") -> Rylr | Rak3172:
    """How its module is spoken to. Raises ValueError where the module cannot be set so."""
    settings = RadioSettings(
        section.channel_hz,
        section.sf,
        section.bandwidth_hz,
        section.coding_rate,
        section.preamble,
        section.power_dbm,
    )
    if section.module == RAK3172:
        return Rak3172(settings)
    return Rylr(settings, network_id=section.network_id, binary_safe=section.binary_safe)


def channel_of(section: "RadioSection") -> Channel:
    """What frames cost on it. Raises ValueError as `dialect_of`."""
    rylr = section.module != RAK3172
    return Channel(
        section.sf,
        section.bandwidth_hz,
        section.coding_rate,
        section.preamble,
        dialect_of(section).max_frame,
        AIR_OVERHEAD if rylr else 0,
        rylr and not section.binary_safe,
    )


def ledger_of(section: "RadioSection") -> Ledger:
    """Empty. Raises LoraError where sending is forbidden."""
    place = regions.region(section.region)
    return Ledger(regions.sub_band(place, section.channel_hz, section.bandwidth_hz).duty_ppm, place.dwell_ms)


def check_radio(section: "RadioSection") -> None:
    """What several keys say together. Raises ValueError in words."""
    place = regions.region(section.region)
    try:
        regions.sub_band(place, section.channel_hz, section.bandwidth_hz)
    except LoraError as error:
        raise ValueError(str(error)) from None
    if section.power_dbm > place.max_eirp_dbm:
        raise ValueError(f"{section.region} allows {place.max_eirp_dbm} dBm, not {section.power_dbm}")
    dialect_of(section)
