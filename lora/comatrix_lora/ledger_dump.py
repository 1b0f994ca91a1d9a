"""Reads what `Ledger.dump` wrote: a node does that once a life, and has no memory to spare for it later."""

import struct
from array import array
from binascii import crc32

from comatrix_lora.ledger import ENTRY, FORMAT, HEAD, MOST_ENTRIES

_HEAD_SIZE = 18
_ENTRY_SIZE = 8


def read_untrusted(data: bytes, duty_ppm: int) -> "tuple[array[int], array[int], int]":
    """(ends, airtimes, when the newest entry opened) in us. Raises ValueError unless `dump` could have written it."""
    data = unsealed(data)
    if len(data) < _HEAD_SIZE:
        raise ValueError("too short")
    form, count, written_ppm, newest_us, opened = struct.unpack(HEAD, data[:_HEAD_SIZE])
    if form != FORMAT or written_ppm != duty_ppm or count > MOST_ENTRIES or newest_us >> 62:
        raise ValueError("not of this ledger")
    if len(data) != _HEAD_SIZE + count * _ENTRY_SIZE or (count and not duty_ppm):
        raise ValueError("wrong length")
    if not count and (newest_us or opened):
        raise ValueError("nothing was sent, and it ended")
    ends_us, airtimes_us = _entries(data, newest_us)
    if count and (ends_us[-1] != newest_us or opened < airtimes_us[-1]):
        raise ValueError("not in order")
    return ends_us, airtimes_us, newest_us - opened


def _entries(data: bytes, newest_us: int) -> "tuple[array[int], array[int]]":
    ends_us, airtimes_us = array("q"), array("q")
    before_us = 0
    for i in range(_HEAD_SIZE, len(data), _ENTRY_SIZE):
        age_us, airtime_us = struct.unpack(ENTRY, data[i : i + _ENTRY_SIZE])
        end_us = newest_us - age_us
        if airtime_us == 0 or end_us - airtime_us < before_us:
            raise ValueError("not in order")
        ends_us.append(end_us)
        airtimes_us.append(airtime_us)
        before_us = end_us
    return ends_us, airtimes_us


def unsealed(data: bytes) -> bytes:
    """Without its check sum. Raises ValueError where a bit is wrong."""
    if len(data) < 4 or struct.pack(">I", crc32(data[:-4])) != data[-4:]:
        raise ValueError("check sum")
    return data[:-4]
