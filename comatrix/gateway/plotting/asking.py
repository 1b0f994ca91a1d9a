"""What somebody typed behind "plot NODE" -> a word and a span of time, and the sentences where there is nothing."""

from collections.abc import Sequence

from comatrix.codec import vocab
from comatrix.gateway.downlink.letters import quoted
from comatrix.gateway.downlink.nearest import nearest
from comatrix.gateway.downlink.quantities import span_ms
from comatrix.gateway.plotting.axes import DAY_MS, MINUTE_MS
from comatrix.gateway.plotting.series import Series, Word

DEFAULT_MS = DAY_MS
LEAST_MS, MOST_MS = MINUTE_MS, 90 * DAY_MS  # records stay as long
HOUSEKEEPING = frozenset(
    {"battery", "battery-level", "rssi", "dropped", "uptime", "free-memory", "sleep-count", "count"}
)
HIGHEST_WORD = 65_535


def word(name: str) -> Word | None:
    """The word of the vocabulary, or of "word_77" that number; None: there is none."""
    row = vocab.by_name(name.casefold())
    if row is not None:
        return Word.of(row.number)
    head, _, number = name.casefold().replace("-", "_").partition("_")
    known = head == "word" and number.isascii() and number.isdecimal() and len(number) <= len(str(HIGHEST_WORD))
    return Word.of(int(number)) if known and int(number) <= HIGHEST_WORD else None


def span(words: Sequence[str]) -> int:
    """The span in ms, a day where none is given. Raises QuantityError."""
    return span_ms(words[0], LEAST_MS, MOST_MS) if words else DEFAULT_MS


def main_words(sent: Sequence[int], most: int = 2) -> list[Word]:
    """What a reading is mainly about: not how the node itself is, unless there is nothing else."""
    words = [Word.of(number) for number in sent]
    return ([one for one in words if one.name not in HOUSEKEEPING] or words)[:most]


def no_such_word(name: str, node: str, sent: Sequence[int], prefix: str) -> str:
    """The word is in no vocabulary."""
    names = [Word.of(number).name for number in sent]
    near = nearest(name, names) or nearest(name, [row.name for row in vocab.rows()])
    meant = f" Did you mean {near}?" if near else ""
    return f"Nothing is measured that is called {quoted(name)}.{meant} {_sent(node, names, prefix)}"


def nothing_sent(series: Series, sent: Sequence[int], prefix: str) -> str:
    """The node sent nothing of that in that time."""
    names = [Word.of(number).name for number in sent]
    return f"{series.node} has sent no {series.word.name} in the {series.span}. {_sent(series.node, names, prefix)}"


def _sent(node: str, names: Sequence[str], prefix: str) -> str:
    if not names:
        return f"{node} has sent no reading lately. How it is: {prefix} status {node}"
    return f"{node} sends: {', '.join(names)}. For example: {prefix} plot {node} {names[0]} 24h"
