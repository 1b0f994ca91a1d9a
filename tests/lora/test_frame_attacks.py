"""A frame that was changed, replayed, reflected, misled or cut changes nothing, whatever its kind and direction."""

import random
from typing import Any

import pytest
from comatrix_lora.errors import FrameError
from comatrix_lora.frame import Peer, nonce, open_untrusted
from comatrix_lora.header import parse_untrusted

from tests.lora.frame_sides import KINDS, NODE, Sides, aad, every_kind, heard, remembered, silent

FRAMES = [one[1:] for one in every_kind()]
each_kind = pytest.mark.parametrize(("frame", "hearer", "sender", "neighbour"), FRAMES, ids=list(KINDS))


@each_kind
def test_every_flipped_bit_fails_and_changes_nothing(frame: bytes, hearer: Peer, sender: Peer, neighbour: Peer) -> None:
    for place in range(8 * len(frame)):
        flipped = bytearray(frame)
        flipped[place >> 3] ^= 0x80 >> (place & 7)
        assert silent(hearer, bytes(flipped)), place


@each_kind
def test_every_other_first_byte_fails(frame: bytes, hearer: Peer, sender: Peer, neighbour: Peer) -> None:
    for b0 in range(256):
        assert b0 == frame[0] or silent(hearer, bytes((b0,)) + frame[1:])


@each_kind
def test_a_reflected_frame_changes_nothing(frame: bytes, hearer: Peer, sender: Peer, neighbour: Peer) -> None:
    assert silent(sender, frame)
    assert silent(sender, bytes((frame[0] ^ 0x20,)) + frame[1:])


@each_kind
def test_a_neighbour_is_not_moved(frame: bytes, hearer: Peer, sender: Peer, neighbour: Peer) -> None:
    assert silent(neighbour, frame)
    place = 2 if parse_untrusted(frame).long else 1
    assert silent(neighbour, frame[:place] + bytes((neighbour.node,)) + frame[place + 1 :])


@each_kind
def test_a_frame_cut_anywhere_changes_nothing(frame: bytes, hearer: Peer, sender: Peer, neighbour: Peer) -> None:
    for size in range(len(frame)):
        assert silent(hearer, frame[:size])
    assert silent(hearer, frame + b"\x00")


@pytest.mark.parametrize("name", list(KINDS))
def test_a_replayed_frame_changes_nothing(name: str) -> None:
    _, frame, hearer, _, _ = next(one for one in every_kind() if one[0] == name)
    heard(hearer, frame)
    assert silent(hearer, frame)


@pytest.mark.parametrize("name", list(KINDS))
def test_the_same_frame_in_the_other_form_says_nothing_else(name: str) -> None:
    """Whoever rewrites a header can only say the same: the counter the tag stands for, and it is taken once."""
    sides = Sides()
    frame = KINDS[name](sides)
    hearer = sides.gateway if name.startswith("node") else sides.node
    header = parse_untrusted(frame)
    other = header
    for counter in (40, 41, 50, 51, 300, 301, 302):
        other = parse_untrusted(frame)
        other.long, other.counter = not header.long, counter
        rewritten = other.encode() + frame[header.size :]
        before = remembered(hearer)
        try:
            opened = heard(hearer, rewritten)
        except FrameError:
            assert remembered(hearer) == before
        else:
            assert counter in (opened.counter, opened.request)
            break
    else:
        pytest.fail("no form of it was taken")
    assert silent(hearer, frame)


@pytest.mark.parametrize(
    ("head", "why"),
    [
        ("60", "shorter than a header"),
        ("640007000000", "shorter than its header"),
        ("780701", "shorter than its header"),
        ("200701", "not our version"),
        ("a00701", "not our version"),
        ("610701", "not our version"),
        ("620701", "not our version"),
        ("680701", "not our version"),
        ("600001", "no node has number 0"),
        ("64000000000001", "no node has number 0"),
    ],
)
def test_what_is_no_header_is_refused(head: str, why: str) -> None:
    with pytest.raises(FrameError, match=why):
        parse_untrusted(bytes.fromhex(head))


def test_a_tag_over_nothing_is_no_frame() -> None:
    """Only whoever has the keys can make one."""
    sides = Sides()
    context = sides.node.context
    tag = context.sender.seal(nonce(context.sender_base, 1), aad(context.sender_id, 1), b"")
    assert silent(sides.gateway, bytes((0x60, NODE, 1)) + tag)


def test_noise_changes_nothing() -> None:
    """Half of it looks like frames of the node we know."""
    noise = random.Random(8)
    sides = Sides()
    sides.up(sides.node.seal_request(300, b"\x00abc"))
    before = sides.state()
    for turn in range(20_000):
        data = noise.randbytes(noise.randrange(40))
        if turn % 2:
            data = bytes((0x40 | data[0] & 0x3C if data else 0, NODE)) + data[2:]
        for peer in (sides.node, sides.gateway):
            with pytest.raises(FrameError):
                heard(peer, data)
    assert sides.state() == before


@pytest.mark.slow
def test_much_noise_changes_nothing() -> None:
    noise = random.Random(9)
    sides = Sides()
    before = sides.state()
    for _ in range(100_000):
        data = bytes((0x40 | noise.randrange(64), NODE)) + noise.randbytes(noise.randrange(60))
        for peer in (sides.node, sides.gateway):
            with pytest.raises(FrameError):
                heard(peer, data)
    assert sides.state() == before


def test_low_bytes_alike_are_told_apart_by_the_long_form() -> None:
    """Node 263 is 7 in its low byte; it always speaks long, and short frames are of nodes up to 255."""
    near, far = Sides(7), Sides(263, bytes(16))
    peers: dict[int, list[Any]] = {7: [near.gateway], 263: [far.gateway]}

    def of(number: int) -> list[Any]:
        return peers.get(number, [])

    for counter in range(1, 40):
        assert open_untrusted(near.node.seal_request(counter, b"near"), of)[0] is near.gateway
        frame = far.node.seal_request(counter, b"far")
        assert parse_untrusted(frame).long
        assert open_untrusted(frame, of)[0] is far.gateway
    answer = far.gateway.seal_response(39, b"yes")
    assert far.down(answer).request == 39
    assert silent(near.node, answer)


def test_the_old_keys_are_tried_after_the_new_ones() -> None:
    old, new = Sides(), Sides(secret=bytes(16))
    peers = [new.gateway, old.gateway]
    peer, opened = open_untrusted(old.node.seal_request(9, b"old"), lambda number: peers)
    assert (peer, opened.plain) == (old.gateway, b"old")
    peer, opened = open_untrusted(new.node.seal_request(10, b"new"), lambda number: peers)
    assert (peer, opened.plain) == (new.gateway, b"new")
