"""What must hold of what LoRa frames say, and of airtime ledgers read from flash, whatever they are made of."""

import contextlib
import itertools
import struct
import zlib

from comatrix_lora import ledger_dump as dumped
from comatrix_lora.errors import FrameError
from comatrix_lora.fragment_receiver import Limits
from comatrix_lora.frame import Peer
from comatrix_lora.history import SPAN
from comatrix_lora.hub_events import Heard, Reception
from comatrix_lora.hub_node import HubNode, Profile
from comatrix_lora.ledger import MOST_ENTRIES, Ledger, Ledgers
from comatrix_lora.readings import read_untrusted
from comatrix_lora.received import carried_untrusted
from comatrix_lora.regions import NAMES, region
from comatrix_lora.rules import Aged, Data, History, decode_untrusted
from comatrix_lora.schema import (
    Field,
    Schema,
    climate,
    decode_older_untrusted,
    encode_older,
    from_list_untrusted,
    readings_untrusted,
)

from comatrix.codec import cbor
from comatrix.errors import CborError
from comatrix.gateway.aead import aead
from comatrix.session import oscore
from comatrix.session.replay import Window

Readings = dict[int, int | str]
MOST = 255  # bytes of a LoRa packet
STATION = Schema([Field(0, -4000, 8500), Field(1, 0, 1000), Field(3, 3000, 11000), Field(2, 0, 500, 5)])
SWITCH = Schema([Field(9, 0, 1)])  # its readings are one byte, and have no differences
WIDEST = Schema([Field(word, -(1 << 31), (1 << 31) - 3) for word in range(8)])
SCHEMAS = (climate(), STATION, SWITCH, WIDEST)
DUTIES_PPM = (10_000, 1_000, 100_000, 0)
NOW_MS = 1_700_000_000_000
HOUR_MS = 3_600_000
MOST_DUMP = 534
_PROBE_US = 50_000


def rule(data: bytes) -> None:
    """rules.decode_untrusted: what is read is written the same."""
    found = decode_untrusted(data)
    assert found.encode() == data
    assert decode_untrusted(data) == found


def readings_of(data: bytes) -> None:
    """read_untrusted: as many readings as the frame names, their seqs falling, and written again no longer."""
    found = None
    data = data[:MOST]
    with contextlib.suppress(FrameError):
        found = decode_untrusted(data)
    if not isinstance(found, Data | History | Aged):
        found = Aged(0, 0, [0], data or b"\x00")
    told = read_untrusted(1000, found, climate())
    seqs = [one.seq for one in told]
    assert seqs == sorted(set(seqs), reverse=True) and seqs[-1] >= 0 and seqs[0] <= 1000
    assert len(_written(climate(), [one.values for one in told])) <= len(found.values)


def hub_node(data: bytes) -> None:
    """HubNode.read_untrusted: records of counters up to the frame's own, or a problem and then nothing else."""
    node, radio = HubNode(Profile(600_000, {0: climate()}), Limits(held_bytes=4096)), Reception("a", -90, 5)
    heard = Heard(_nobody(), 1000, bytes(8), 0, radio)
    node.read_untrusted(heard, data[:MOST], 50, 0)
    assert all(0 <= seq <= 1000 for record in heard.records for seq in record.seqs)
    assert all(record.age_ms >= 0 for record in heard.records)
    if heard.problem is not None:
        assert heard.records == [] and not heard.ack_wanted
    node.commit(heard, 0)


def _nobody() -> Peer:
    context = oscore.Context(bytes(16), b"", b"\x07", b"l", aead)
    return Peer(context, lambda kid, counter: b"", Window())


def value(data: bytes) -> None:
    """Field.value_untrusted: what a code says has that code. Bytes: low, count, step, the code."""
    low = int.from_bytes(data[:4], "big", signed=True)
    step = 1 + int.from_bytes(data[6:7], "big")
    field = Field(3, low, low + step * int.from_bytes(data[4:6], "big"), step)
    said = int.from_bytes(data[7:12], "big", signed=True)
    for code in (said, field.count + said % 4, (1 << field.bits) - said % 4):
        with contextlib.suppress(FrameError):
            assert field.code(field.value_untrusted(code)) == code


def unpack(data: bytes) -> None:
    """Schema.unpack_untrusted: what is read is written the same."""
    schema, packed = _chosen(data)
    assert schema.pack(schema.unpack_untrusted(packed)) == packed


def schema_list(data: bytes) -> None:
    """from_list_untrusted: it says what it was made of, within the limits, and its readings come back."""
    numbers = _announced(data)
    schema = from_list_untrusted(numbers)
    assert schema.as_list() == numbers and not any(isinstance(number, bool) for number in schema.as_list())
    assert 1 <= len(schema.fields) <= 8 and schema.size <= 32 and sum(schema.shares) == 16
    for values in ({field.word: field.high for field in schema.fields}, {field.word: 0 for field in schema.fields}):
        read = schema.unpack_untrusted(schema.pack(values))
        assert schema.pack(read) == schema.pack(values)


def older(data: bytes) -> None:
    """decode_older_untrusted: it ends within the bytes, and written again says the same in no more of them."""
    schema, packed = _chosen(data)
    newer = schema.unpack_untrusted(packed[: schema.size])
    found, end = decode_older_untrusted(schema, newer, packed, schema.size)
    assert schema.size < end <= len(packed)
    again = encode_older(schema, newer, found)
    assert len(again) <= end - schema.size
    assert decode_older_untrusted(schema, newer, again, 0) == (found, len(again))


def readings(data: bytes) -> None:
    """readings_untrusted: written again they are the same readings in no more bytes."""
    schema, packed = _chosen(data[:MOST])
    found = readings_untrusted(schema, packed)
    again = _written(schema, found)
    assert len(again) <= len(packed)
    assert readings_untrusted(schema, again) == found


def carried(data: bytes) -> None:
    """carried_untrusted: seqs fall from the newest, and say the same oldest one and bitmap."""
    counter, behind = int.from_bytes(data[:4], "big"), int.from_bytes(data[4:7], "big")
    oldest = data[7] if len(data) > 7 else None
    bitmap = int.from_bytes(data[8:10], "big")
    for one in ((counter, behind), (counter & 0xFF, behind & 7), (counter, behind & 7)):
        with contextlib.suppress(ValueError):
            _carried(*one, oldest, bitmap)


def _carried(counter: int, behind: int, oldest: int | None, bitmap: int) -> None:
    seqs = carried_untrusted(counter, behind, oldest, bitmap)
    assert seqs[0] == counter - behind and seqs[-1] >= 0
    assert all(seq > below for seq, below in itertools.pairwise(seqs))
    assert len(seqs) <= 2 + SPAN and seqs[0] - seqs[-1] <= 0xFF
    if oldest is None:
        assert len(seqs) == 1
    else:
        assert seqs[-1] & 0xFF == oldest
        assert sum(1 << seq - seqs[-1] - 1 for seq in seqs[1:-1]) == bitmap


def ledger(data: bytes) -> None:
    """Ledger.load_untrusted: a dump comes back; for anything else an hour counts as full. Sending goes on by itself."""
    duty_ppm = DUTIES_PPM[data[0] % len(DUTIES_PPM)] if data else 0
    for dump in (data[1:], with_check(data[1:])):
        loaded = Ledger(duty_ppm)
        if loaded.load_untrusted(dump, NOW_MS):
            newest = slice(6, 14) if loaded.used_us(NOW_MS) else slice(0)  # where it lies ahead, all was moved to now
            written, given = bytearray(loaded.dump()[:-4]), bytearray(dump[:-4])
            del written[newest], given[newest]
            assert written == given
        else:
            assert not loaded.left_us(NOW_MS)
        assert len(loaded.dump()) <= MOST_DUMP
        _goes_on(loaded)


def ledger_dump(data: bytes) -> None:
    """read_untrusted: transmissions one after the other, the newest entry opened before its end."""
    duty_ppm = DUTIES_PPM[data[0] % len(DUTIES_PPM)] if data else 0
    ends_us, airtimes_us, opened_us = dumped.read_untrusted(with_check(data[1:]), duty_ppm)
    assert len(ends_us) == len(airtimes_us) <= MOST_ENTRIES
    assert all(airtime > 0 for airtime in airtimes_us)
    begins = [end - airtime for end, airtime in zip(ends_us, airtimes_us, strict=True)]
    assert all(begin >= end for begin, end in zip(begins, [0, *ends_us], strict=False))
    assert opened_us <= (begins[-1] if begins else 0)


def ledgers(data: bytes) -> None:
    """Ledgers.load_untrusted: as of one, in every sub-band. The rest also stands as the ledger of a sub-band."""
    place = region(NAMES[data[0] % len(NAMES)] if data else NAMES[0])
    name = place.name.encode()
    one = with_check(data[1:])[:0xFFFF]
    nested = bytes((1, len(name))) + name + struct.pack(">BH", len(data) % 8, len(one)) + one
    for dump in (data[1:], with_check(data[1:]), with_check(nested)):
        loaded = Ledgers(place)
        known = loaded.load_untrusted(dump, NOW_MS)
        if known:
            again = Ledgers(place)
            assert again.load_untrusted(loaded.dump(), NOW_MS) and again.dump() == loaded.dump()
            assert len(again.dump()) == len(dump)
        for band in place.bands:
            of_band = loaded.ledger((band.low_hz + band.high_hz) // 2)
            assert known or not of_band.left_us(NOW_MS)
            _goes_on(of_band)


def with_check(data: bytes) -> bytes:
    """As a ledger's dump ends."""
    return data + struct.pack(">I", zlib.crc32(data))


def _goes_on(loaded: Ledger) -> None:
    """No later than flash can say that something was sent, and an hour after it."""
    begin = loaded.earliest(NOW_MS, _PROBE_US)
    assert NOW_MS <= begin <= NOW_MS + 3 * HOUR_MS
    loaded.spend(begin, _PROBE_US)
    assert loaded.earliest(begin, _PROBE_US) > begin


def _chosen(data: bytes) -> tuple[Schema, bytes]:
    return SCHEMAS[data[0] % len(SCHEMAS)] if data else SCHEMAS[0], data[1:]


def _written(schema: Schema, found: list[Readings]) -> bytes:
    """As a node packs readings, the newest first."""
    pairs = itertools.pairwise(found)
    return schema.pack(found[0]) + b"".join(encode_older(schema, newer, before) for newer, before in pairs)


def _announced(data: bytes) -> object:
    """CBOR, as an announcement comes; or 7 bytes a field, which more often make one."""
    try:
        return cbor.decode_untrusted(data)
    except CborError:
        pass
    numbers = []
    for at in range(0, min(len(data), 7 * 9), 7):
        word, low, count, step = struct.unpack(">HhHB", data[at : at + 7].ljust(7, b"\x01"))
        numbers += [word, low, low + count * step, step]
    return numbers
