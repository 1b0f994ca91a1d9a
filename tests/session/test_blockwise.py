"""Bodies in blocks: whole or not at all, one at a time a sender, nothing of an older body in a newer one, capped."""

from random import Random

import pytest

from comatrix.codec.coap import CHANGED
from comatrix.codec.codes import BAD_REQUEST, CONTINUE, INCOMPLETE, TOO_LARGE
from comatrix.session.blockwise import Bodies, read_block_untrusted
from comatrix.session.duplicates import EXCHANGE_LIFETIME_MS

BODY = bytes(range(100)) * 2


def option(number: int, more: bool, exponent: int = 2) -> bytes:
    """A Block1 value; exponent 2 is 64 bytes."""
    value = number << 4 | more << 3 | exponent
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def blocks(body: bytes = BODY, size: int = 64) -> list[tuple[bytes, bytes]]:
    """(option, payload) of each block."""
    starts = range(0, len(body), size)
    return [(option(at // size, at + size < len(body)), body[at : at + size]) for at in starts]


class Sending:
    """One sender whose counters grow."""

    def __init__(self, most: int = 1000) -> None:
        self.bodies = Bodies(most, most_open=4)
        self.counter = 0
        self.now = 0

    def send(
        self,
        option: bytes,
        payload: bytes,
        *,
        sender: object = 7,
        counter: int | None = None,
        operation: object = None,
        announced: int = 0,
    ) -> tuple[int, bytes]:
        self.counter += 1
        said = self.counter if counter is None else counter
        return self.bodies.take(sender, said, option, payload, self.now, operation, announced)


def test_blocks_make_a_body() -> None:
    world = Sending()
    said = [world.send(*block) for block in blocks()]
    assert said == [(CONTINUE, b"")] * 3 + [(CHANGED, BODY)]


def test_a_block_that_comes_again_changes_nothing_the_last_one_too() -> None:
    world = Sending()
    said = [world.send(*block) for block in blocks() for _ in range(3)]
    assert said == [(CONTINUE, b"")] * 9 + [(CHANGED, BODY)] * 3


def test_one_block_may_be_all() -> None:
    assert Sending().send(option(0, False), b"short") == (CHANGED, b"short")


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_where_one_is_missing_all_begins_anew(missing: int) -> None:
    world = Sending()
    parts = blocks()
    del parts[missing]
    assert [world.send(*block)[0] for block in parts][missing] == INCOMPLETE
    assert [world.send(*block) for block in blocks()][-1] == (CHANGED, BODY)


def test_block_0_begins_anew() -> None:
    world = Sending()
    for block in blocks()[:2]:
        world.send(*block)
    other = bytes(reversed(BODY))
    assert [world.send(*block) for block in blocks(other)][-1] == (CHANGED, other)


def test_a_block_held_back_from_an_older_body_never_gets_into_a_newer_one() -> None:
    world = Sending()
    old = blocks(bytes(200))
    world.send(*old[0])
    held_back = world.counter + 1
    world.counter += 1
    new = blocks()
    world.send(*new[0])
    assert world.send(*old[1], counter=held_back) == (INCOMPLETE, b"")
    assert [world.send(*block) for block in new[1:]][-1] == (CHANGED, BODY)


def test_an_old_block_0_does_not_begin_anew() -> None:
    world = Sending()
    world.send(*blocks(bytes(200))[0])
    for block in blocks()[:2]:
        world.send(*block)
    assert world.send(*blocks(bytes(200))[0], counter=1) == (INCOMPLETE, b"")
    assert [world.send(*block) for block in blocks()[2:]][-1] == (CHANGED, BODY)


def test_senders_do_not_mix() -> None:
    world = Sending()
    for block in blocks():
        said = [world.send(*block, sender=sender) for sender in (1, 2, 3)]
    assert said == [(CHANGED, BODY)] * 3


def test_a_body_that_is_too_long_is_refused_and_forgotten() -> None:
    world = Sending(most=150)
    assert [world.send(*block)[0] for block in blocks()] == [CONTINUE, CONTINUE, TOO_LARGE, INCOMPLETE]
    assert len(world.bodies) == 0


def test_ten_thousand_unfinished_bodies_take_the_memory_of_a_few() -> None:
    world = Sending()
    for sender in range(10_000):
        world.send(*blocks()[0], sender=sender)
    assert len(world.bodies) == 4
    assert world.send(*blocks()[1], sender=9_999) == (CONTINUE, b"")
    assert world.send(*blocks()[1], sender=5) == (INCOMPLETE, b"")


def test_a_sender_has_two_bodies_open_at_most_and_the_stalest_goes() -> None:
    world = Sending()
    for operation in (b"a", b"b", b"c"):
        world.now += 1
        assert world.send(*blocks()[0], operation=operation) == (CONTINUE, b"")
    assert len(world.bodies) == 2
    said = [world.send(*blocks()[1], operation=operation)[0] for operation in (b"a", b"b", b"c")]
    assert said == [INCOMPLETE, CONTINUE, CONTINUE]


def test_one_sender_never_takes_the_place_of_another() -> None:
    world = Sending()
    world.send(*blocks()[0], sender=1)
    for operation in range(100):
        world.now += 1
        world.send(*blocks()[0], sender=2, operation=operation)
    assert world.send(*blocks()[1], sender=1) == (CONTINUE, b"")


def test_a_size_that_is_announced_too_large_is_refused_before_anything_is_kept() -> None:
    world = Sending()
    assert world.send(*blocks()[0], announced=1001) == (TOO_LARGE, b"")
    assert len(world.bodies) == 0
    assert world.send(*blocks()[0], announced=1000) == (CONTINUE, b"")


def test_blocks_may_become_smaller_on_the_way() -> None:
    world = Sending()
    assert world.send(*blocks()[0])[0] == CONTINUE
    small = blocks(size=16)
    assert [world.send(option(at, more=at < 12, exponent=0), small[at][1]) for at in range(4, 13)][-1] == (
        CHANGED,
        BODY,
    )


def test_what_is_silent_for_an_exchange_lifetime_is_forgotten() -> None:
    world = Sending()
    world.send(*blocks()[0])
    world.now = EXCHANGE_LIFETIME_MS - 1
    assert world.send(*blocks()[1])[0] == CONTINUE
    world.now += EXCHANGE_LIFETIME_MS
    assert world.send(*blocks()[2])[0] == INCOMPLETE
    assert len(world.bodies) == 0


@pytest.mark.parametrize(
    ("value", "payload"),
    [
        (b"\x07", b"x" * 16),  # the reserved size
        (b"\x01\x00\x00\x00", b"x"),
        (option(0, True), b"x" * 63),
        (option(0, True), b"x" * 65),
        (option(0, False), b"x" * 65),
        (option(0, False), b""),
    ],
)
def test_what_is_no_block_is_malformed(value: bytes, payload: bytes) -> None:
    world = Sending()
    assert world.send(value, payload) == (BAD_REQUEST, b"")
    assert len(world.bodies) == 0


def test_an_option_names_number_more_and_size() -> None:
    assert read_block_untrusted(b"") == (0, False, 16)
    assert read_block_untrusted(bytes((3 << 4 | 8 | 5,))) == (3, True, 512)
    with pytest.raises(ValueError, match="no block"):
        read_block_untrusted(b"\x0f")


def test_whatever_comes_nothing_is_raised_and_one_body_at_most_is_kept() -> None:
    random = Random(4)
    world = Sending()
    for _ in range(20_000):
        block = random.choice(blocks()) if random.random() < 0.6 else (random.randbytes(random.randrange(4)), b"y" * 16)
        code, body = world.send(*block)
        assert (body != b"") == (code == CHANGED)
        assert len(body) <= 1000
        assert len(world.bodies) <= 1


def test_a_first_block_held_back_does_not_take_the_place_of_a_body_that_was_dropped() -> None:
    """Else the newer body would go on in it: counters tell which came first, also of what is no more."""
    world = Sending()
    old = blocks(bytes(200))
    held_back = world.counter = 1
    world.send(*blocks()[0])
    world.now += EXCHANGE_LIFETIME_MS
    assert world.send(*old[0], counter=held_back) == (INCOMPLETE, b"")
    assert world.send(*blocks()[1])[0] == INCOMPLETE
    for operation in range(3):
        world.send(*blocks()[0], operation=operation)
    assert world.send(*old[0], counter=held_back, operation=0) == (INCOMPLETE, b"")
    assert [world.send(*block) for block in blocks()][-1] == (CHANGED, BODY)
