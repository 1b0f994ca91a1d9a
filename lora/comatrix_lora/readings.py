"""Between open readings and frames: what `history` chose as a rule of a frame, and that read back with its seqs."""

from comatrix_lora.errors import FrameError
from comatrix_lora.received import carried_untrusted
from comatrix_lora.rules import EXTENDED, Aged, Data, History
from comatrix_lora.schema import encode_older, readings_untrusted

_AROUND = 12  # bytes of a short frame around its values: header 3, rule 1, tag 8

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from comatrix_lora.history import Chosen
    from comatrix_lora.schema import Given, Schema, Values

    Rule = Data | History | Aged


class Reading:
    """One reading of a frame. `age_s`: seconds before the frame it was made; None: by the grid of its schema, the
    frame's own now, any other one interval earlier for each counter between."""

    __slots__ = ("age_s", "seq", "values")

    def __init__(self, seq: int, values: "Values", age_s: "int | None") -> None:
        self.seq = seq
        self.values = values
        self.age_s = age_s


def size_in(number: int, schema: "Schema") -> "Callable[[Sequence[Given], bool], int]":
    """What History asks for: bytes of a short frame with these readings, the newest first, with or without ages."""

    def size(readings: "Sequence[Given]", aged: bool) -> int:
        around = _AROUND + (1 if number >= EXTENDED else 0)
        named = 2 if len(readings) > 1 else 0
        return around + named + (2 + 2 * len(readings) if aged else 0) + len(_packed(schema, readings))

    return size


def rule_of(number: int, schema: "Schema", chosen: "Chosen") -> "Rule":
    """What was chosen -> the rule of its frame, under `chosen`'s counter. `number`: the schema's."""
    values = _packed(schema, chosen.values)
    if chosen.ages_s is not None:
        return Aged(number, chosen.behind, chosen.ages_s, values, chosen.oldest, chosen.bitmap, chosen.ask)
    if chosen.oldest is None:
        return Data(number, values, chosen.ask)
    return History(number, chosen.oldest, chosen.bitmap, values, chosen.ask)


def read_untrusted(counter: int, rule: "Rule", schema: "Schema") -> "list[Reading]":
    """An authentic frame's readings, the newest first. Raises FrameError: not as many as it names, or no values."""
    behind = rule.behind if isinstance(rule, Aged) else 0
    oldest, bitmap = (None, 0) if isinstance(rule, Data) else (rule.oldest, rule.bitmap)
    try:
        seqs = carried_untrusted(counter, behind, oldest, bitmap)
    except ValueError as error:
        raise FrameError(str(error))
    values = readings_untrusted(schema, rule.values)
    ages_s = rule.ages_s if isinstance(rule, Aged) else [None] * len(seqs)
    if not len(seqs) == len(values) == len(ages_s):
        raise FrameError("not as many readings as it names")
    return [Reading(seqs[i], values[i], ages_s[i]) for i in range(len(seqs))]


def _packed(schema: "Schema", readings: "Sequence[Given]") -> bytes:
    packed = schema.pack(readings[0])
    for i in range(1, len(readings)):
        packed += encode_older(schema, readings[i - 1], readings[i])
    return packed
