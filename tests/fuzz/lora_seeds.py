"""What the corpus of LoRa's targets begins with: frames of every kind, their contents, ledgers as flash keeps them."""

import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING

from comatrix_lora.ledger import Ledger, Ledgers
from comatrix_lora.offered import Offered
from comatrix_lora.regions import NAMES, region
from comatrix_lora.rules import Ack, Aged, Command, Data, Feedback, Fragment, History, Record, Rekey
from comatrix_lora.schema import encode_older

from comatrix.codec import cbor
from comatrix.codec.description import Description
from tests.fuzz.lora_targets import DUTIES_PPM, NOW_MS, SCHEMAS
from tests.lora.frame_sides import every_kind
from tests.lora.test_rekeying_hostile import STEPS, Exchange

if TYPE_CHECKING:
    from comatrix_lora.schema import Values


CHECK = 4  # bytes at the end of a ledger's dump, which its targets add themselves


def frames() -> Iterator[bytes]:
    """Every kind, as it stands on the air."""
    for _, frame, *_ in every_kind():
        yield frame
    for step in STEPS:
        yield Exchange().until(step)


def rules() -> Iterator[bytes]:
    """Every kind of content."""
    command = Command(7, 2, b"\x18\x1e")
    acks = (Ack(44, 5), Ack(44, 5, 1_700_000_000, command, True, 9), Ack(0, 0, None, command))
    readings = (Data(0, b"\x12\x34\x56"), Data(20, b"\x01", True), Aged(15, 44, [3600], b"\x12\x34\x56"))
    for one in (*readings, History(0, 40, 5, b"\x12\x34\x56\x00\x01", True), *acks, command):
        yield one.encode()
    yield Fragment("d", 3, 0, 10, 255, bytes(32)).encode()
    yield Record("h", b"\xa1\x05\x01").encode()
    yield Record("m", b"\x81\x61a", True, 300).encode()
    yield Feedback(b"\x03\x20\x07").encode()
    yield from (Rekey(None, True).encode(), Rekey(301).encode())


def packed() -> Iterator[bytes]:
    """A schema's number, a reading, and older ones behind it: near it, far from it, and without a value."""
    for number, schema in enumerate(SCHEMAS):
        fields = schema.fields
        newest: Values = {field.word: field.low + 3 * field.step for field in fields if field.count > 3}
        near: Values = {field.word: field.low + 4 * field.step for field in fields if field.count > 4}
        far: Values = {field.word: field.high for field in fields}
        lead = bytes((number,)) + schema.pack(newest)
        yield lead
        yield lead + encode_older(schema, newest, near) + encode_older(schema, near, far)
        yield lead + encode_older(schema, newest, far) + encode_older(schema, far, {})


def schemas() -> Iterator[bytes]:
    """As they are announced; and what only equals one."""
    for schema in SCHEMAS:
        yield cbor.encode(schema.as_list())
    yield cbor.encode([True, False, 3, True])


def ledger() -> Iterator[bytes]:
    """Unused, used, sent in the future of the clock, ended there without having sent; without their check."""
    for number, duty_ppm in enumerate(DUTIES_PPM):
        for start_ms, count in ((NOW_MS, 0), (NOW_MS - 3_000_000, 5), (NOW_MS + 60_000, 2)):
            yield bytes((number,)) + _used(Ledger(duty_ppm), start_ms, count).dump()[:-CHECK]
        yield bytes((number,)) + struct.pack(">BBIQI", 1, 0, duty_ppm, 1 << 61, 0)


def ledgers() -> Iterator[bytes]:
    """Of every region, one or more of its sub-bands used."""
    for number, name in enumerate(NAMES):
        place = region(name)
        made = Ledgers(place)
        yield bytes((number,)) + made.dump()[:-CHECK]
        for band in place.bands:
            _used(made.ledger((band.low_hz + band.high_hz) // 2), NOW_MS - 1_000_000, 3)
        yield bytes((number,)) + made.dump()[:-CHECK]


def _used(made: Ledger, start_ms: int, count: int) -> Ledger:
    for turn in range(count):
        made.spend(start_ms + 90_000 * turn, 200_000)
    return made


def descriptions() -> Iterator[bytes]:
    """Without schemas, with good ones, with what is none."""
    bad = {5: [0, 9, 0, 1], 6: [0, 0, 9, 1, 0, 0, 9, 1]}
    for announced in ({}, {1 + code: schema.as_list() for code, schema in enumerate(SCHEMAS)}, bad):
        yield cbor.encode(Description(schemas=announced).body())


def said() -> Iterator[bytes]:
    """Frames as they came, behind a header, and as what an authentic one says; with something open or nothing."""
    for frame in frames():
        yield b"\x00" + frame
    for rule in rules():
        for first in (1, 2, 2 | 4, 2 | 8):
            yield bytes((first,)) + rule


def new_keys() -> Iterator[bytes]:
    """Each frame of an exchange: as it came, behind a header, and as what an authentic one says."""
    for step in STEPS:
        yield b"\x00" + Exchange().until(step)
    for plain in (Rekey(None, True), Rekey(), Rekey(301), Ack(0, 0)):
        for first in (1, 2, 3):
            yield bytes((first,)) + plain.encode()


def items() -> Iterator[bytes]:
    """A long command in fragments, with and without the first."""
    for lost in (False, True):
        offered = Offered(Command(1, 2, bytes(100)), 0)
        plains = [offered.next_plain(60) for _ in range(8)][lost:]
        yield b"".join(bytes((len(one),)) + one for one in plains)


LAYERS = {
    "lora new keys": new_keys,
    "lora items": items,
    "lora frames": frames,
    "lora rules": rules,
    "lora readings": packed,
    "lora schemas": schemas,
    "lora said": said,
    "descriptions": descriptions,
    "ledger": ledger,
    "ledgers": ledgers,
}
