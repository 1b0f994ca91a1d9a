"""The table of Content-Formats that are taken at `r` beside the native map. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from comatrix.codec.record_types import Readings
from comatrix.gateway.uplink.formats import cayenne, named, senml, text

TEXT, OCTETS, JSON, CBOR, SENML_JSON, SENML_CBOR = 0, 42, 50, 60, 110, 112  # IANA, CoAP Content-Formats


@dataclass(frozen=True, slots=True)
class Profile:
    """What was declared of a node's payloads. `text_quantity`: the word of a bare number; `cayenne`: what has no
    format, or is octets, is Cayenne LPP; `channels`: its words by channel."""

    text_quantity: str | None = None
    cayenne: bool = False
    channels: Mapping[int, str] = field(default_factory=dict)


NOTHING_DECLARED = Profile()
Reader = Callable[[bytes, Profile, int], tuple[Readings, ...]]
READERS: Mapping[int, Reader] = {
    TEXT: lambda payload, profile, now_ms: text.read_untrusted(payload, profile.text_quantity),
    JSON: lambda payload, profile, now_ms: named.read_json_untrusted(payload),
    CBOR: lambda payload, profile, now_ms: named.read_cbor_untrusted(payload),
    SENML_JSON: lambda payload, profile, now_ms: senml.read_json_untrusted(payload, now_ms),
    SENML_CBOR: lambda payload, profile, now_ms: senml.read_cbor_untrusted(payload, now_ms),
}


def reader(content_format: int | None, profile: Profile) -> Reader | None:
    """Who reads this format of a node; None: nobody, or the node's own (no format)."""
    if profile.cayenne and content_format in (None, OCTETS):
        return lambda payload, profile, now_ms: cayenne.read_untrusted(payload, profile.channels)
    return None if content_format is None else READERS.get(content_format)
