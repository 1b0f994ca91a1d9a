"""The hostile inputs of layer block, where a body may come in blocks: in plain and under a node's seal."""

import json
from pathlib import Path
from typing import Any

import pytest

from comatrix.codec import coap, codes
from comatrix.codec.option_numbers import BLOCK1, CONTENT_FORMAT, REQUEST_TAG, SIZE1, URI_PATH, uint
from comatrix.codec.records import Text, encode
from comatrix.session.shaping import block_value
from tests.gateway.test_mail_in_answers import SHED_ADDRESS
from tests.gateway.test_requests_in_blocks import InBlocks

ROWS = json.loads((Path(__file__).parents[1] / "vectors" / "hostile_blocks.json").read_text())
STATED = {
    "block-02": codes.INCOMPLETE,
    "block-04": codes.BAD_REQUEST,
    "block-06": codes.BAD_OPTION,
    "block-08": codes.TOO_LARGE,
    "block-10": codes.INCOMPLETE,
    "block-12": codes.BAD_OPTION,
}


@pytest.fixture
def scene() -> InBlocks:
    found = InBlocks()
    found.mail.items.clear()
    return found


def to_m(row: dict[str, Any]) -> coap.Message:
    """The row's message, to the resource that takes texts, in their own format."""
    message = coap.decode_untrusted(bytes.fromhex(row["hex"]))
    kept = [(number, value) for number, value in message.options if number not in (URI_PATH, CONTENT_FORMAT)]
    message.options = [(URI_PATH, b"m"), *kept]
    return message


def plain(scene: InBlocks, message: coap.Message) -> list[coap.Message]:
    scene.world.receive(coap.encode(message), SHED_ADDRESS)
    return [coap.decode_untrusted(data) for data in scene.world.take()]


def test_there_is_an_answer_for_each() -> None:
    assert {row["id"] for row in ROWS} == set(STATED)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row["id"]))
def test_in_plain_it_gets_what_is_stated_and_nothing_is_kept(scene: InBlocks, row: dict[str, Any]) -> None:
    message = to_m(row)
    (answer,) = plain(scene, message)
    assert answer.code == STATED[row["id"]]
    if answer.code == codes.TOO_LARGE:
        assert uint(dict(answer.options)[SIZE1]) == 4160
    assert len(scene.world.receiver.transfers) == 0
    (unknown,) = plain(scene, coap.Message(coap.CON, coap.POST, 9, b"", [(URI_PATH, b"s"), *message.options[1:]], b"x"))
    assert unknown.code in (codes.NOT_FOUND, codes.BAD_OPTION), "where there is no resource no body is looked at"
    assert scene.disk.records == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row["id"]))
def test_under_a_seal_alike(scene: InBlocks, row: dict[str, Any]) -> None:
    message = to_m(row)
    code, _, _ = scene.ask("m", payload=message.payload, options=list(message.options[1:]))
    assert code == STATED[row["id"]]
    assert len(scene.world.receiver.transfers) == 0
    assert scene.disk.records == []


def test_blocks_of_two_bodies_are_not_interchanged_where_request_tags_tell_them_apart(scene: InBlocks) -> None:
    """block-10: the same token and message id, another body."""
    one, other = encode(Text("a" * 1024)), encode(Text("b" * 1024))

    def block(mid: int, body: bytes, number: int, tag: bytes) -> int:
        options = [(URI_PATH, b"m"), (BLOCK1, block_value(number, number == 0, 6)), (REQUEST_TAG, tag)]
        part = body[number * 1024 : (number + 1) * 1024]
        (answer,) = plain(scene, coap.Message(coap.CON, coap.POST, mid, b"T", options, part))
        return answer.code

    assert block(1, one, 0, b"1") == codes.CONTINUE
    assert block(1, other, 1, b"2") == codes.INCOMPLETE
    assert block(2, one, 1, b"1") == coap.CHANGED
    assert [record.body for record in scene.disk.records] == [one]
