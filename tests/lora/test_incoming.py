"""What a node receives in fragments: bounded, whole, and told what is missing; in little memory on a MicroPython."""

from pathlib import Path

import pytest
from comatrix_lora.errors import FrameError
from comatrix_lora.fragment_sender import Sender
from comatrix_lora.incoming import MOST_ITEM, Incoming
from comatrix_lora.rules import Ack, Command, Fragment

from tests.support.micropython import run_script

HEAP = """
import gc
from comatrix_lora.fragment_sender import Sender
from comatrix_lora.incoming import Incoming
from comatrix_lora.rules import Fragment
def used():
    gc.collect()
    return gc.mem_alloc()
def made():
    # Two of three fragments of an item of a kilobyte.
    sender = Sender(1, bytes([i & 255 for i in range(1024)]), 30, 255)
    found = []
    for i in range(64):
        one = sender.next_fragment()
        if i % 3:
            found.append(Fragment("c", one.transfer, one.block, one.k, one.seed, one.data).encode())
    return found
def run(frames):
    # -> (bytes of arguments that came, most heap over what it was)
    before, most, command = used(), 0, None
    incoming = Incoming()
    for plain in frames:
        command = incoming.receive_untrusted(Fragment.read(2, plain[1:]), plain, 0)
        most = max(most, used() - before)
        if command is not None:
            return len(command.arguments), most
frames = made()
run(frames)
print(*run(frames))
"""


def fragments(number: int, content: bytes, size: int = 40) -> list[tuple[Fragment, bytes]]:
    sender, found = Sender(number, content, size, 255), []
    for _ in range(sender.layout.fragments):
        made = sender.next_fragment()
        assert made is not None
        rule = Fragment("c", made.transfer, made.block, made.k, made.seed, made.data, sender.wants_feedback)
        found.append((rule, rule.encode()))
    return found


def told(incoming: Incoming, made: list[tuple[Fragment, bytes]], now: int = 0) -> list[Command]:
    came = [incoming.receive_untrusted(rule, plain, now) for rule, plain in made]
    return [one for one in came if one is not None]


def test_a_question_is_answered_soon_and_once() -> None:
    incoming = Incoming()
    made = fragments(5, b"\x00\x01\xff" + bytes(300))
    assert told(incoming, made[:-1]) == [] and incoming.offers() == []
    [item] = told(incoming, made[-1:], 1000)
    assert (item.id, item.what, item.arguments) == (1, 255, bytes(300))
    [(_, due, _, _)] = incoming.offers()
    assert due == 1040
    said = incoming.rule()
    assert isinstance(said, Ack) and said.base == 5 and said.bitmap & 0x80
    assert incoming.offers() == []


def test_what_is_too_long_is_refused_and_holds_nothing() -> None:
    incoming = Incoming()
    made = fragments(5, bytes(MOST_ITEM + 1), 200)
    assert told(incoming, made) == []
    said = incoming.rule()
    assert isinstance(said, Ack) and (said.base, said.bitmap) == (5, 33)


def test_another_transfer_takes_the_place_of_one_that_is_open() -> None:
    incoming = Incoming()
    for number in range(50):
        assert told(incoming, fragments(number, bytes(1000))[:-1]) == []
    [item] = told(incoming, fragments(60, b"\x00\x02\x01" + bytes(500)))
    assert item.id == 2


def test_fragments_of_anything_else_are_no_item() -> None:
    incoming = Incoming()
    rule = Fragment("d", 1, 0, 1, 0, bytes(10))
    with pytest.raises(FrameError):
        incoming.receive_untrusted(rule, rule.encode(), 0)
    assert incoming.offers() == []


def test_what_came_to_a_stop_is_let_go() -> None:
    incoming = Incoming()
    made = fragments(5, b"\x00\x01\xff" + bytes(300))
    told(incoming, made[:-1])
    incoming.handle_timer(600_000)
    assert told(incoming, made[-1:], 600_001) == []


def test_an_item_of_a_kilobyte_takes_less_than_eight_of_heap(tmp_path: Path) -> None:
    """64-bit words: a board takes less."""
    length, most = (int(word) for word in run_script(HEAP, tmp_path).split())
    assert length == 1021 and 1024 < most < 8192, most
