"""What waits for a node -> what a frame carries of it."""

from comatrix_lora.rules import Command as Rule
from comatrix_lora.station_events import Item

from comatrix.codec import cbor
from comatrix.codec.records import Command


def rule_of(item: Command) -> Rule:
    """A command, or a text to show."""
    if isinstance(item.what, str):
        return Rule(item.id, Item.TEXT, cbor.encode(item.what))
    return Rule(item.id, item.what, b"".join(cbor.encode(one) for one in item.arguments))
