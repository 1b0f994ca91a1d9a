"""What a request says of the representation it knows: ETag, If-Match, If-None-Match (RFC 7252 section 5.10)."""

from collections.abc import Mapping, Sequence

from comatrix.codec.option_numbers import ETAG, IF_MATCH, IF_NONE_MATCH

Given = Mapping[int, Sequence[bytes]]


def hold(given: Given, tag: bytes | None = None) -> bool:
    """Whether a request to a resource that exists may be carried out; `tag`: its ETag, if it has one. Else 4.12."""
    if IF_NONE_MATCH in given:
        return False
    wanted = given.get(IF_MATCH)
    return wanted is None or b"" in wanted or tag in wanted


def is_known(given: Given, tag: bytes) -> bool:
    """Whether the asker has this very representation: 2.03 is all it needs."""
    return tag in given.get(ETAG, ())
