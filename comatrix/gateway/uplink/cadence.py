"""When a node's records are due: every one, on change, or a span apart (docs/reference/matrix.md, section Lanes)."""

import re
from dataclasses import dataclass

from comatrix.codec import cbor, records
from comatrix.errors import CborError

UNCHANGED_AFTER_MS = 3_600_000  # unchanged readings wait this long at most
MAX_SPAN_MS = 7 * 86_400_000
UNITS_MS = {"s": 1_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}


@dataclass(frozen=True, slots=True)
class Post:
    """A cadence as configured. `span_ms`: 0 for "every" and "change"."""

    mode: str  # "every", "change" or "span"
    span_ms: int = 0


def parse_post(text: str) -> Post:
    """ "every", "change" or a span such as "15min" -> Post. Raises ValueError in words."""
    if text in ("every", "change"):
        return Post(text)
    match = re.fullmatch(r"([1-9][0-9]{0,8})(s|min|h|d)", text)
    span_ms = int(match[1]) * UNITS_MS[match[2]] if match else 0
    if not 0 < span_ms <= MAX_SPAN_MS:
        raise ValueError(
            f'{text!r} is no cadence: say "every", "change", or a span up to 7d such as "90s", "15min" or "2h"'
        )
    return Post("span", span_ms)


def due_ms(post: Post, *, oldest_ms: int, posted_ms: int | None, changed: bool = True, at_once: bool = False) -> int:
    """When a stream's waiting records are to be posted.

    `oldest_ms`: when the oldest of them came. `posted_ms`: when the stream was last posted, None if never: a node's
    first reading goes at once, as alarms do (`at_once`). `changed`: one of them differs from what was posted last.
    """
    if at_once or posted_ms is None or post.mode == "every":
        return oldest_ms
    if post.mode == "change":
        return oldest_ms if changed else oldest_ms + UNCHANGED_AFTER_MS
    # min: a clock that was set back must not silence a node.
    return min(max(oldest_ms, posted_ms + post.span_ms), oldest_ms + post.span_ms)


def values_of(body: bytes) -> object:
    """What a record's body says, without its age: equal values are no change."""
    try:
        said = cbor.decode_untrusted(body)
    except CborError:
        return body
    if isinstance(said, dict):
        said.pop(records.AGE, None)
    return said
