"""What must hold of the schemas that nodes announce, and of readings that were kept until theirs was known."""

import contextlib

from comatrix_lora.errors import FrameError

from comatrix.codec import cbor
from comatrix.codec.records import read_readings
from comatrix.gateway.uplink.node_schemas import (
    announced_untrusted,
    schemas_of,
    unpack_raw_untrusted,
)
from tests.fuzz.lora_targets import MOST, SCHEMAS


def announced(data: bytes) -> None:
    """announced_untrusted: every schema is told or told of, and `schemas_of` takes whatever it refuses."""
    told: list[str] = []
    known = schemas_of(data, told.append)
    assert 0 in known
    found, problems = announced_untrusted(data)
    assert problems == told and sorted(known) == sorted({0, *found})
    assert all(0 < code <= 270 and schema.size <= 32 for code, schema in found.items())


def unpack_raw(data: bytes) -> None:
    """unpack_raw_untrusted: a seq each, and bodies that are read as readings. Bytes: the schema, how many, values."""
    schema = SCHEMAS[data[0] % len(SCHEMAS)] if data else SCHEMAS[0]
    values, fitting = data[1:MOST], 0
    for count in range(1, 11):
        seqs = list(range(100, 100 - count, -1))
        with contextlib.suppress(FrameError):
            found = unpack_raw_untrusted(schema, values, seqs)
            assert [seq for seq, _ in found] == seqs
            assert all(body is None or read_readings(cbor.decode_untrusted(body)) for _, body in found)
            fitting += 1
    assert fitting <= 1
