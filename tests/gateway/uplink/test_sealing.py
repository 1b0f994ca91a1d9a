"""One event's content: what fits, in order, in bytes Matrix takes."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any

import pytest

from comatrix.codec import cbor
from comatrix.gateway.model import Node, Record
from comatrix.gateway.uplink.sealing import canonical, compose, in_order, txn_id

NODES = {1: Node(1, "garden", 1, 1), 2: Node(2, "attic", 1, 1)}


def _record(
    id: int, node: int = 1, seq: int | None = None, body: bytes | None = None, kind: str = "readings"
) -> Record:
    body = cbor.encode({0: 2137}) if body is None else body
    return Record(id, node, 1, id if seq is None else seq, 1, kind, body, 0, 0, False)


def _sized(records: Sequence[Record], nodes: Mapping[int, Node], **more: object) -> dict[str, Any]:
    return {"body": "x" * 1000 * len(records)}


def test_a_transaction_id_names_instance_row_and_kind() -> None:
    assert txn_id("0011223344556677", 42, "msg") == "0011223344556677.42.msg"


def test_everything_that_fits_is_one_event_with_its_id() -> None:
    draft = compose([_record(id) for id in range(1, 11)], NODES, txn_id="a.1.msg", timezone=UTC)
    content = json.loads(draft.content)
    assert content["eu.comatrix.id"] == "a.1.msg"
    assert content["msgtype"] == "m.notice"
    assert [record.id for record in draft.members] == list(range(1, 11))


def test_200_records_of_the_longest_texts_stay_in_the_budget() -> None:
    texts = [_record(id, body=cbor.encode(["\U0001f33b" * 1024]), kind="text") for id in range(1, 201)]
    draft = compose(texts, NODES, txn_id="a.1.msg", timezone=UTC)
    assert len(draft.content) <= 60_000
    assert [record.id for record in draft.members] == list(range(1, len(draft.members) + 1))


@pytest.mark.parametrize(("count", "members"), [(59, 59), (60, 30), (200, 50), (1, 1)])
def test_too_much_is_halved(count: int, members: int) -> None:
    records = [_record(id) for id in range(1, count + 1)]
    draft = compose(records, NODES, txn_id="a.1.msg", timezone=UTC, render=_sized)
    assert [record.id for record in draft.members] == list(range(1, members + 1))


def test_never_below_one() -> None:
    draft = compose([_record(1), _record(2)], NODES, txn_id="", timezone=UTC, limit_bytes=10, render=_sized)
    assert [record.id for record in draft.members] == [1]


def test_each_nodes_records_stand_by_seq_where_they_arrived() -> None:
    arrived = [_record(1, seq=5), _record(2, node=2, seq=9), _record(3, seq=4), _record(4, node=2, seq=8)]
    assert [(r.node, r.seq) for r in in_order(arrived)] == [(1, 4), (2, 8), (1, 5), (2, 9)]


@pytest.mark.parametrize("value", [0.5, {"a": [1, {"b": 1.0}]}, 1 << 53, -(1 << 53), "\ud800", {"\udfff": 1}])
def test_what_a_homeserver_refuses_is_never_made(value: object) -> None:
    with pytest.raises(ValueError):
        canonical({"value": value})


def test_bytes_are_canonical() -> None:
    assert canonical({"b": "ü", "a": [True, None, -1]}) == '{"a":[true,null,-1],"b":"ü"}'.encode()
