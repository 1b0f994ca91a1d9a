"""Targets that read what foreign devices post at `r`: each ends as readings that a node's own record can carry."""

import cbor2

from comatrix.codec import cbor
from comatrix.codec.record_types import Readings
from comatrix.gateway.uplink.formats import cayenne, foreign_cbor, named, pack, senml, strict_json, text

NOW_MS = 1_700_000_000_000
SEEDS = (
    cbor2.dumps({"temperature": 21.4, "humidity": 45, "age": 60}),
    cbor2.dumps([{-2: "a:", -3: 1_699_999_000, 0: "temperature", 1: "Cel", 2: 21.4}, {0: "power", 5: 3600, 6: -5}]),
    b'{"temperature": 21.4, "motion": true, "humidity": null}',
    b'[{"bn":"a:","bt":1.276020076e9,"n":"temperature","u":"K","v":293.15},{"n":"word_300","v":1}]',
    b"21.4 Cel",
    bytes.fromhex("03670110056700ff018806765ff2960a0003e8067104d2fb2e0000"),
)


def _holds(moments: tuple[Readings, ...]) -> None:
    """What is stored reads again as the same moments."""
    body, newest = pack.body(moments)
    again = pack.moments(body)
    assert [(one.values, one.age_s + newest, one.beyond) for one in again] == [
        (one.values, one.age_s, one.beyond) for one in moments
    ]
    assert pack.is_pack(body) == (len(moments) > 1)
    cbor.decode_untrusted(body)


def cbor_value(data: bytes) -> None:
    """foreign_cbor.decode_untrusted."""
    foreign_cbor.decode_untrusted(data)


def json_value(data: bytes) -> None:
    """strict_json.decode_untrusted."""
    strict_json.decode_untrusted(data)


def cbor_map(data: bytes) -> None:
    """named.read_cbor_untrusted."""
    _holds(named.read_cbor_untrusted(data))


def json_map(data: bytes) -> None:
    """named.read_json_untrusted."""
    _holds(named.read_json_untrusted(data))


def senml_cbor(data: bytes) -> None:
    """senml.read_cbor_untrusted."""
    _holds(senml.read_cbor_untrusted(data, NOW_MS))


def senml_json(data: bytes) -> None:
    """senml.read_json_untrusted."""
    _holds(senml.read_json_untrusted(data, NOW_MS))


def number(data: bytes) -> None:
    """text.read_untrusted."""
    _holds(text.read_untrusted(data, "temperature"))


def lpp(data: bytes) -> None:
    """cayenne.read_untrusted."""
    _holds(cayenne.read_untrusted(data, {2: "soil-moisture", 3: "voltage"}))
