"""A line of text -> its words: quotes and backslashes as in a shell, and as phones write them."""

import re
from dataclasses import dataclass

DOUBLE = '"“”'  # phones make “these” of straight ones; any of them ends what any of them began
_PLAIN = re.compile(r"""[^\s\\="“”']+""")


@dataclass(frozen=True, slots=True)
class Token:
    """A word. `bare`: how many of its first characters were neither quoted nor escaped."""

    text: str
    bare: int


class TokenError(ValueError):
    """A quote is not closed, or a backslash stands before nothing."""


def split(text: str) -> list[Token]:
    """The words of `text`. Raises TokenError.

    A ' quotes only where a word begins: elsewhere it is an apostrophe.
    """
    found: list[Token] = []
    at = 0
    while True:
        while at < len(text) and text[at].isspace():
            at += 1
        if at == len(text):
            return found
        token, at = _word(text, at)
        found.append(token)


def written(word: str) -> str:
    """`word` so that `split` gives exactly it, no character of it bare where that could mean more."""
    if _PLAIN.fullmatch(word):
        return word
    return '"' + "".join("\\" + c if c == "\\" or c in DOUBLE else c for c in word) + '"'


def _word(text: str, at: int) -> tuple[Token, int]:
    """The word that begins at `at`, and where it ends."""
    parts: list[str] = []
    bare: int | None = None
    begin = at
    while at < len(text) and not text[at].isspace():
        char = text[at]
        quotes = char in DOUBLE or (char == "'" and at == begin)
        if bare is None and (quotes or char == "\\"):
            bare = len(parts)
        part, at = _quoted(text, at) if quotes else _one(text, at)
        parts.append(part)
    return Token("".join(parts), len(parts) if bare is None else bare), at


def _one(text: str, at: int) -> tuple[str, int]:
    """A character, or the one behind a backslash."""
    if text[at] != "\\":
        return text[at], at + 1
    if at + 1 == len(text):
        raise TokenError("a \\ stands before nothing; for a \\ itself write two")
    return text[at + 1], at + 2


def _quoted(text: str, at: int) -> tuple[str, int]:
    """What stands between the quote at `at` and the one that closes it. Between ' ' a backslash is only itself."""
    single = text[at] == "'"
    closing = "'" if single else DOUBLE
    parts: list[str] = []
    at += 1
    while at < len(text) and text[at] not in closing:
        part, at = (text[at], at + 1) if single else _one(text, at)
        parts.append(part)
    if at == len(text):
        raise TokenError(f"a quote is open: close it with {closing[0]}, or write it as \\{closing[0]}")
    return "".join(parts), at + 1
