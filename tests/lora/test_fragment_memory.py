"""What fragments take: 8 KB on a device for a 1 KB message, and no more than the limits from a hostile peer."""

import contextlib
import random
import tracemalloc
from pathlib import Path

import pytest
from comatrix_lora.errors import LoraError
from comatrix_lora.fragment_format import Feedback, decode_feedback_untrusted
from comatrix_lora.fragment_receiver import Limits, Receiver
from comatrix_lora.fragment_sender import Sender

from tests.support.micropython import run_script

MOST_BYTES = 8192

# One message of 1,024 bytes at a loss of every third fragment, both ends in turn, with nothing else on the heap.
ON_DEVICE = """
import gc, sys
from comatrix_lora.fragment_format import encode_fragment, encode_feedback, decode_feedback_untrusted
from comatrix_lora.fragment_receiver import Receiver, Limits
from comatrix_lora.fragment_sender import Sender, DONE

MESSAGE = bytes([i * 7 & 255 for i in range(1024)])

def live():
    gc.collect()
    return gc.mem_alloc()

def bodies():
    sender = Sender(1, MESSAGE, 32, window=255)
    return [encode_fragment(sender.next_fragment()) for _ in range(66)]

def receiving(kept):
    before = peak = live()
    receiver, message = Receiver(Limits(1024, 4096, 1)), None
    for i in range(len(kept)):
        message = message or receiver.receive_untrusted(kept[i], 0)
        feedback = receiver.answer(1)
        peak = max(peak, live())
    assert message == MESSAGE and feedback.state == 1
    return peak - before

def sending():
    before = peak = live()
    sender = Sender(1, MESSAGE, 32)
    for i in range(60):
        body = encode_fragment(sender.next_fragment())
        peak = max(peak, live())
        if i == 40:
            sender.receive_feedback(decode_feedback_untrusted(bytes([1, 12, 11])))
    return peak - before

def all_but(size):
    # Fills the heap but for one piece of that size.
    hole, ballast, piece = bytearray(size), None, 16384
    while piece >= 16:
        try:
            ballast = (ballast, bytearray(piece))
        except MemoryError:
            piece //= 2
    hole = None
    gc.collect()
    return ballast

kept = [body for i, body in enumerate(bodies()) if i % 3]
run = {"sending": sending, "receiving": lambda: receiving(kept)}[sys.argv[1]]
print(run())
ballast = all_but(MOST)
print(gc.mem_free())
run()
"""


@pytest.mark.parametrize("end", ["sending", "receiving"])
def test_a_message_of_1_kib_takes_less_than_8_kib_of_heap(tmp_path: Path, end: str) -> None:
    """Live bytes at their peak; and it runs where not much more than so much is free, its garbage included."""
    script = ON_DEVICE.replace("MOST", str(MOST_BYTES - 1024))
    peak, free = map(int, run_script(script, tmp_path, heap="128k", arguments=(end,)).split())
    assert 1024 < peak < MOST_BYTES
    assert free <= MOST_BYTES, "the heap was not filled"


def noise(rng: random.Random, number: int) -> list[bytes]:
    """Bodies from arbitrary to nearly right: few transfers, few sizes, so that blocks fill up and contradict."""
    bodies = []
    for _ in range(number):
        head = [rng.randrange(6), rng.randrange(3), rng.randrange(1, 6), rng.randrange(256)]
        spoilt = rng.randrange(10)
        if spoilt < 4:
            head[spoilt] = rng.choice((0, 33, 200, 255))
        bodies.append(bytes(head) + rng.randbytes(rng.choice((8, 8, 8, 8, 9, 0, 1, 239, 240))))
    return bodies


def flood(receiver: Receiver, number: int) -> int:
    rng, out = random.Random(number), 0
    for now, body in enumerate(noise(rng, number)):
        with contextlib.suppress(LoraError):
            out += receiver.receive_untrusted(body, now * 10) is not None
        assert 0 <= receiver.held <= receiver.limits.held_bytes
        if body:
            receiver.answer(body[0])
    return out


@pytest.mark.parametrize("number", [3000, pytest.param(100000, marks=pytest.mark.slow)])
def test_random_fragments_raise_what_is_documented_and_take_no_more_than_the_limits(number: int) -> None:
    receiver = Receiver(Limits(held_bytes=20000, idle_ms=60000))
    flood(receiver, 500)
    tracemalloc.start()
    try:
        assert flood(receiver, number) == 0
        assert tracemalloc.get_traced_memory()[0] < 3 * 20000
    finally:
        tracemalloc.stop()


def test_the_costliest_blocks_stay_within_the_limit() -> None:
    """One byte a block, as many blocks as there are numbers: what counts is what the objects take."""
    receiver = Receiver(Limits(held_bytes=20000))
    for transfer in range(4):
        for block in range(1, 256):
            with contextlib.suppress(LoraError):
                receiver.receive_untrusted(bytes([transfer, block, 1, 0, 0]), 0)
    assert receiver.held <= 20000


@pytest.mark.parametrize("number", [2000, pytest.param(100000, marks=pytest.mark.slow)])
def test_random_feedback_never_breaks_a_sender(number: int) -> None:
    rng = random.Random(1)
    sender = Sender(1, bytes(3000), 32)
    for _ in range(number):
        if sender.next_fragment() is None:
            sender.retry()
        try:
            told = decode_feedback_untrusted(bytes([1]) + rng.randbytes(rng.randrange(5)))
        except LoraError:
            continue
        sender.receive_feedback(told)
        if sender.state:
            sender = Sender(1, bytes(3000), 32)
    assert isinstance(told, Feedback)
