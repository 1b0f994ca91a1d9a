"""Which schemas a reading goes by: the fewest and smallest that have all of its words and can say all of its values."""

from comatrix_lora.errors import LoraError
from comatrix_lora.schema import Field, Schema, climate

from comatrix.codec.words import lookup, scaled

_MOST_CODE = 270

TYPE_CHECKING = False
if TYPE_CHECKING:
    from comatrix_node.program import Number


class Schemas:
    """`by_code`: 0 is the one everybody knows; declared ones from 1 on, in order of declaration."""

    def __init__(self) -> None:
        self.by_code = {0: climate()}

    def declare(self, fields: "dict[str, tuple[Number, Number, Number]]") -> "tuple[int, list[int]]":
        """{word: (low, high, step)} in a person's numbers -> (code, what announces it). Raises ValueError, in words.

        Fields stand in the order of their words' numbers: MicroPython keeps no order of a dict."""
        made = []
        for word in fields:
            found = lookup(word)
            if found is None:
                raise ValueError("unknown word " + word)
            low, high, step = [scaled(word, one)[1] for one in fields[word]]
            try:
                made.append((found[0], Field(found[0], low, high, step)))
            except LoraError:
                raise ValueError("%s: low < high, step > 0, whole steps, at most 2 ** 32 of them" % word)
        try:
            schema = Schema([field for _, field in sorted(made, key=lambda one: one[0])])
        except LoraError:
            raise ValueError("a schema has 1 to 8 words")
        code = len(self.by_code)
        if code > _MOST_CODE:
            raise ValueError("a node has at most 270 schemas")
        self.by_code[code] = schema
        return code, schema.as_list()

    def split(self, values: "dict[int, int]") -> "list[tuple[int, dict[int, int]]]":
        """{word's number: integer} as (code, the part it says) of as few schemas as do; [] where something is left."""
        found = []
        rest = values
        while rest:
            best, said = 0, {}
            for code in sorted(self.by_code):
                schema = self.by_code[code]
                part = _said(schema, rest)
                if len(part) > len(said) or (part and len(part) == len(said) and schema.size < self.by_code[best].size):
                    best, said = code, part
            if not said:
                return []
            found.append((best, said))
            rest = {word: rest[word] for word in rest if word not in said}
        return found


def _said(schema: Schema, values: "dict[int, int]") -> "dict[int, int]":
    """Those of the values that are in range of a field."""
    said = {}
    for field in schema.fields:
        if field.word in values and field.low <= values[field.word] <= field.high:
            said[field.word] = values[field.word]
    return said
