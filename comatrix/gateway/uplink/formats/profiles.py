"""What the configuration declares of the payloads of nodes ([payloads]) -> a profile each, by the node's name."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from comatrix.codec import vocab
from comatrix.gateway.uplink.formats.reading import NOTHING_DECLARED, Profile

_TEXT = re.compile(r"([A-Za-z0-9_-]{1,32})=(\S+)")
_CAYENNE = re.compile(r"([A-Za-z0-9_-]{1,32})(?::([0-9]{1,3})=(\S+))?")


def text_quantity(text: str) -> tuple[str, str]:
    """ "cellar=temperature" -> (node, word). Raises ValueError with the words a person reads."""
    found = _TEXT.fullmatch(text)
    if found is None:
        raise ValueError('must be a node and a word such as "cellar=temperature"')
    return found[1], _word(found[2])


def cayenne_channel(text: str) -> tuple[str, int | None, str]:
    """ "field" -> (node, None, ""); "field:3=soil-moisture" -> (node, channel, word). Raises ValueError."""
    found = _CAYENNE.fullmatch(text)
    if found is None or int(found[2] or 0) > 255:
        raise ValueError('must be a node such as "field", or one with a channel: "field:3=soil-moisture"')
    return (found[1], None, "") if found[2] is None else (found[1], int(found[2]), _word(found[3]))


def profiles(texts: Iterable[str], cayennes: Iterable[str]) -> Mapping[str, Profile]:
    """Of every node that either names; for a channel named twice the last counts."""
    found: dict[str, Profile] = {}
    for node, word in map(text_quantity, texts):
        found[node] = replace(found.get(node, NOTHING_DECLARED), text_quantity=word)
    for node, channel, word in map(cayenne_channel, cayennes):
        profile = found.get(node, NOTHING_DECLARED)
        channels = dict(profile.channels) if channel is None else {**profile.channels, channel: word}
        found[node] = replace(profile, cayenne=True, channels=channels)
    return found


def _word(name: str) -> str:
    if vocab.by_name(name) is None:
        raise ValueError(f"must name a word of the vocabulary, not {name!a} (docs/reference/vocabulary.md)")
    return name
