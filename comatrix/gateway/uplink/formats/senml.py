"""SenML (RFC 8428) as CBOR (Content-Format 112) or JSON (110): a pack of records, resolved, each moment apart."""

from fractions import Fraction
from typing import Any

from comatrix.codec import vocab
from comatrix.codec.record_types import Readings
from comatrix.errors import RecordError
from comatrix.gateway.uplink.formats import foreign_cbor, strict_json
from comatrix.gateway.uplink.formats.moments import (
    MAX_AGE_S,
    MAX_MOMENTS,
    OUT_OF_RANGE,
    Moment,
    exact,
    in_order,
    name_of,
    scaled,
    told,
    truth,
    word,
    word_or_unit,
)

VERSION = 10  # a larger one must not be used (section 4.4)
MAX_RECORDS = 256
RELATIVE_BELOW = 1 << 28  # seconds; what is less is counted from now (section 4.5.3)
AHEAD_S = 600  # how far a client's clock may be ahead; what is further is no measurement
LABELS = {  # section 6, table 4
    -1: "bver",
    -2: "bn",
    -3: "bt",
    -4: "bu",
    -5: "bv",
    -6: "bs",
    0: "n",
    1: "u",
    2: "v",
    3: "vs",
    4: "vb",
    5: "s",
    6: "t",
    7: "ut",
    8: "vd",
}
_KNOWN = frozenset(LABELS.values())
_VALUES = ("v", "vs", "vb", "vd")
_NAME_LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-:./_")


def read_cbor_untrusted(payload: bytes, now_ms: int) -> tuple[Readings, ...]:
    """A pack -> its moments, the oldest first. Raises CborError, RecordError."""
    records = _records(foreign_cbor.decode_untrusted(payload))
    return Pack(now_ms).read([{LABELS.get(key, key): value for key, value in one.items()} for one in records])


def read_json_untrusted(payload: bytes, now_ms: int) -> tuple[Readings, ...]:
    """A pack -> its moments, the oldest first. Raises RecordError."""
    return Pack(now_ms).read(_records(strict_json.decode_untrusted(payload)))


def _records(value: object) -> list[dict[Any, Any]]:
    if not isinstance(value, list):
        raise RecordError("SenML is an array of records")
    if len(value) > MAX_RECORDS:
        raise RecordError(f"more than {MAX_RECORDS} records")
    if not all(isinstance(one, dict) for one in value):
        raise RecordError("SenML is an array of records")
    return value


class Pack:
    """Resolves records (section 4.6). What a base field says holds from its record on."""

    def __init__(self, now_ms: int) -> None:
        self._now_s = Fraction(now_ms, 1000)
        self._base: dict[str, Any] = {}
        self._moments: dict[Fraction, Moment] = {}

    def read(self, records: list[dict[Any, Any]]) -> tuple[Readings, ...]:
        """All records of a pack. Raises RecordError."""
        for one in records:
            _check_labels(one)
            self._base.update({key: value for key, value in one.items() if key in ("bn", "bt", "bu", "bv", "bs")})
            if any(not str(key).startswith("b") for key in one if key in _KNOWN):
                self._take(one)
        return in_order(self._moments.values())

    def _take(self, one: dict[str, Any]) -> None:
        values = [label for label in _VALUES if label in one]
        if len(values) > 1 or (not values and "s" not in one):
            raise RecordError("a record has one value")
        unit = _text(one.get("u", self._base.get("bu")), "unit")
        row = word_or_unit(self._name(one), unit)
        moment = self._moment(one)
        if not values:
            self._sum(moment, row, one, unit)
        elif values[0] == "v":
            moment.put(row, scaled(row, exact(one["v"]) + self._number("bv"), unit))
        elif values[0] == "vb" and isinstance(one["vb"], bool):
            moment.put(row, truth(row, one["vb"]))
        elif values[0] == "vs" and one["vs"] == OUT_OF_RANGE:
            moment.put_beyond(row)
        else:
            raise RecordError(told(f"{name_of(row)} is no number"))

    def _sum(self, moment: Moment, row: vocab.Row | int, one: dict[str, Any], unit: str | None) -> None:
        """A sum alone: power summed over seconds is energy; of other words a sum has no word."""
        if isinstance(row, int) or row.name != "power" or unit not in (None, "W"):
            raise RecordError(told(f"no word for a sum of {name_of(row)}"))
        energy = word("energy")
        moment.put(energy, scaled(energy, exact(one["s"]) + self._number("bs"), "J"))

    def _name(self, one: dict[str, Any]) -> str:
        name = (_text(self._base.get("bn"), "name") or "") + (_text(one.get("n"), "name") or "")
        if not name or not name[0].isalnum() or not _NAME_LETTERS.issuperset(name):
            raise RecordError(told(f"not a SenML name: {name}"))
        return name

    def _moment(self, one: dict[str, Any]) -> Moment:
        time_s = self._number("bt") + (exact(one["t"]) if "t" in one else 0)
        if time_s < RELATIVE_BELOW:
            time_s += self._now_s
        if time_s not in self._moments:
            age_s = self._now_s - time_s
            if age_s < -AHEAD_S:
                raise RecordError("a time in the future")
            if age_s >= MAX_AGE_S or time_s < 0:
                raise RecordError("a time too long ago")
            if len(self._moments) == MAX_MOMENTS:
                raise RecordError(f"more than {MAX_MOMENTS} moments")
            self._moments[time_s] = Moment(max(0, round(age_s)))
        return self._moments[time_s]

    def _number(self, label: str) -> Fraction:
        return exact(self._base[label]) if label in self._base else Fraction(0)


def _check_labels(one: dict[Any, Any]) -> None:
    for label in one:
        if isinstance(label, str) and label.endswith("_"):
            raise RecordError(told(f"must understand {label}"))
    if "bver" in one and not (type(one["bver"]) is int and 0 < one["bver"] <= VERSION):
        raise RecordError("unknown SenML version")


def _text(value: object, what: str) -> str | None:
    if value is not None and not isinstance(value, str):
        raise RecordError(f"a {what} is a text")
    return value
