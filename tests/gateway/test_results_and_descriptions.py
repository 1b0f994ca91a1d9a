"""What nodes say of themselves and of what they were told: results in the log, descriptions with the mailbox."""

import pytest

from comatrix.codec import coap, codes
from comatrix.codec.description import Description, Method, Setting
from comatrix.codec.option_numbers import BLOCK1, uint_bytes
from comatrix.codec.records import Hello, Readings, Result, encode
from tests.gateway.test_mail_in_answers import ITEM, Scene

GARDEN = Description([Setting("interval", "s", 10, 86_400)], [Method("blink")])
HASH = b"\x01\x02\x03\x04"


@pytest.fixture
def scene() -> Scene:
    scene = Scene()
    scene.mail.items.clear()
    return scene


def wide(size: int) -> bytes:
    """A description of so many bytes."""
    full: list[Setting | str] = [Setting(f"s{number:022}", "x" * 23) for number in range(8)]  # 49 bytes each
    methods = [Method(f"m{number}", full) for number in range((size - 60) // 400)]
    for count in range(11):
        settings = [Setting(f"t{number:022}", "x" * 23) for number in range(count)]
        rest = size - len(encode(Description(settings, methods))) - 3
        if 1 <= rest <= 46:
            settings.append(Setting("u" * min(rest, 23), "x" * max(0, rest - 23)))
            break
    body = encode(Description(settings, methods))
    assert len(body) == size
    return body


def test_a_result_is_stored_in_no_room_and_told_once_it_is_on_disk(scene: Scene) -> None:
    scene.disk.hold = True
    assert scene.post("c", Result(3, 1, "too hot")) == []
    assert scene.mail.calls == []
    scene.disk.sync()
    (answer,) = scene.world.take()
    code, _, _, own = scene.sender.answer(scene.counter, answer)
    assert (code, own) == (coap.CHANGED, None)
    assert scene.mail.calls == [("result",)]
    (record,) = scene.disk.records
    assert (record.kind, record.room, record.seq, record.body) == (
        "result",
        0,
        scene.counter,
        encode(Result(3, 1, "too hot")),
    )


def test_a_repeated_result_is_stored_once_and_acknowledged_again(scene: Scene) -> None:
    assert scene.ask("c", Result(3), seq=9)[0] == scene.ask("c", Result(3), seq=9)[0] == coap.CHANGED
    assert [record.seq for record in scene.disk.records] == [9]


def test_a_result_is_told_before_what_waits_is_asked_for(scene: Scene) -> None:
    scene.mail.items[7] = ITEM
    scene.ask("c", Result(2))
    assert scene.mail.calls == [("result",), ("air", 7)]


def test_a_result_is_acknowledged_even_if_the_mailbox_cannot_take_it_yet(scene: Scene) -> None:
    scene.mail.broken = True
    assert scene.ask("c", Result(3))[0] == coap.CHANGED


def test_a_result_that_is_not_on_disk_is_told_to_nobody(scene: Scene) -> None:
    scene.disk.broken = True
    assert scene.ask("c", Result(3))[0] == codes.SERVICE_UNAVAILABLE
    assert scene.mail.calls == []


def test_what_is_no_result_is_refused(scene: Scene) -> None:
    assert scene.ask("c", Readings({0: 1}))[0] == codes.BAD_REQUEST
    assert scene.disk.records == []


def test_a_description_that_is_not_known_is_asked_for_until_it_is_here(scene: Scene) -> None:
    asked = [scene.ask("h", Hello(description=HASH))[2].describe for _ in range(2)]
    scene.mail.hashes[7] = HASH
    assert [*asked, scene.ask("h", Hello(description=HASH))[2].describe] == [True, True, False]
    assert scene.ask("h", Hello(description=b"\xff" * 4))[2].describe
    assert not scene.ask("h", Hello())[2].describe


def test_no_item_goes_out_beside_the_question_for_a_description(scene: Scene) -> None:
    """What a number meant when the item was checked it may not mean to a node that describes itself otherwise."""
    scene.mail.items[7] = ITEM
    answer = scene.ask("h", Hello(description=HASH))[2]
    assert (answer.describe, answer.item) == (True, None)
    assert scene.mail.calls == []


def test_the_highest_id_a_node_executed_is_told_before_an_item_gets_its_own(scene: Scene) -> None:
    scene.mail.items[7] = ITEM
    assert scene.ask("h", Hello(executed=12))[2].item == ITEM
    assert scene.mail.calls == [("executed", 7, 12), ("air", 7)]
    scene.mail.broken = True
    assert scene.ask("h", Hello(executed=13))[0] == codes.SERVICE_UNAVAILABLE


@pytest.mark.parametrize("seq", [None, 4])
def test_a_description_is_kept_as_it_came_and_answered_under_a_fresh_counter(scene: Scene, seq: int | None) -> None:
    code, _, _ = scene.ask("d", GARDEN, seq=seq)
    assert code == coap.CHANGED
    assert scene.own is not None
    assert scene.mail.bodies == {7: encode(GARDEN)}
    assert scene.disk.records == []


def test_an_item_goes_out_with_the_answer_to_a_description(scene: Scene) -> None:
    scene.mail.items[7] = ITEM
    assert scene.ask("d", GARDEN)[2].item == ITEM
    assert scene.mail.calls == [("describe", 7), ("air", 7)]


def test_a_description_whose_counter_is_not_on_disk_is_not_taken(scene: Scene) -> None:
    """Or a copy of an old one, after a crash, would give the numbers of commands another meaning."""
    scene.disk.hold = True
    scene.post("d", GARDEN)
    assert scene.mail.bodies == {}
    scene.disk.sync()
    (context,) = scene.disk.contexts.values()
    assert (context.highest, len(scene.world.take())) == (scene.counter, 1)
    assert scene.mail.bodies != {}


def test_a_description_that_cannot_be_stored_is_asked_again_later(scene: Scene) -> None:
    scene.mail.broken = True
    assert scene.ask("d", GARDEN)[0] == codes.SERVICE_UNAVAILABLE


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ({"payload": wide(1024)}, coap.CHANGED),
        ({"payload": b"\x83\x80\x80"}, codes.BAD_REQUEST),
        ({"payload": b"\x82\x80\x80"}, codes.BAD_REQUEST),
        ({"payload": b"\x83\x80\x80\xa0\x00"}, codes.BAD_REQUEST),
        ({"payload": b"\x83\x81\x81\x60\x80\xa0"}, codes.BAD_REQUEST),
        ({"payload": b""}, codes.BAD_REQUEST),
        ({"record": GARDEN, "options": [(BLOCK1, b"\x0f")]}, codes.BAD_REQUEST),
        ({"record": GARDEN, "options": [(BLOCK1, b"\x15")]}, codes.INCOMPLETE),
        ({"code": coap.GET}, codes.METHOD_NOT_ALLOWED),
    ],
)
def test_only_a_description_is_taken(scene: Scene, parts: dict[str, object], code: int) -> None:
    assert scene.ask("d", **parts)[0] == code
    assert (scene.mail.bodies != {}) == (code == coap.CHANGED)


def in_blocks(scene: Scene, body: bytes, size: int = 512) -> list[int]:
    """A body in blocks of 512 -> the codes it got; each answer names its block."""
    said = []
    for at in range(0, len(body), size):
        more = 8 if at + size < len(body) else 0
        block = (BLOCK1, uint_bytes(at // size << 4 | more | 5))
        code, options, _ = scene.ask("d", payload=body[at : at + size], options=[block])
        assert block in options
        said.append(code)
    return said


@pytest.mark.parametrize(
    ("size", "last"), [(1025, coap.CHANGED), (4096, coap.CHANGED), (4161, codes.TOO_LARGE), (9000, codes.INCOMPLETE)]
)
def test_a_description_of_up_to_4096_bytes_comes_in_blocks(scene: Scene, size: int, last: int) -> None:
    body = wide(size) if size <= 4096 else bytes(size)
    said = in_blocks(scene, body)
    assert said[:2] == [codes.CONTINUE] * 2
    assert said[-1] == last
    assert scene.mail.bodies == ({7: body} if last == coap.CHANGED else {})


def test_blocks_that_make_no_description_are_malformed_and_the_one_before_stays(scene: Scene) -> None:
    in_blocks(scene, wide(2000))
    assert in_blocks(scene, b"\xff" * 2000)[-1] == codes.BAD_REQUEST
    assert scene.mail.bodies == {7: wide(2000)}


def test_a_block_counts_once_its_counter_is_on_disk(scene: Scene) -> None:
    body = wide(1025)
    scene.disk.hold = True
    for number, more in ((0, 8), (1, 8), (2, 0)):
        part = body[number * 512 : (number + 1) * 512]
        scene.post("d", payload=part, options=[(BLOCK1, uint_bytes(number << 4 | more | 5))])
    assert scene.mail.bodies == {}
    scene.disk.sync()
    assert scene.mail.bodies == {7: body}
