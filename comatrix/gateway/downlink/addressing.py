"""Whether a message is for this gateway, and the command it is."""

import re
from dataclasses import dataclass

from comatrix.gateway.downlink import grammar
from comatrix.gateway.downlink.grammar import GrammarError, Parsed
from comatrix.gateway.downlink.hearing import Said
from comatrix.gateway.downlink.letters import quoted

MENTION_CHARS = 128  # in front of the prefix, where the message mentions us: a name
EDITED = "Edits are not executed: send the command again."
TOO_LONG = f"A command has at most {grammar.MAX_BYTES} bytes: nothing was done."


@dataclass(frozen=True, slots=True)
class Called:
    """What people call this gateway. `name`: "" where it is the only one in its rooms."""

    prefix: str = grammar.PREFIX
    name: str = ""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A command for the gateway of this name: silence, since that one answers."""

    gateway: str


def asked_untrusted(said: Said, called: Called) -> Parsed | str | Elsewhere | None:
    """The command; or one sentence, where nothing is done; Elsewhere: another gateway's; None: it is no command."""
    text = _from_prefix(said, called.prefix)
    if text is None:
        return None
    if said.too_long:
        return TOO_LONG
    try:
        parsed = grammar.read_untrusted(text, called.prefix)
    except GrammarError as error:
        return EDITED if said.edited else error.text
    if parsed is None:
        return None
    if parsed.gateway and parsed.gateway.casefold() != called.name.casefold():
        return _not_us(parsed, called) if said.mentions_us else Elsewhere(parsed.gateway)
    return EDITED if said.edited else parsed


def is_ours_to_answer(said: Said, parsed: Parsed, called: Called) -> bool:
    """Whether a name nobody here bears is ours to speak about: where gateways share a room another may know it."""
    return not called.name or bool(parsed.gateway) or said.mentions_us


def _from_prefix(said: Said, prefix: str) -> str | None:
    """The text from the prefix on: in front, or behind the name of whom the message mentions."""
    text = said.text.lstrip()
    if grammar.begins(text, prefix):
        return text
    found = re.search(rf"(?<!\S){re.escape(prefix)}(?!\S)", text, re.IGNORECASE) if said.mentions_us else None
    return text[found.start() :] if found and found.start() <= MENTION_CHARS else None


def _not_us(parsed: Parsed, called: Called) -> str:
    own = f"this one is called {called.name}" if called.name else "this one has no name: leave it out"
    return f"I am not the gateway {quoted(parsed.gateway)}; {own}."
