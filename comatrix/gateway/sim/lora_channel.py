"""A LoRa link of a scenario as the radios, the airtime reckoning and the ledgers need it."""

from typing import TYPE_CHECKING

from comatrix_lora import regions
from comatrix_lora.ledger import Ledger
from comatrix_lora.mac import Channel
from comatrix_lora.medium.propagation import BUILT_UP, FlatLoss, LogDistance, Propagation
from comatrix_lora.medium.settings import RadioSettings

if TYPE_CHECKING:
    from comatrix.gateway.sim.scenario import LoraPlan, WholePlan


def radio_settings(plan: "LoraPlan") -> RadioSettings:
    """Of nodes and gateway alike. Raises ValueError for what no chip can do."""
    return RadioSettings(plan.frequency_hz, plan.sf, plan.bandwidth_hz, plan.coding_rate, plan.power_dbm, plan.preamble)


def channel_of(plan: "LoraPlan") -> Channel:
    """What frames cost. Raises ValueError as `radio_settings`."""
    radio_settings(plan)
    return Channel(plan.sf, plan.bandwidth_hz, plan.coding_rate, plan.preamble)


def ledger_of(plan: "LoraPlan") -> Ledger:
    """Empty, of one transmitter. Raises LoraError where sending is forbidden."""
    place = regions.region(plan.region)
    return Ledger(regions.sub_band(place, plan.frequency_hz, plan.bandwidth_hz).duty_ppm, place.dwell_ms)


def propagation_of(whole: "WholePlan") -> Propagation:
    """How levels fall with distance."""
    if whole.terrain == "flat":
        return FlatLoss()
    one = BUILT_UP if whole.terrain == "built-up" else LogDistance()
    if whole.shadowing_db is None:
        return one
    return LogDistance(one.reference_db, one.reference_m, one.exponent, whole.shadowing_db)
