"""What a node announces of its readings' packing, and packed readings as the records they would have been over UDP."""

from datetime import UTC

import pytest
from comatrix_lora.errors import FrameError
from comatrix_lora.hub_events import Record as HubRecord
from comatrix_lora.rules import Aged, Data, History
from comatrix_lora.schema import MISSING, OUT_OF_RANGE, Field, Schema, climate, encode_older

from comatrix.codec import cbor
from comatrix.codec.description import Description
from comatrix.codec.records import Readings, read_readings
from comatrix.errors import WireError
from comatrix.gateway.model import Node, Record
from comatrix.gateway.uplink.node_schemas import (
    Values,
    announced_untrusted,
    readings_body,
    schemas_of,
    unpack_raw_untrusted,
)
from comatrix.gateway.uplink.rendering import event_content
from tests.lora.link_by_hand import Link
from tests.lora.test_link_hostile import frame

STATION = Schema([Field(0, -4000, 8500), Field(3, 3000, 11000, 5)])


def described(schemas: dict[int, list[int]]) -> bytes:
    return cbor.encode(Description(schemas=schemas).body())


def shown(body: bytes) -> dict[str, object]:
    """The event of one such record of readings."""
    record = Record(1, 7, 1, 1, 1, "readings", body, 0, 0, False)
    return event_content([record], {7: Node(7, "garden", 1, 1)}, txn_id="a", timezone=UTC)


def test_schema_0_is_there_whatever_a_node_says_or_does_not() -> None:
    for description in (None, b"", b"\xff", described({}), described({4: STATION.as_list()})):
        assert schemas_of(description)[0].as_list() == climate().as_list()


def test_the_schemas_of_a_description_are_known_by_their_codes() -> None:
    whole = [number for word in range(8) for number in (word, 0, 9, 1)]
    found = schemas_of(described({1: STATION.as_list(), 270: whole}))
    assert {code: schema.as_list() for code, schema in found.items()} == {
        0: climate().as_list(), 1: STATION.as_list(), 270: whole,
    }  # fmt: skip


def test_what_is_no_schema_is_left_out_and_told() -> None:
    told: list[str] = []
    bad = {
        1: [0, 9, 0, 1],
        2: [0, 0, 9, 0],
        3: [0, 0, 9, 2],
        4: [0, 0, 9, 1] * 2,
        5: [-1, 0, 9, 1],
        6: STATION.as_list(),
    }
    assert sorted(schemas_of(described(bad), told.append)) == [0, 6]
    assert [one.split(":")[0] for one in told] == [f"schema {code}" for code in range(1, 6)]
    schemas_of(b"\x80", told.append)
    assert told[-1].startswith("no description")
    with pytest.raises(WireError):
        announced_untrusted(b"\x80")


def test_values_become_the_body_that_udp_would_have_brought() -> None:
    assert (
        readings_body({0: 2137, 1: 452})
        == cbor.encode(Readings({0: 2137, 1: 452}).body())
        == b"\xa2\x00\x19\x08\x59\x01\x19\x01\xc4"
    )


def test_a_missing_word_is_left_out_and_one_out_of_range_is_said_to_be() -> None:
    body = readings_body({0: 2137, 1: OUT_OF_RANGE, 2: MISSING})
    assert body is not None
    said = read_readings(cbor.decode_untrusted(body))
    assert (said.values, said.beyond) == ({0: 2137}, (1,))
    content = shown(body)
    assert content["body"] == "garden: 21.37 °C, humidity out of range"
    assert content["eu.comatrix.telemetry"]["records"][0]["readings"] == [  # type: ignore[index]
        {"n": "temperature", "u": "Cel", "v": "21.37"},
        {"n": "humidity", "u": "%RH", "vs": "out of range"},
    ]


def test_nothing_but_marks_is_still_told_unless_all_is_missing() -> None:
    body = readings_body({0: OUT_OF_RANGE, 777: OUT_OF_RANGE})
    assert body is not None
    assert shown(body)["body"] == "garden: temperature out of range, word 777: out of range"
    assert readings_body({0: MISSING, 1: MISSING}) is None


OLDER: list[Values] = [{0: 2137, 3: 4000}, {0: 2138, 3: OUT_OF_RANGE}, {0: -4000, 3: 4005}]
PACKED = STATION.pack(OLDER[0]) + encode_older(STATION, OLDER[0], OLDER[1]) + encode_older(STATION, OLDER[1], OLDER[2])


@pytest.mark.parametrize("rule", [
    Data(9, STATION.pack(OLDER[0])),
    History(9, 2, 1 << 0, PACKED),
    Aged(9, 0, [5, 700, 900], PACKED, 2, 1 << 0),
])  # fmt: skip
def test_a_frame_of_an_unknown_schema_is_kept_and_says_the_same_when_its_description_came(
    rule: Data | History | Aged,
) -> None:
    link = Link()
    [heard] = link.hear(True, frame(link, True, rule))
    [raw] = heard.records
    assert isinstance(raw, HubRecord) and raw.values is None
    known = schemas_of(described({9: STATION.as_list()}))[9]
    count = len(raw.seqs)
    assert unpack_raw_untrusted(known, raw.body, raw.seqs) == [
        (seq, readings_body(said)) for seq, said in zip(raw.seqs, OLDER[:count], strict=True)
    ]


def test_raw_readings_of_another_schema_or_number_are_refused() -> None:
    for values, seqs in ((PACKED, [5, 4]), (PACKED, [5, 4, 3, 2]), (PACKED[:-1], [5, 4, 3]), (b"", [5])):
        with pytest.raises(FrameError):
            unpack_raw_untrusted(STATION, values, seqs)
