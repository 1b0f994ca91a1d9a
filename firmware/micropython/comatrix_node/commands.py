"""What people may tell a node: settings that survive resets, methods, texts. Loaded by a node that declares one.

At most once: an item's id is in flash before it is executed, its result right after. Should a reset come in between,
the item is answered with NOT_AGAIN when it comes again: what became of it nobody knows any more.
"""

from comatrix.codec import cbor
from comatrix.codec.option_numbers import uint_bytes
from comatrix.errors import WireError
from comatrix.session.hkdf import sha256

DONE, REFUSED, UNKNOWN, NOT_AGAIN = 0, 1, 2, 3  # of a result
_FILE = "settings"
_MOST_NAMED = 32
_MOST_PARAMETERS = 8
_MOST_NAME = 24
_MOST_DESCRIPTION = 4096  # bytes
_DATAGRAM = 1024  # what is longer goes in blocks
_BLOCK = 512
_SIZE = 5  # the same as RFC 7959 says it: 2 ** (5 + 4)
_CONTINUE, _INCOMPLETE = 0x5F, 0x88  # 2.31, 4.08
_MOST_TEXT = 256  # bytes of a text that is set or handed to a method
_MOST_SAID = 64  # bytes of a text in a result that the program made
_MOST_NUMBER = 1 << 53
_MOST_QUESTIONS = 3  # in a row that were told of more and brought nothing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from comatrix.codec.record_types import Answer, Command
    from comatrix_node.node import Node

    Number = int | float
    Done = Callable[..., Any]


class Parameter:
    """A text, or with bounds a number with `digits` after the point: on the air an integer, value * 10 ** digits."""

    def __init__(
        self, name: str, unit: str = "", low: "Number | None" = None, high: "Number | None" = None, digits: int = 0
    ) -> None:
        self.name = _named(name)
        self.unit = unit
        self.digits = digits
        self.low: "Any" = None
        self.high: "Any" = None
        if low is not None and high is not None and low <= high:
            self.low = self.raw_of(low)
            self.high = self.raw_of(high)
        elif low is not None or high is not None:
            raise ValueError(name + ": low and high are two numbers in order, or neither is there")

    def body(self) -> "list[Any]":
        """As codec/description.py describes it: [name, unit, low, high, digits], what is not needed left out."""
        if self.low is None:
            return [self.name, self.unit]
        return [self.name, self.unit, self.low, self.high] + ([self.digits] if self.digits else [])

    def raw_of(self, value: "Number") -> int:
        """A person's number -> the integer on the air."""
        raw: int = round(value * 10**self.digits)
        return raw

    def value_of(self, raw: "Any") -> "Any":
        """What is on the air -> as a person means it."""
        return raw / 10**self.digits if self.digits and self.low is not None else raw

    def checked(self, raw: "Any") -> "Any":
        """What came over the air, if it is one of these. Raises ValueError, in words."""
        if self.low is None:
            if not isinstance(raw, str) or len(raw.encode()) > _MOST_TEXT:
                raise ValueError("%s is a text of at most %d bytes" % (self.name, _MOST_TEXT))
        elif isinstance(raw, bool) or not isinstance(raw, int) or not self.low <= raw <= self.high:
            raise ValueError("%s is from %s to %s" % (self.name, self.value_of(self.low), self.value_of(self.high)))
        return raw


class Setting(Parameter):
    """A parameter with a `value` that stays. `raw`: as it goes over the air."""

    def __init__(self, parts: "tuple[Any, ...]", default: "Any", on_change: "Done | None") -> None:
        super().__init__(*parts)
        if default is None:
            default = self.low if self.low is not None else ""
        elif self.low is not None:
            default = self.raw_of(default)
        self.raw = self.checked(default)
        self.on_change = on_change
        self.key = "%s.%d" % (self.name, self.digits)  # with other digits the number kept would be another value

    @property
    def value(self) -> "Any":
        """What the node goes by: a whole number, one with a point where the setting has digits, or a text."""
        return self.value_of(self.raw)

    def recall(self, kept: "dict[Any, Any]") -> None:
        """Take what flash has of it, unless this firmware has other bounds."""
        try:
            self.raw = self.checked(kept.get(self.key))
        except ValueError:
            pass


class _Method:
    def __init__(self, name: str, parameters: "tuple[Any, ...]") -> None:
        self.name = _named(name)
        self.parameters = [Parameter(one) if isinstance(one, str) else Parameter(*one) for one in parameters]
        self.call: "Done" = _nothing
        if len(parameters) > _MOST_PARAMETERS or len({one.name for one in self.parameters}) < len(parameters):
            raise ValueError(name + ": too many parameters, or two of one name")

    def body(self) -> "list[Any]":
        bodies = [one.body() for one in self.parameters]
        return [self.name] + [one[0] if one[1:] == [""] else one for one in bodies]


class Commands:
    """What a node declared, what it does when told, and when it asks what waits for it."""

    def __init__(self, node: "Node") -> None:
        self.node = node
        self.settings: "list[Setting]" = []
        self.methods: "list[_Method]" = []
        self.show: "Done | None" = None
        self.wanted = False  # the gateway says that something waits
        self.questions = 0
        self.quiet_since = node.clock.now()
        self.block = 0  # of the description, where it is long
        self.schemas: "dict[int, list[int]]" = {}  # of readings, over LoRa

    # Declarations

    def setting(
        self,
        name: str,
        unit: str = "",
        low: "Number | None" = None,
        high: "Number | None" = None,
        digits: int = 0,
        default: "Any" = None,
        on_change: "Done | None" = None,
    ) -> Setting:
        """What a person may set and ask for; its `value` survives resets. Without bounds it is a text.

        `digits`: after the point. `on_change(value)` may refuse by ValueError. Raises ValueError: not a good setting.
        """
        made = Setting((name, unit, low, high, digits), default, on_change)
        made.recall(self._kept())
        self._declare(self.settings, made)
        return made

    def method(self, name: str, *parameters: "Any") -> "Callable[[Done], Done]":
        """Decorate what a person may call. A parameter: a name (a text), or (name, unit, low, high[, digits]).

        It returns None, a whole number or a short text, or refuses by ValueError("why").
        """
        made = _Method(name, parameters)
        self._declare(self.methods, made)

        def register(call: "Done") -> "Done":
            made.call = call
            return call

        return register

    def on_text(self, show: "Done") -> "Done":
        """Decorate what is called with each text that a person sends here."""
        self.show = show
        return show

    def _declare(self, into: "list[Any]", made: "Any") -> None:
        if made.name in [one.name for one in self.settings + self.methods]:
            raise ValueError(made.name + " is there already")
        into.append(made)
        if len(into) > _MOST_NAMED or len(self.body(0)) > _MOST_DESCRIPTION:
            raise ValueError(made.name + " is one too many: a node describes itself in 4096 bytes")

    def body(self, now: int) -> bytes:
        """The self-description's CBOR; it never ages."""
        return cbor.encode([[one.body() for one in self.settings], [one.body() for one in self.methods], self.schemas])

    def hash(self) -> bytes:
        """What hello says of it (codec/description.py)."""
        return sha256(self.body(0))[:4]

    def describe(self, now: int, seq: "int | None") -> None:
        """Send the description, or the block of it that is next."""
        size = len(self.body(0))
        if size <= _DATAGRAM:
            self.node.client.post("d", self.body, now, seq)
            return
        at = self.block * _BLOCK
        more = 8 if at + _BLOCK < size else 0
        option = uint_bytes(self.block << 4 | more | _SIZE)
        self.node.client.post("d", lambda now: self.body(0)[at : at + _BLOCK], now, seq, option)

    def described(self, code: int) -> bool:
        """What came of that; whether it is over. 4.08: the gateway has lost the blocks before, all go anew."""
        self.block = self.block + 1 if code == _CONTINUE else 0
        return code not in (_CONTINUE, _INCOMPLETE)

    # What the gateway says

    def receive(self, answer: "Answer", asked: bool, now: int) -> None:
        """An authenticated answer came; `asked`: to a question of ours."""
        self.quiet_since = now
        if answer.item is not None:
            self.take(answer.item)
        if answer.item is not None or not asked:
            self.questions = 0
        self.wanted = (answer.more or self.node.client.echo is not None) and self.questions < _MOST_QUESTIONS
        if answer.describe and not [one for one in self.node.waiting if one.path == "d"]:
            self.node.queue(None, "d")

    def next_due(self) -> "int | None":
        """When to ask though nobody said that something waits, or None: never, or an answer is on its way anyway."""
        node = self.node
        if node.waiting or node.client.open is not None:
            return None
        poll = self.quiet_since + node.config.poll_s * 1000 if node.config.poll_s else None
        if not node.config.observe:
            return poll
        again: int = node.client.again  # type: ignore[attr-defined]
        return again if poll is None else min(again, poll)

    def send(self, now: int) -> bool:
        """Ask what waits, if it is time; whether it was. While a result waits, only its own item would come again."""
        poll = self.next_due()
        if [one for one in self.node.waiting if one.path == "c"]:
            return False
        if not self.wanted and (poll is None or now < poll):
            return False
        self.wanted = False
        self.questions += 1
        self.quiet_since = now
        self.node.client.get("c", now)
        return True

    # Executing

    def take(self, item: "Command") -> None:
        """An item came, maybe not for the first time: do it, and tell what became of it."""
        node = self.node
        highest = node.state["command"]
        if item.id <= highest:
            if not node.answers(item.id):
                self._result([item.id, NOT_AGAIN, highest])
        elif node.save("command", item.id):
            status, value = self._executed(item)
            self._result([item.id, status, value] if value is not None else [item.id, status] if status else [item.id])
        else:
            node.state["command"] = highest  # nothing was done: it comes again

    def _result(self, values: "list[Any]") -> None:
        self.node.queue(values, "c")
        self.node.stash(self.node.clock.now())

    def _executed(self, item: "Command") -> "tuple[int, Any]":
        try:
            return self._execute(item.what, item.arguments)
        except Exception as error:  # noqa: BLE001 - whatever a person's program raises: the node goes on
            print("command %d:" % item.id, error)
            return REFUSED, _said(error) or type(error).__name__

    def _execute(self, what: "int | str", arguments: "list[Any]") -> "tuple[int, Any]":
        """(status, value). Raises whatever the program raises, and ValueError for what it does not take."""
        if isinstance(what, str):
            if self.show is None:
                return UNKNOWN, None
            self.show(what)
            return DONE, None
        if what < len(self.settings):
            setting = self.settings[what]
            if arguments:
                self._set(setting, *_matched([setting], arguments))
            return DONE, setting.raw
        what -= len(self.settings)
        if what >= len(self.methods):
            return UNKNOWN, None
        method = self.methods[what]
        values = _matched(method.parameters, arguments)
        said = method.call(*[one.value_of(value) for one, value in zip(method.parameters, values)])
        return DONE, None if said is None else _said(said)

    def _set(self, setting: Setting, raw: "Any") -> None:
        """Flash first: what is told to have been set stays so. What the program refuses is taken back."""
        old = setting.raw
        self._keep(setting, raw)
        try:
            if setting.on_change is not None:
                setting.on_change(setting.value)
        except Exception:
            self._keep(setting, old)
            raise

    def _keep(self, setting: Setting, raw: "Any") -> None:
        """Raises OSError, and then it is as it was."""
        old, setting.raw = setting.raw, raw
        try:
            self.node.store.keep(cbor.encode({one.key: one.raw for one in self.settings}), _FILE)
        except OSError:
            setting.raw = old
            raise

    def _kept(self) -> "dict[Any, Any]":
        data = self.node.store.kept(_FILE)
        try:
            kept = cbor.decode_untrusted(data) if data else None
        except WireError:
            kept = None
        return kept if isinstance(kept, dict) else {}


def _nothing(*values: "Any") -> None:
    """A method that was declared and never decorated a function."""


def _named(name: str) -> str:
    rest = name
    for letter in "abcdefghijklmnopqrstuvwxyz0123456789_-":
        rest = rest.replace(letter, "")
    if rest or not "a" <= name[:1] <= "z" or len(name) > _MOST_NAME:
        raise ValueError("%s is no name: at most 24 of a-z 0-9 _ - and first a letter" % name)
    return name


def _matched(parameters: "Any", arguments: "list[Any]") -> "list[Any]":
    """The arguments, each one that its parameter takes. Raises ValueError."""
    if len(arguments) != len(parameters):
        raise ValueError("takes %d values, not %d" % (len(parameters), len(arguments)))
    return [one.checked(raw) for one, raw in zip(parameters, arguments)]


def _said(value: "Any") -> "int | str":
    """What a program returned or raised, fit for a result: a whole number, or a text of at most 64 bytes."""
    if isinstance(value, int) and -_MOST_NUMBER < value < _MOST_NUMBER:
        return int(value)
    text = str(value)[:_MOST_SAID]
    while len(text.encode()) > _MOST_SAID:
        text = text[:-1]
    return text
