"""What a node offers, by its own description: each thing it can be told, its number on the air, the values it takes."""

from collections.abc import Sequence
from dataclasses import dataclass

from comatrix.codec.description import Description, Setting
from comatrix.gateway.downlink import quantities
from comatrix.gateway.downlink.letters import quoted
from comatrix.gateway.downlink.nearest import nearest
from comatrix.gateway.uplink.sanitise import clean_name

KINDS = {"set": "setting", "get": "setting", "call": "method"}
MOST_NAMES = 12  # in one sentence


@dataclass(frozen=True, slots=True)
class Offer:
    """One thing a node can be told. `slots`: the values that go with it, each described as a setting is."""

    verb: str
    name: str
    number: int
    slots: Sequence[Setting]

    @property
    def title(self) -> str:
        """ "set interval"; on one line, whatever a node calls its things."""
        return f"{self.verb} {clean_name(self.name)}"

    @property
    def line(self) -> str:
        """ "set interval: 5 to 86400 s", "call dim lamp level: lamp 1 to 4, level 0 to 100 %", "call reboot"."""
        names = [clean_name(slot.name) for slot in self.slots] if self.verb == "call" else []
        return " ".join([self.title, *names]) + (f": {self.takes}" if self.slots else "")

    @property
    def takes(self) -> str:
        """ "5 to 86400 s", "lamp 1 to 4, level 0 to 100 %", "no value"."""
        if len(self.slots) == 1:
            return quantities.allowed(self.slots[0])
        return ", ".join(f"{clean_name(slot.name)} {quantities.allowed(slot)}" for slot in self.slots) or "no value"


def offers(description: Description, verb: str) -> list[Offer]:
    """What `verb` (set, get, call) can name. Of two of one name the first counts."""
    if verb == "call":
        first = len(description.settings)
        found = [Offer(verb, one.name, first + at, one.parameters) for at, one in enumerate(description.methods)]
    else:
        settings = enumerate(description.settings)
        found = [Offer(verb, one.name, at, [one] if verb == "set" else []) for at, one in settings]
    return list({offer.name: offer for offer in reversed(found)}.values())[::-1]


def find(description: Description, verb: str, name: str) -> Offer | None:
    """What `verb` means by `name`; in another case too, where that is the only one."""
    known = offers(description, verb)
    exact = [offer for offer in known if offer.name == name]
    alike = exact or [offer for offer in known if offer.name.casefold() == name.casefold()]
    return alike[0] if len(alike) == 1 else None


def not_found(description: Description, verb: str, name: str, node: str) -> str:
    """A sentence about a `name` that is not there, which leads to what is."""
    sentence = f"{node} has no {KINDS[verb]} {quoted(name)}"
    for other in KINDS:
        elsewhere = find(description, other, name) if KINDS[other] != KINDS[verb] else None
        if elsewhere is not None:
            return f"{sentence}, but a {KINDS[other]}: {elsewhere.line}."
    known = {offer.name: offer for offer in offers(description, verb)}
    near = nearest(name, known)
    if near is not None:
        return f"{sentence}. Did you mean this? {known[near].line}."
    some = [clean_name(name) for name in known][:MOST_NAMES] + ["..."] * (len(known) > MOST_NAMES)
    return f"{sentence}. Its {KINDS[verb]}s: {', '.join(some) or 'none'}."
