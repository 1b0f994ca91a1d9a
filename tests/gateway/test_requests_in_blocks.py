"""Records in blocks: stored once and whole, under one name whatever is said again; refused before they are all here."""

import pytest

from comatrix.codec import cbor, coap, codes
from comatrix.codec.option_numbers import BLOCK1, BLOCK2, CONTENT_FORMAT, REQUEST_TAG, SIZE1, URI_PATH, uint
from comatrix.codec.records import Command, Readings, Result, Text, encode
from comatrix.session.shaping import block_value
from tests.gateway.test_mail_in_answers import SHED_ADDRESS, Scene

LONG = Text("ä" * 900)
Options = list[tuple[int, bytes]]


class InBlocks(Scene):
    """A node that sends in blocks of 1,024 or 512 bytes."""

    def block(self, path: str, body: bytes, number: int, exponent: int = 5, more_options: Options | None = None) -> int:
        """One block, under OSCORE -> the code of its answer."""
        size = 16 << exponent
        part = body[number * size : (number + 1) * size]
        option = (BLOCK1, block_value(number, (number + 1) * size < len(body), exponent))
        code, options, _ = self.ask(path, payload=part, options=sorted([option, *(more_options or [])]))
        assert code >= codes.BAD_REQUEST or option in options
        return code

    def whole(self, path: str, body: bytes, exponent: int = 5) -> list[int]:
        """All of them."""
        blocks = -(-len(body) // (16 << exponent))
        return [self.block(path, body, number, exponent) for number in range(blocks)]

    def plain(self, mid: int, options: Options, payload: bytes, path: bytes = b"m") -> coap.Message:
        """A request of the node that speaks plain CoAP, and its answer."""
        given = sorted([(URI_PATH, path), *options])
        self.world.receive(coap.encode(coap.Message(coap.CON, coap.POST, mid, b"T", given, payload)), SHED_ADDRESS)
        (answer,) = self.world.take()
        return coap.decode_untrusted(answer)

    def plain_block(self, mid: int, body: bytes, number: int, tag: bytes = b"") -> coap.Message:
        """One block of a plain node's text."""
        part = body[number * 1024 : (number + 1) * 1024]
        option = BLOCK1, block_value(number, (number + 1) * 1024 < len(body), 6)
        return self.plain(mid, [option, (REQUEST_TAG, tag)], part)


@pytest.fixture
def scene() -> InBlocks:
    found = InBlocks()
    found.mail.items.clear()
    return found


@pytest.mark.parametrize(
    ("path", "record", "kind"),
    [
        ("m", LONG, "text"),
        ("r", Readings(dict.fromkeys(range(30), 1 << 40)), "readings"),
        ("c", Result(3, 0, "x" * 600), "result"),
    ],
)
def test_every_record_may_come_in_blocks_and_is_stored_as_one(
    scene: InBlocks, path: str, record: object, kind: str
) -> None:
    body = encode(record)  # type: ignore[arg-type]
    said = scene.whole(path, body, exponent=4)
    assert said == [codes.CONTINUE] * (len(said) - 1) + [coap.CHANGED]
    (stored,) = scene.disk.records
    assert (stored.kind, stored.body, stored.seq) == (kind, body, stored.counter)


def test_a_last_block_said_again_under_another_counter_stores_nothing_more(scene: InBlocks) -> None:
    body = encode(LONG)
    scene.whole("m", body)
    assert [scene.block("m", body, 3) for _ in range(3)] == [coap.CHANGED] * 3
    assert len(scene.disk.records) == 1


def test_the_same_text_sent_anew_is_another_record(scene: InBlocks) -> None:
    scene.whole("m", encode(LONG))
    scene.whole("m", encode(LONG))
    assert len(scene.disk.records) == 2


def test_after_a_restart_what_was_unfinished_begins_anew(scene: InBlocks) -> None:
    body = encode(LONG)
    scene.block("m", body, 0)
    scene.world.restart()
    assert scene.block("m", body, 1) == codes.INCOMPLETE
    assert scene.disk.records == []
    assert scene.whole("m", body)[-1] == coap.CHANGED


def test_a_full_disk_is_told_at_each_block_and_the_last_may_come_again(scene: InBlocks) -> None:
    body = encode(LONG)
    for number in range(3):
        scene.block("m", body, number)
    scene.disk.broken = True
    assert scene.block("m", body, 3) == codes.SERVICE_UNAVAILABLE
    scene.disk.broken = False
    assert scene.block("m", body, 3) == coap.CHANGED
    assert len(scene.disk.records) == 1


@pytest.mark.parametrize(
    ("path", "options", "code"),
    [
        ("nowhere", [], codes.NOT_FOUND),
        ("t", [], codes.METHOD_NOT_ALLOWED),
        ("m", [(CONTENT_FORMAT, b"\x32")], codes.UNSUPPORTED_FORMAT),
    ],
)
def test_what_nobody_takes_is_refused_at_its_first_block_and_not_kept(
    scene: InBlocks, path: str, options: Options, code: int
) -> None:
    assert scene.block(path, encode(LONG), 0, more_options=options) == code
    assert len(scene.world.receiver.transfers) == 0


def test_how_long_a_body_may_be_is_told_at_once(scene: InBlocks) -> None:
    block = (BLOCK1, block_value(0, True, 5))
    code, options, _ = scene.ask("d", payload=bytes(512), options=[block, (SIZE1, b"\xff\xff\xff\xff")])
    assert (code, uint(dict(options)[SIZE1])) == (codes.TOO_LARGE, 4160)


def test_a_plain_node_sends_in_blocks_and_its_last_one_again(scene: InBlocks) -> None:
    body = encode(LONG)
    codes_said = [scene.plain_block(mid, body, number).code for mid, number in enumerate((0, 1, 1))]
    assert codes_said == [codes.CONTINUE, coap.CHANGED, coap.CHANGED]
    (stored,) = scene.disk.records
    assert (stored.node, stored.body) == (8, body)


def test_two_bodies_of_a_plain_node_with_request_tags_never_mix(scene: InBlocks) -> None:
    one, other = encode(Text("a" * 1020), 1), encode(Text("b" * 1020), 2)
    scene.plain_block(1, one, 0, b"1")
    scene.plain_block(2, other, 0, b"2")
    assert scene.plain_block(5, one, 1, b"1").code == coap.CHANGED
    assert scene.plain_block(6, other, 1, b"2").code == coap.CHANGED
    assert [record.seq for record in scene.disk.records] == [1, 2]


def test_an_answer_comes_in_blocks_as_small_as_a_node_asks_for(scene: InBlocks) -> None:
    scene.mail.items[7] = Command(3, "a text of 20 letters", [])
    parts = []
    for number in range(2):
        block = (BLOCK2, block_value(number, False, 0))
        (answer,) = scene.post("c", code=coap.GET, options=[block])
        code, options, payload, _ = scene.sender.answer(scene.counter, answer)
        assert (code, dict(options)[BLOCK2]) == (coap.CONTENT, block_value(number, number == 0, 0))
        parts.append(payload)
    assert len(parts[0]) == 16
    assert cbor.decode_untrusted(b"".join(parts)) == [3, "a text of 20 letters"]
