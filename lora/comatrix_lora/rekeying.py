"""The node's half of RFC 8613 Appendix B.2 over LoRa: when new keys are due, its two requests, their repetition.

The old context stays until response #2 is authentic. While request #1 is open other frames go on under it; while
request #2 is, they wait: the gateway may have let the old one go.
"""

from comatrix_lora.errors import FrameError, LoraError
from comatrix_lora.header import EXTRA, LONG
from comatrix_lora.ledger import COMMAND
from comatrix_lora.rules import Rekey, decode_untrusted

SIZE = LONG + EXTRA + 1 + 8  # bytes of each of the frames that have a form of their own
HOUR_MS = 3600000
RENEW_AFTER = 1 << 20  # messages under one key
SILENCE = 32  # asks in a row without an answer: the gateway may have lost our context
_ASKS = 6  # times request #1 goes in a run
_TRIES = 8  # times request #2 goes: then the gateway has forgotten its R2
_MOST = 24  # frames of a run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from comatrix_lora.frame import Peer
    from comatrix_lora.header import Header
    from comatrix_lora.mac import Mac, Random
    from comatrix_lora.open_readings import Offer


def _next_renewal(counter: int) -> int:
    return (counter // RENEW_AFTER + 1) * RENEW_AFTER


class Rekeying:
    """`lost`: there is no context to go on with, so runs follow each other; otherwise one begins at most once an hour.
    `random`: R1 and R3 come from it. `following`: the node's next counter. Raises LoraError: the law or the radio lets
    no such frame out, and there is no context to do without."""

    def __init__(self, mac: "Mac", random: "Random", lost: bool, following: int) -> None:
        self.lost = lost
        self.candidate: "Peer | None" = None  # what request #2 goes under
        self._mac = mac
        self._possible = mac.limit(COMMAND) >= SIZE
        if lost and not self._possible:
            raise LoraError("a frame of %d bytes, for new keys, may not be sent on this channel" % SIZE)
        self._random = random
        self._renew_at = _next_renewal(following)
        self._running = False
        self._first: "Peer | None" = None  # what request #1 goes under
        self._frames = 0  # unanswered in this run
        self._tries = 0  # of these, of the request that is open
        self._due = 0
        self._earliest = 0  # of the next run

    def offers(self, following: int) -> "list[Offer]":
        """What could be sent, as the other classes offer it."""
        silent = self._mac.settings.unanswered >= SILENCE
        if not (self.lost or self._running or silent or following >= self._renew_at) or not self._possible:
            return []
        return [(COMMAND, self._due if self._running or self.lost else self._earliest, SIZE, self)]

    @property
    def alone(self) -> bool:
        """Whether nothing else may be sent."""
        return self.lost or self.candidate is not None

    def frame(self, peer: "Peer", counter: "Any", now: int) -> "tuple[int, bytes]":
        """(counter, frame): the next request. `peer`: the old context. Raises LoraError: it derives none."""
        if not self._running:
            self._running = True
            self._tries = 0
            self._earliest = now + HOUR_MS
        candidate = self.candidate
        if candidate is None and self._first is None:
            self._first = _derived(peer, self._nonce())
        taken = counter.take()
        self._due = now
        plain = Rekey(None, True).encode()
        if candidate is not None:
            return taken, candidate.seal_request(taken, plain, 2, candidate.extra[EXTRA:])
        assert self._first is not None
        return taken, self._first.seal_request(taken, plain, 1, self._first.extra)

    def _nonce(self) -> bytes:
        return bytes([self._random(256) for _ in range(EXTRA)])

    def silent(self, now: int) -> None:
        """The request brought nothing."""
        # Request #2 is not put off by what went before it: the gateway is there, and this run does not outlive a sleep.
        self._due = now + self._mac.pause(self._frames if self.candidate is None else self._tries, SIZE)
        self._frames += 1
        self._tries += 1
        if self.candidate is not None and self._tries >= _TRIES:
            self.candidate = self._first = None
            self._tries = 0
        if not self.lost and (self._frames >= _MOST or (self.candidate is None and self._tries >= _ASKS)):
            self._stop()

    def _stop(self) -> None:
        self._running = False
        self._first = self.candidate = None
        self._frames = self._tries = self._due = 0

    def receive_untrusted(self, header: "Header", data: bytes, following: int, now: int) -> int:
        """Response #1 -> the counter it answers; request #2 is next, unless the old context was only silent.

        Raises FrameError: it is not, and unless an authentic one said something else nothing has changed."""
        first = self._first
        if first is None or self.candidate is not None or not header.resp or header.step != 1 or header.up:
            raise FrameError("no response of Appendix B.2 is waited for")
        if header.node != first.node or header.counter not in first.requests.open:
            raise FrameError("no request of ours")  # before keys are derived
        second = _derived(first, header.extra + first.extra)
        second.take_over(first)
        rule = decode_untrusted(second.open_untrusted(header, data).plain)
        if not isinstance(rule, Rekey):
            raise FrameError("not what belongs to new keys")
        if rule.ack and not self.lost and following < self._renew_at:
            self._stop()
            return header.counter
        self.candidate = _derived(first, header.extra + self._nonce())
        self._tries = 0
        self._due = now
        return header.counter

    def answered(self, following: int) -> None:
        """An authentic answer came under the old context: what was only silence is over."""
        if not self.alone and following < self._renew_at:
            self._stop()

    def settled(self, following: int) -> None:
        """Response #2 was authentic: the candidate is the context now."""
        self.lost = False
        self._renew_at = _next_renewal(following)
        self._stop()

    def kept(self, now: int) -> "list[int]":
        """How long no run may begin, and of one that has none how long to wait, and frames in vain."""
        return [max(self._earliest - now, 0), max(self._due - now, 0), self._frames]

    def restore(self, kept: "list[int]", now: int, slept: bool) -> None:
        """What `kept` gave. A run itself does not outlive a reset or sleep: its keys are in memory only."""
        self._earliest = now + kept[0]
        if slept and self.lost:
            self._due, self._frames = now + kept[1], kept[2]


def _derived(peer: "Peer", extra: bytes) -> "Peer":
    if peer.derive is None:
        raise LoraError("no way to derive keys was given")
    return peer.derive(extra)
