"""What a LoRa node finds again of what lora_memory kept. Needed once a life, so never kept itself.

What is found is [format, enrolment, ms slept or 0, clock, ledger, what the station keeps].
"""

from binascii import crc32

from comatrix.codec import cbor
from comatrix.errors import WireError
from comatrix_node.lora_memory import AIRTIME, FORMAT, RTC_AT, SHARE

_FULL_MS = 600000  # where there is no airtime for so long, the hour is full
_MOST_ITEMS = 1200

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from comatrix_lora.ledger import Ledger
    from comatrix_lora.station import Station

    from comatrix_node.lora_memory import Memory


def find(memory: "Memory", ledger: "Ledger", first: bool, woke: bool) -> "list[Any] | None":
    """The clock and the ledger go on; what was found. `first`: a node that never sent; `woke`: from deep sleep."""
    kept = _read(_rtc_kept(memory.rtc), memory.enrolment)
    exact = kept is not None
    in_flash = _read(memory.store.kept(), memory.enrolment)
    if in_flash is not None:
        memory.found(in_flash[5])
        if kept is None:
            kept = in_flash
            exact = woke and kept[2] > 0  # else something may have been sent since
    if kept is not None:
        if not (woke and kept[2]):
            kept[3] -= kept[2]  # it did not sleep to the end
            kept[2] = 0
        memory.clock.go_on(kept[3])
    if kept is not None and exact:
        ledger.load_untrusted(kept[4], memory.clock.now())
    elif not first:
        _load_ledger(memory, ledger)
    return kept


def _load_ledger(memory: "Memory", ledger: "Ledger") -> None:
    """As it was stored, and all that may have been sent since."""
    data = memory.store.kept(AIRTIME)
    if not ledger.duty_ppm:
        return
    if not data:
        ledger.fill(memory.clock.now())
        return
    memory.clock.go_on(int.from_bytes(data[:8], "big"))
    at = now = memory.clock.now()
    if not ledger.load_untrusted(data[8:], now):
        return
    left_us = ledger.budget_us // SHARE
    while left_us > 0 and at < now + _FULL_MS:
        part_us = min(left_us, ledger.longest_us() or left_us)
        at = ledger.earliest(at, part_us)
        ledger.spend(at, part_us)
        left_us -= part_us


def take_up(kept: "list[Any]", station: "Station", state: "dict[str, Any]", now: int) -> bool:
    """What was found goes into a new station, before anything else; whether it only slept since."""
    slept: bool = kept[2] > 0
    station.restore(kept[5], now, kept[2], slept)
    for row in kept[5][2]:
        if row[0] == "c":
            result: "Any" = cbor.decode_untrusted(row[1])
            state["command"] = max(state["command"], result[0])
    return slept


def _rtc_kept(rtc: "Any") -> "bytes | None":
    if rtc is None:
        return None
    whole = bytes(rtc.memory())[RTC_AT:]
    size = int.from_bytes(whole[:2], "big")
    data = whole[6 : 6 + size]
    return data if size and len(data) == size and crc32(data).to_bytes(4, "big") == whole[2:6] else None


def _read(data: "bytes | None", enrolment: int) -> "list[Any] | None":
    """What was packed for this enrolment, or None."""
    try:
        kept: "Any" = cbor.decode_untrusted(data, 8, _MOST_ITEMS) if data else None
    except WireError:
        return None
    if not isinstance(kept, list) or len(kept) != 6 or kept[:2] != [FORMAT, enrolment]:
        return None
    return kept
