"""Targets that read what somebody typed."""

from comatrix.gateway.downlink.grammar import (
    MAX_BYTES,
    MAX_WORDS,
    PREFIX,
    GrammarError,
    Parsed,
    read_untrusted,
    text_of,
)
from comatrix.gateway.downlink.letters import hidden
from tests.support.one_line import one_clean_line

LONGEST_ANSWER = 400


def command(data: bytes) -> None:
    """read_untrusted: what it takes is small and in sight, and reads the same again; what it says is one line."""
    text = data.decode("utf-8", "surrogateescape")
    for line in (text, f"{PREFIX} {text}"):
        try:
            parsed = read_untrusted(line)
        except GrammarError as error:
            assert one_clean_line(error.text) and len(error.text) < LONGEST_ANSWER
            continue
        if parsed is not None:
            _holds(parsed)


def _holds(parsed: Parsed) -> None:
    each = parsed.each or Parsed("")
    words = [parsed.gateway, parsed.node, parsed.name, *parsed.words, each.verb, each.name, *each.words]
    assert len(list(filter(None, words))) <= MAX_WORDS and not any(map(hidden, words))
    assert (parsed.each is not None) == (parsed.verb == "all") and each.node == ""
    written = text_of(parsed)
    if len(written.encode()) <= MAX_BYTES:  # backslashes make a line of many quotes longer
        assert read_untrusted(written) == parsed
