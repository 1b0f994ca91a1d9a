"""What somebody typed in a room -> the command it is. What is not wholly understood is none, and is answered."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from comatrix.gateway.downlink import items, tokens
from comatrix.gateway.downlink.alarm_words import only_lists
from comatrix.gateway.downlink.letters import hidden, quoted
from comatrix.gateway.downlink.nearest import nearest
from comatrix.gateway.downlink.quantities import QuantityError, span_ms
from comatrix.gateway.downlink.tokens import Token
from comatrix.gateway.downlink.verbs import VERBS, Level, Verb
from comatrix.gateway.errors import UsageError

PREFIX = "!cx"
MAX_BYTES = 4096
MAX_WORDS = 32
MIN_TTL_MS = 1_000
MAX_TTL_MS = 30 * 86_400_000
OPTION_ALIKE = 0.76  # "tl" and "priorty" are typos, "title" is not


class GrammarError(UsageError):
    """`text`: what is wrong, the nearest command, an example."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A command that is whole. `verb` stands in VERBS; names are as typed, "" where there is none.

    `gateway` is what stood before the / of "gateway/node". `options`: "ttl" in ms, "priority" (0 goes first).
    `each`: of "all", the command for every node, without its node; options stand in both.
    """

    verb: str
    gateway: str = ""
    node: str = ""
    name: str = ""
    words: tuple[str, ...] = ()
    options: Mapping[str, int] = field(default_factory=dict)
    each: "Parsed | None" = None

    @property
    def level(self) -> Level:
        """Who may: "view", "operate" or "admin"."""
        verb = VERBS[self.verb]
        return "view" if verb.looks and only_lists([word for word in (self.name, *self.words) if word]) else verb.level


def read_untrusted(text: str, prefix: str = PREFIX) -> Parsed | None:
    """The command in `text`; None: it does not begin with `prefix` as a word of its own. Raises GrammarError."""
    line = text.strip(" \t\r\n")
    if not begins(line, prefix):
        return None
    try:
        return _command(_words(line[len(prefix) :]))
    except _Mistake as wrong:
        way_out = f"For example: {prefix} {wrong.verb.example}" if wrong.verb else f"What there is: {prefix} help"
        raise GrammarError(f"{wrong.sentence} {way_out}") from None


def begins(text: str, prefix: str) -> bool:
    """Whether `text` begins with `prefix`, in any case, as a word of its own."""
    rest = text[len(prefix) :]
    return text[: len(prefix)].casefold() == prefix.casefold() and (not rest or rest[0].isspace())


def text_of(parsed: Parsed, prefix: str = PREFIX) -> str:
    """The line that reads as `parsed`."""
    each = parsed.each or Parsed("")
    node = "/".join(part for part in (parsed.gateway, parsed.node) if part) if parsed.node else ""
    names = [word for word in (node, parsed.name, each.verb, each.name) if word]
    numbered = f"{parsed.gateway}/" if parsed.gateway and not parsed.node else ""
    words = [tokens.written(word) for word in (*names, *(numbered + word for word in parsed.words), *each.words)]
    options = [f"{key}={value}{'ms' if key == 'ttl' else ''}" for key, value in parsed.options.items()]
    return " ".join((prefix, parsed.verb, *words, *options))


class _Mistake(Exception):  # noqa: N818 - becomes a GrammarError where the prefix is known
    """A sentence, and the verb whose example helps; None: none is near."""

    def __init__(self, sentence: str, verb: Verb | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.verb = verb


def _words(rest: str) -> list[Token]:
    """The words behind the prefix, "help" where there are none."""
    if len(rest.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise _Mistake(f"A command has at most {MAX_BYTES} bytes.")
    found = hidden(rest)
    if found is not None:
        raise _Mistake(f"There is {found} in it, and a command is one line of what can be seen.")
    try:
        words = tokens.split(rest)
    except tokens.TokenError as error:
        raise _Mistake(f"Not understood: {error}.") from None
    if len(words) > MAX_WORDS:
        raise _Mistake(f"A command has at most {MAX_WORDS} words; a text in quotes counts as one.")
    return words or [Token("help", 0)]


def _command(words: Sequence[Token]) -> Parsed:
    verb = _verb(words[0].text, VERBS)
    options: dict[str, int] = {}
    left = [word.text for word in words[1:] if not _is_option(word, verb, options)]
    return _filled(verb, verb.parts.split(), left, options)


def _verb(word: str, among: Iterable[str]) -> Verb:
    """The verb that `word` is, in whatever case."""
    names = list(among)
    if word.casefold() in names:
        return VERBS[word.casefold()]
    near = nearest(word, names)
    if near is None:
        raise _Mistake(f"{quoted(word)} is no command.")
    raise _Mistake(f'{quoted(word)} is no command. Did you mean "{near}"?', VERBS[near])


def _is_option(word: Token, verb: Verb, options: dict[str, int]) -> bool:
    """Whether `word` is an option, which is then put in `options`. What is quoted is text."""
    key, equals, value = word.text.partition("=")
    if not equals or word.bare <= len(key):
        return False
    option = nearest(key, _OPTIONS, OPTION_ALIKE)
    if option is None:
        return False
    if option != key.casefold():
        raise _Mistake(f'{quoted(key + "=")} is no option. Did you mean "{option}="? A text goes in quotes.', verb)
    if option not in verb.options:
        raise _Mistake(f"{verb.name} takes no {option}.", verb)
    if option in options:
        raise _Mistake(f"{option} is given twice.", verb)
    options[option] = _OPTIONS[option](value, verb)
    return True


def _ttl_ms(value: str, verb: Verb) -> int:
    try:
        return span_ms(value, MIN_TTL_MS, MAX_TTL_MS)
    except QuantityError as error:
        raise _Mistake(f"ttl: {error.text}", verb) from None


def _priority(value: str, verb: Verb) -> int:
    if len(value) != 1 or value not in "0123456789":
        raise _Mistake("priority is a digit: 0 goes first, 9 last.", verb)
    return int(value)


_OPTIONS: dict[str, Callable[[str, Verb], int]] = {"ttl": _ttl_ms, "priority": _priority}


def _filled(verb: Verb, parts: Sequence[str], given: Sequence[str], options: Mapping[str, int]) -> Parsed:
    """`given` put in the places that `parts` name."""
    left, places = list(given), {"NODE": "", "NAME": ""}
    words: list[str] = []
    each: Parsed | None = None
    for part in parts:
        kind = part.strip("[].")
        if not left and part.startswith("["):
            continue
        if not left or (kind in places and not left[0]):
            raise _Mistake(f'{kind} is missing in "{verb.usage}".', verb)
        taken = left if part.rstrip("]").endswith("...") else left[:1]
        left = left[len(taken) :]
        if kind in places:
            places[kind] = taken[0]
        elif kind == "COMMAND":
            each = _each(verb, taken, options)
        elif kind == "NUMBER":
            return _numbers(verb, taken)
        else:
            words += taken
    if left:
        raise _Mistake(f'{quoted(left[0])} is too much for "{verb.usage}".', verb)
    gateway, node = _node(places["NODE"], verb)
    return Parsed(verb.name, gateway, node, places["NAME"], tuple(words), options, each)


def _each(verb: Verb, given: Sequence[str], options: Mapping[str, int]) -> Parsed:
    """The command for every node: as for one, without the node."""
    try:
        inner = _verb(given[0], items.VERBS)
        return _filled(inner, [part for part in inner.parts.split() if part != "NODE"], given[1:], options)
    except _Mistake as wrong:
        raise _Mistake(wrong.sentence, verb) from None


def _numbers(verb: Verb, given: Sequence[str]) -> Parsed:
    """ "17" and "#17", or "gateway/17": a number is a gateway's own."""
    found, gateways = [], set()
    for word in given:
        gateway, slash, written = word.rpartition("/")
        number = written.removeprefix("#")
        if not (number.isascii() and number.isdigit() and len(number) <= 12) or (slash and not gateway):
            raise _Mistake(f"{quoted(word)} is no number.", verb)
        found.append(number)
        gateways.add(gateway)
    if len(gateways) > 1:
        raise _Mistake("These are numbers of several gateways.", verb)
    return Parsed(verb.name, gateways.pop(), words=tuple(found))


def _node(written: str, verb: Verb) -> tuple[str, str]:
    """ "gateway/node" or "node" -> (gateway or "", node)."""
    gateway, slash, node = written.rpartition("/")
    if slash and not (gateway and node and "/" not in gateway):
        raise _Mistake(f"{quoted(written)} is no node: write NODE, or GATEWAY/NODE.", verb)
    return gateway, node
