"""What a command costs on the air of a radio, and what that has used of its hour."""

from collections.abc import Mapping
from typing import Any

from comatrix_lora.frame import TAG
from comatrix_lora.ledger import ACK, COMMAND
from comatrix_lora.mac import Mac

from comatrix.codec import cbor
from comatrix.gateway.downlink.airtime_report import LinkReport
from comatrix.gateway.downlink.costs import Cost
from comatrix.gateway.downlink.items import Item

_AROUND = 3 + 1 + 1 + 2 + 1 + TAG  # header and the request's byte, rule, id, word


def cost_of(mac: Mac, item: Item, now: int) -> Cost | None:
    """Of one sending; None where no duty cycle limits the radio."""
    left_us = mac.ledger.left_us(now, COMMAND)
    if left_us is None:
        return None
    return Cost(mac.cost(_AROUND + sum(len(cbor.encode(value)) for value in item.new.order.values)), left_us)


def report(name: str, mac: Mac, told: Mapping[str, Any], nodes: int, now: int, started_ms: int) -> LinkReport:
    """A line of `air`. `nodes`: those of the room that it hears best."""
    ledger = mac.ledger
    return LinkReport(
        f"radio {name}",
        used_us=ledger.used_us(now) if ledger.duty_ppm else None,
        allowed_us=ledger.budget_us if ledger.duty_ppm else None,
        next_free_ms=mac.earliest(now, _AROUND, ACK) if told["ready"] else None,
        nodes=nodes,
        received=told["heard"],
        sent=told["sent"],
        since_ms=started_ms,
    )
