"""Characters that no command may hold: nothing that hides, reorders or breaks what a person sees is executed."""

from comatrix.gateway.uplink.sanitise import BIDI_CONTROLS, INTERLINEAR, clean_name

_LINE_ENDS = "\n\r\u0085\u2028\u2029"
# With one of them two names differ and look the same. Joiners (U+200C, U+200D) are part of words and of emoji.
_INVISIBLE = "\u00ad\u180e\u200b\u2060\u2061\u2062\u2063\u2064\ufeff"


def hidden(text: str) -> str | None:
    """The first character in `text` that is not to be there, in words: "a line end"; None where all is well."""
    return next((name for name in map(_name, text) if name), None)


def quoted(text: str) -> str:
    """`text` in quotes for a sentence: on one line, at most 64 characters."""
    return f'"{clean_name(text)}"' if text else '""'


def _name(char: str) -> str | None:
    code = ord(char)
    if char in _LINE_ENDS:
        return "a line end"
    if code < 0x20 or 0x7F <= code < 0xA0:
        return f"a control character (U+{code:04X})"
    if char in BIDI_CONTROLS or char in INTERLINEAR:
        return f"a character that hides or reorders text (U+{code:04X})"
    if char in _INVISIBLE:
        return f"a character that cannot be seen (U+{code:04X})"
    return f"half a character (U+{code:04X})" if 0xD800 <= code < 0xE000 else None
