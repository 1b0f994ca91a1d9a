"""Words a person typed -> an order checked against what the node says it can do, and a node's value back into words."""

from collections.abc import Sequence

from comatrix.codec import cbor
from comatrix.codec.description import Description, Setting
from comatrix.gateway.downlink import offers, quantities
from comatrix.gateway.downlink.items import MAX_TEXT_BYTES, VERBS, Order
from comatrix.gateway.downlink.letters import hidden, quoted
from comatrix.gateway.downlink.offers import Offer
from comatrix.gateway.errors import UsageError
from comatrix.gateway.uplink.sanitise import clean_line, clean_name

MAX_VALUES_BYTES = 410  # of all values in CBOR: a node takes datagrams of 512 bytes, and OSCORE and a clock are in them
MAX_TOLD_BYTES = 200  # of a value the node made up itself


class CatalogueError(UsageError):
    """`text`: what is wrong and what would be right."""


def order(
    description: Description | None, verb: str, name: str, words: Sequence[str], *, node: str = "the node"
) -> Order:
    """Something for `node`, as it is called in a sentence, from the words behind its name. Raises CatalogueError.

    Without a description the node has not told yet what it can do, and only "say" is known.
    """
    if verb not in VERBS:
        raise CatalogueError(f"{quoted(verb)} is nothing a node can be told. It can be told: {', '.join(VERBS)}.")
    if verb == "say":
        text = _text(words, "the text", MAX_TEXT_BYTES)
        if not text.strip():
            raise CatalogueError("There is no text to show: say NODE TEXT.")
        return Order("say", "", (text,), f'"{text}"')
    if description is None:
        raise CatalogueError(f"{node} has not told yet what it can do: it will at its next start.")
    offer = offers.find(description, verb, name)
    if offer is None:
        raise CatalogueError(offers.not_found(description, verb, name, node))
    values = _values(offer, words)
    size = len(cbor.encode(values))
    if size > MAX_VALUES_BYTES:
        raise CatalogueError(f"These values take {size} bytes, and at most {MAX_VALUES_BYTES} go to a node at once.")
    return _order(offer, values)


def number_of(description: Description | None, asked: Order) -> int | str | None:
    """The `what` on the air. None: it is not there any more, or its values mean something else by now."""
    if asked.verb == "say":
        return asked.values[0]
    offer = None if description is None else offers.find(description, asked.verb, asked.name)
    if offer is None or len(offer.slots) != len(asked.values) or not all(map(_fits, offer.slots, asked.values)):
        return None
    return offer.number if _order(offer, asked.values) == asked else None


def value_words(description: Description | None, asked: Order, value: object) -> str:
    """The node's own value in words, "" for none: a setting's with its unit, anything else as it came."""
    if asked.verb in ("set", "get") and type(value) is int and description is not None:
        offer = offers.find(description, "set", asked.name)
        if offer is not None and offer.slots[0].low is not None:
            return quantities.in_words(value, offer.slots[0])
    if isinstance(value, bool):
        return "on" if value else "off"
    return "" if value is None else clean_line(str(value), MAX_TOLD_BYTES)


def lines(description: Description) -> list[str]:
    """What a node can be told, a line a setting or method: "set interval: 5 to 86400 s"."""
    return [offer.line for verb in ("set", "call") for offer in offers.offers(description, verb)]


def _order(offer: Offer, values: Sequence[int | str]) -> Order:
    """With what a person reads: "interval = 60 s", "interval", "relay(on)"."""
    told = ", ".join(map(_words, offer.slots, values))
    name = clean_name(offer.name)
    shown = {"set": f"{name} = {told}", "get": name, "call": f"{name}({told})"}[offer.verb]
    return Order(offer.verb, offer.name, tuple(values), shown)


def _values(offer: Offer, words: Sequence[str]) -> list[int | str]:
    """One value a slot: a number takes the unit behind it along, a text at the end all that is left."""
    left, values = list(words), []
    for at, slot in enumerate(offer.slots):
        if not left:
            raise CatalogueError(f"{clean_name(slot.name)} is missing in: {offer.line}.")
        taken = _taken(slot, left, last=at == len(offer.slots) - 1)
        values.append(_value(slot, left[:taken]))
        del left[:taken]
    if left:
        raise CatalogueError(f"{quoted(left[0])} is too much: {offer.title} takes {offer.takes}.")
    return values


def _taken(slot: Setting, words: Sequence[str], *, last: bool) -> int:
    if slot.low is None:
        return len(words) if last else 1
    return 2 if len(words) > 1 and quantities.is_unit(words[1], slot) else 1


def _value(slot: Setting, words: Sequence[str]) -> int | str:
    if slot.low is None:
        return _text(words, clean_name(slot.name), quantities.MAX_TEXT_BYTES)
    try:
        return quantities.on_air(" ".join(words), slot)
    except quantities.QuantityError as error:
        raise CatalogueError(error.text) from None


def _text(words: Sequence[str], what: str, max_bytes: int) -> str:
    text = " ".join(words)
    found = hidden(text)
    if found is not None:
        raise CatalogueError(f"There is {found} in {what}. Type it without.")
    size = len(text.encode("utf-8"))
    if size > max_bytes:
        raise CatalogueError(
            f"There are {size} bytes in {what}, and at most {max_bytes} go to a node: nothing was sent."
        )
    return text


def _words(slot: Setting, value: int | str) -> str:
    return quantities.in_words(value, slot) if isinstance(value, int) else f'"{value}"'


def _fits(slot: Setting, value: int | str) -> bool:
    if slot.low is None or isinstance(value, str):
        return slot.low is None and isinstance(value, str)
    low, high = quantities.bounds(slot)
    return low <= value <= high
