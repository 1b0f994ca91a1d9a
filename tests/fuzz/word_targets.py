"""Targets that read what somebody typed."""

from comatrix.codec import cbor
from comatrix.gateway.downlink.addressing import Called, asked_untrusted
from comatrix.gateway.downlink.grammar import (
    MAX_BYTES,
    MAX_WORDS,
    PREFIX,
    GrammarError,
    Parsed,
    read_untrusted,
    text_of,
)
from comatrix.gateway.downlink.hearing import Said
from comatrix.gateway.downlink.letters import hidden
from comatrix.gateway.edges.store.descriptions import described_untrusted
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


def asked(data: bytes) -> None:
    """asked_untrusted: a command, or one line that says what is wrong with it, or nobody's business."""
    text = data.decode("utf-8", "surrogateescape")
    for mentions_us in (False, True):
        said = Said("!a:b", "$e", "@a:b", text, 0, mentions_us=mentions_us)
        found = asked_untrusted(said, Called(PREFIX, "barn"))
        assert not isinstance(found, str) or (one_clean_line(found) and len(found) < LONGEST_ANSWER)


def described(data: bytes) -> None:
    """described_untrusted: what is read reads the same again."""
    found = described_untrusted(data)
    assert found is None or described_untrusted(cbor.encode(found.body())) == found
