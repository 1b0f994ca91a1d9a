"""A node's reading schemas, from what it said of itself; and readings that were packed by one -> records' bodies.

A frame whose schema is not known yet is kept as it came, and unpacked when the description is here.
"""

from collections.abc import Callable, Mapping, Sequence

from comatrix_lora.errors import FrameError
from comatrix_lora.schema import MISSING, Schema, climate, from_list_untrusted, readings_untrusted

from comatrix.codec import cbor
from comatrix.codec.description import read_description
from comatrix.codec.record_types import Readings
from comatrix.errors import WireError

Values = Mapping[int, int | str]


def schemas_of(description: bytes | None, tell: Callable[[str], None] = lambda problem: None) -> dict[int, Schema]:
    """The CBOR of its self-description, if there is one -> its schemas by code, schema 0 always among them.

    What is no schema is left out, and `tell` hears why."""
    found: dict[int, Schema] = {}
    if description is not None:
        try:
            found, problems = announced_untrusted(description)
        except WireError as error:
            problems = [f"no description: {error}"]
        for problem in problems:
            tell(problem)
    return {0: climate()} | found


def announced_untrusted(description: bytes) -> tuple[dict[int, Schema], list[str]]:
    """(the schemas that a description announces, what is wrong with the others). Raises CborError, RecordError."""
    found, problems = {}, []
    for code, numbers in read_description(cbor.decode_untrusted(description)).schemas.items():
        try:
            found[code] = from_list_untrusted(numbers)
        except FrameError as error:
            problems.append(f"schema {code}: {error}")
    return found, problems


def readings_body(values: Values) -> bytes | None:
    """{word: integer or mark} -> the body of a Readings record, as over UDP; None: it says nothing, every word missing.

    A word that is missing is left out; one out of range stands there with null."""
    beyond = tuple(word for word, value in values.items() if isinstance(value, str) and value != MISSING)
    said = Readings({word: value for word, value in values.items() if isinstance(value, int)}, 0, beyond)
    return cbor.encode(said.body()) if said.values or beyond else None


def unpack_raw_untrusted(schema: Schema, values: bytes, seqs: Sequence[int]) -> list[tuple[int, bytes | None]]:
    """Readings of a frame, its schema known at last -> (seq, body as `readings_body` says) of each, the newest first.

    Raises FrameError: they are not of this schema."""
    found = readings_untrusted(schema, values)
    if len(found) != len(seqs):
        raise FrameError("not as many readings as it names")
    return [(seq, readings_body(one)) for seq, one in zip(seqs, found, strict=True)]
