"""A map of names to numbers, as CBOR (Content-Format 60) or JSON (50): {"temperature": 21.4, "age": 60}."""

from comatrix.codec.record_types import Readings
from comatrix.codec.records import read_readings
from comatrix.errors import RecordError
from comatrix.gateway.uplink.formats import foreign_cbor, strict_json
from comatrix.gateway.uplink.formats.moments import Moment, exact, scaled, told, truth, word

AGE = "age"


def read_cbor_untrusted(payload: bytes) -> tuple[Readings, ...]:
    """A CBOR map with text keys; one with integer keys is a node's own. Raises CborError, RecordError."""
    value = foreign_cbor.decode_untrusted(payload)
    if isinstance(value, dict) and value and all(isinstance(key, int) for key in value):
        return (read_readings(value),)
    return _read(value)


def read_json_untrusted(payload: bytes) -> tuple[Readings, ...]:
    """A JSON object. Raises RecordError."""
    return _read(strict_json.decode_untrusted(payload))


def _read(value: object) -> tuple[Readings, ...]:
    if isinstance(value, list):
        raise RecordError("an array: SenML is format 110 or 112")
    if not isinstance(value, dict):
        raise RecordError("readings are a map")
    moment = Moment(_age(value[AGE]) if AGE in value else 0)
    for name, number in value.items():
        if not isinstance(name, str):
            raise RecordError("a name is a text")
        if name != AGE:
            _put(moment, name, number)
    return (moment.readings(),)


def _age(value: object) -> int:
    age = exact(value)
    if age < 0:
        raise RecordError("age out of range")
    return round(age)


def _put(moment: Moment, name: str, value: object) -> None:
    row = word(name)
    if value is None:
        moment.put_beyond(row)
    elif isinstance(value, bool):
        moment.put(row, truth(row, value))
    elif isinstance(value, (str, bytes, list, dict)):
        raise RecordError(told(f"{name} is no number"))
    else:
        moment.put(row, scaled(row, exact(value)))
