"""What the log keeps of a request that tells several moments: one row, so that it is stored whole or not, and once.

Its body is an array of readings, the oldest first; an age in it is counted from the row's own time, the newest's.
"""

from dataclasses import replace

from comatrix.codec import cbor
from comatrix.codec.record_types import Readings
from comatrix.codec.records import read_readings
from comatrix.errors import CborError, RecordError
from comatrix.gateway.model import Record
from comatrix.gateway.uplink.formats.moments import MAX_MOMENTS


def body(moments: tuple[Readings, ...]) -> tuple[bytes, int]:
    """Moments, the oldest first -> (a record's body, the age of the newest in seconds)."""
    newest = moments[-1].age_s
    shifted = [Readings(one.values, one.age_s - newest, one.beyond).body() for one in moments]
    return cbor.encode(shifted if len(shifted) > 1 else shifted[0]), newest


def is_pack(body: bytes) -> bool:
    """Whether a stored body of readings tells several moments."""
    return body[:1] >= b"\x80" and body[:1] < b"\xa0"


def moments(body: bytes) -> list[Readings]:
    """A stored body of readings -> its moments, the oldest first, ages from the row's time. Raises CborError,
    RecordError."""
    value = cbor.decode_untrusted(body)
    if not isinstance(value, list):
        return [read_readings(value)]
    if not value or len(value) > MAX_MOMENTS:
        raise RecordError("no pack of readings")
    return [read_readings(one) for one in value]


def apart(record: Record) -> list[Record]:
    """A record -> one of each moment, the oldest first; any other record alone, as it is."""
    if record.kind != "readings" or not is_pack(record.body):
        return [record]
    try:
        found = moments(record.body)
    except (CborError, RecordError):
        return [record]
    return [
        replace(
            record,
            body=cbor.encode(Readings(one.values, 0, one.beyond).body()),
            measured_ms=record.measured_ms - one.age_s * 1000,
        )
        for one in found
    ]
