"""Messages in coded fragments over a link that loses in both directions, alike on CPython and MicroPython.

`python fragment_simulation.py [LOSS_PERCENT BURST TRANSFERS SEED]` prints what was sent and the SHA-256 of all of it.
"""

import hashlib
import sys
from binascii import hexlify

from comatrix_lora.fragment_format import (
    decode_feedback_untrusted,
    encode_feedback,
    encode_fragment,
)
from comatrix_lora.fragment_receiver import Receiver
from comatrix_lora.fragment_sender import DONE, SENDING, Sender

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Random = Callable[[int], int]

_PARTS = 1000000


class Generator:
    """A linear congruential generator: the same numbers on every interpreter (constants of Numerical Recipes)."""

    def __init__(self, seed: int) -> None:
        self.state = seed

    def __call__(self, n: int) -> int:
        self.state = (self.state * 1664525 + 1013904223) & 0xFFFFFFFF
        return (self.state >> 8) % n

    def bytes(self, size: int) -> bytes:
        return bytes([self(256) for _ in range(size)])


class Channel:
    """One direction. `burst` 1: each frame is lost by itself; else Gilbert-Elliott: the bad state loses every frame and
    lasts `burst` frames on average, the good one none. It begins in its stationary state and steps with each frame."""

    def __init__(self, loss_percent: int, burst: int, random: "Random") -> None:
        self.loss = loss_percent * _PARTS // 100
        self.burst = burst
        self.random = random
        self.bad = random(_PARTS) < self.loss

    def loses(self) -> bool:
        if self.burst == 1:
            return self.random(_PARTS) < self.loss
        now = self.bad
        if now:
            self.bad = self.random(_PARTS) >= _PARTS // self.burst
        else:
            self.bad = self.random(_PARTS) < self.loss * _PARTS // (self.burst * (_PARTS - self.loss))
        return now


class Tally:
    """What all transfers together sent and delivered."""

    def __init__(self) -> None:
        self.fragments = self.feedbacks = self.feedback_bytes = self.timeouts = self.delivered = self.wrong = 0
        self.now = 0
        self.digest = hashlib.sha256()


def transfer(sender: Sender, receiver: Receiver, up: Channel, down: Channel, tally: Tally) -> "list[bytes]":
    """One message until its sender knows; what came out at the other end. The receiver answers what asks for it."""
    messages = []
    while sender.state == SENDING:
        tally.now += 1000
        fragment = sender.next_fragment()
        if fragment is None:
            tally.timeouts += 1
            sender.retry()
            continue
        tally.fragments += 1
        body = encode_fragment(fragment)
        tally.digest.update(body)
        if up.loses():
            continue
        message = receiver.receive_untrusted(body, tally.now)
        if message is not None:
            messages.append(message)
        if sender.wants_feedback:
            answer(sender, receiver, down, tally)
    return messages


def answer(sender: Sender, receiver: Receiver, down: Channel, tally: Tally) -> None:
    feedback = receiver.answer(sender.transfer)
    if feedback is None:
        return
    body = encode_feedback(feedback)
    tally.feedbacks += 1
    tally.feedback_bytes += len(body)
    tally.digest.update(body)
    if not down.loses():
        sender.receive_feedback(decode_feedback_untrusted(body))


def run(loss_percent: int, burst: int, transfers: int, seed: int, fragments: int = 10, size: int = 32) -> Tally:
    """That many messages, one after the other, each of `fragments` fragments with `size` bytes of data."""
    random = Generator(seed)
    tally = Tally()
    receiver = Receiver()
    for number in range(transfers):
        message = random.bytes(fragments * size - 6)
        sender = Sender(number & 0xFF, message, size)
        up, down = Channel(loss_percent, burst, random), Channel(loss_percent, burst, random)
        messages = transfer(sender, receiver, up, down, tally)
        tally.delivered += messages == [message] and sender.state == DONE
        tally.wrong += messages != [message]
    return tally


def report(loss_percent: int, burst: int, transfers: int, seed: int) -> "list[str]":
    """Lines that are the same on every interpreter."""
    tally = run(loss_percent, burst, transfers, seed)
    return [
        f"fragments {tally.fragments}, feedbacks {tally.feedbacks}, delivered {tally.delivered}",
        hexlify(tally.digest.digest()).decode(),
    ]


def main() -> None:
    loss, burst, transfers, seed = [int(word) for word in sys.argv[1:5]] if len(sys.argv) > 4 else (30, 4, 100, 1)
    for line in report(loss, burst, transfers, seed):
        print(line)


if __name__ == "__main__":
    main()
