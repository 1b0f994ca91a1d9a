"""What a person writes of an alarm <-> the threshold it is: "battery <3.3V", "temperature above 30", "battery off"."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from comatrix.codec import vocab
from comatrix.codec.description import Setting
from comatrix.codec.vocab import Row
from comatrix.gateway.downlink import quantities, tokens
from comatrix.gateway.downlink.letters import hidden, quoted
from comatrix.gateway.downlink.nearest import nearest
from comatrix.gateway.errors import UsageError
from comatrix.gateway.uplink.alarms import ABOVE, BELOW, Threshold, default_hysteresis
from comatrix.gateway.uplink.sanitise import clean_name

LIST, SET, OFF = "list", "set", "off"
COMPARISONS = {"<": BELOW, ">": ABOVE, "below": BELOW, "above": ABOVE}
SAID = {BELOW: "below", ABOVE: "above"}
OPTION = "hysteresis="
HIGHEST = 1 << 52  # as far as a reading may be
_LIMIT = re.compile(r"([^\s<>]+)(?:\s*([<>])|\s+(below|above)\s)\s*(.+)", re.IGNORECASE | re.DOTALL)


class AlarmError(UsageError):
    """`text`: what is wrong and what would be right."""


@dataclass(frozen=True, slots=True)
class Asked:
    """`what`: LIST, SET or OFF. `row` None: of every word. `threshold`: of SET."""

    what: str
    row: Row | None = None
    threshold: Threshold | None = None


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit that the configuration sets. `node`: a name or number, as it is written."""

    node: str
    row: Row
    threshold: Threshold

    @property
    def words(self) -> str:
        """ "garden battery below 3.30 V"."""
        return f"{clean_name(self.node)} {words_of(self.row, self.threshold)}"


def limit_of(text: str) -> Limit:
    """ "garden battery <3.3V": what is typed behind the command `alarm`. Raises AlarmError."""
    found = hidden(text)
    if found is not None:
        raise AlarmError(f"There is {found} in it.")
    try:
        words = [token.text for token in tokens.split(text)]
    except tokens.TokenError as error:
        raise AlarmError(f"Not understood: {error}.") from None
    asked = read(words[1:])
    if asked.row is None or asked.threshold is None:
        raise AlarmError("There is no limit in it.")
    return Limit(words[0], asked.row, asked.threshold)


def read(words: Sequence[str]) -> Asked:
    """The words behind the node. Raises AlarmError."""
    options = [word for word in words if word.casefold().startswith(OPTION)]
    text = " ".join(word for word in words if word not in options).strip()
    limit = _LIMIT.fullmatch(text)
    if limit is not None:
        comparison = COMPARISONS[(limit[2] or limit[3]).casefold()]
        return _set(_row(limit[1]), comparison, limit[4], options)
    if options:
        raise AlarmError(f"{OPTION} belongs behind a limit, as in battery <3.3V hysteresis=0.1V.")
    name, _, rest = text.partition(" ")
    if name.casefold() == OFF and not rest:
        return Asked(OFF)
    if rest and rest.strip().casefold() != OFF:
        raise AlarmError(f"{quoted(rest)} is no limit: write battery <3.3V, temperature >30, or battery off.")
    return Asked(OFF if rest else LIST, _row(name) if name else None)


def only_lists(words: Sequence[str]) -> bool:
    """Whether the words behind the node change nothing: there is one at most, and it is no limit and not "off"."""
    text = " ".join(words).strip()
    return text.casefold() != OFF and re.search(r"[\s<>]", text) is None


def words_of(row: Row, threshold: Threshold) -> str:
    """ "battery below 3.30 V"."""
    return f"{label(row)} {SAID[threshold.comparison]} {quantity(row, threshold.limit)}"


def label(row: Row) -> str:
    """A word as a person reads it."""
    return row.name.replace("-", " ")


def quantity(row: Row, scaled: int) -> str:
    """A reading's integer with its unit: "3.30 V"."""
    return quantities.in_words(scaled, _setting(row), switch=False)


def _set(row: Row, comparison: str, limit: str, options: Sequence[str]) -> Asked:
    if len(options) > 1:
        raise AlarmError(f"{OPTION} is given twice.")
    try:
        scaled = quantities.on_air(limit, _setting(row))
        given = [quantities.on_air(one[len(OPTION) :], _setting(row, low=0)) for one in options]
    except quantities.QuantityError as error:
        raise AlarmError(error.text) from None
    hysteresis = given[0] if given else default_hysteresis(row, scaled)
    return Asked(SET, row, Threshold(comparison, scaled, hysteresis))


def _row(name: str) -> Row:
    row = vocab.by_name(name.casefold())
    if row is not None:
        return row
    near = nearest(name, [one.name for one in vocab.rows()])
    hint = f"Did you mean {near}?" if near else "A reading is called as temperature, humidity or battery."
    raise AlarmError(f"{quoted(name)} is no reading. {hint}")


def _setting(row: Row, low: int | None = None) -> Setting:
    """A word as something that takes a number."""
    high = min(10 ** (row.digits + 9), HIGHEST)
    return Setting(row.name, row.senml_unit, -high if low is None else low, high, row.digits)
