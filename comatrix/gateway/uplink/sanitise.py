"""Text of a node made fit for a room: nothing in it breaks the homeserver, its line, or hides what it says."""

import re

MAX_TEXT_BYTES = 16 * 1024
MAX_NAME_CHARS = 64
ELLIPSIS = "…"

# Unicode Annex 9: what reorders the text around it. It hides what a line says.
BIDI_CONTROLS = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
INTERLINEAR = "\ufff9\ufffa\ufffb"
LINE_ENDS = "\r\u0085\u2028\u2029"
CONTROLS = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\n\t"]

_REPLACED: dict[int, str | None] = {
    **{ord(c): None for c in (*CONTROLS, *BIDI_CONTROLS, *INTERLINEAR)},
    **{ord(c): "\n" for c in LINE_ENDS},
    0: "\ufffd",
}
LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")  # a 500 at the homeserver; 2,048 entries in a table


def clean_text(text: str, max_bytes: int = MAX_TEXT_BYTES) -> str:
    """`text` without control and bidi characters, NUL and lone surrogates as U+FFFD, at most `max_bytes` of UTF-8."""
    text = text.replace("\r\n", "\n").translate(_REPLACED)
    return _clipped(LONE_SURROGATE.sub("\ufffd", text), max_bytes)


def clean_line(text: str, max_bytes: int = MAX_TEXT_BYTES) -> str:
    """The same on one line."""
    return " ".join(clean_text(text, max_bytes).split())


def clean_name(name: str) -> str:
    """`name` on one line, at most 64 characters, never empty."""
    line = clean_line(name)
    return (line if len(line) <= MAX_NAME_CHARS else line[: MAX_NAME_CHARS - 1] + ELLIPSIS) or "?"


def escape_html(text: str) -> str:
    """`text` as HTML that shows it: no tag, entity or line end of its own."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return escaped.replace('"', "&quot;").replace("'", "&#39;").replace("\n", "<br>")


def _clipped(text: str, max_bytes: int) -> str:
    data = text.encode("utf-8")
    if len(data) <= max_bytes:
        return text
    return data[: max_bytes - len(ELLIPSIS.encode())].decode("utf-8", "ignore") + ELLIPSIS
