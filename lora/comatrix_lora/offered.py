"""An item that is offered to a node that listens: whole in a frame, or in coded fragments; when it goes again.

A transfer is known by the low byte of the item's id, so it goes on after a restart of the gateway. That it is whole at
the node ends nothing: only its result does.
"""

from comatrix_lora.errors import LoraError
from comatrix_lora.fragment_format import BUSY, HEADER, MAX_DATA, Layout
from comatrix_lora.fragment_sender import CLASHED, GIVEN_UP, SENDING, Sender
from comatrix_lora.mac import TURNAROUND_MS
from comatrix_lora.rules import Fragment

MOST_ITEM = 1024  # bytes of one that comes in fragments: what a node has room for
AROUND = 17  # bytes of a frame beside the rule byte and what follows: long header 8 with the request's byte, 1, tag 8
_AROUND_FRAGMENT = AROUND + 4
_ANSWER = 24  # bytes of a result's or a feedback's frame, about
_GAP_MS = 20  # between fragments that follow each other: the node's radio hands one over
_RESOURCE = "c"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from comatrix_lora.fragment_format import Feedback
    from comatrix_lora.mac import Mac
    from comatrix_lora.rules import Command


class Offered:
    """`due`: when it goes (again)."""

    def __init__(self, command: "Command", due: int) -> None:
        self.command = command
        self.due = due
        self.attempts = 0
        self._sender: "Sender | None" = None
        self._asks = True
        self._shift = 0

    def go_on(self, older: "Offered") -> None:
        """With the transfer of the same item, where it stands."""
        self._sender, self._shift = older._sender, older._shift

    def _content(self) -> bytes:
        return self.command.encode()[1:]

    def check(self, limit: int) -> None:
        """Raises LoraError, with the reason: no frames of at most `limit` bytes carry it."""
        content = self._content()
        if AROUND + len(content) > limit:
            if len(content) > MOST_ITEM:
                raise LoraError("the item has %d bytes, a node takes %d" % (len(content), MOST_ITEM))
            Layout(len(content), max(self._piece(limit), 0))

    def _piece(self, limit: int) -> int:
        return min(limit - _AROUND_FRAGMENT, MAX_DATA - 4)

    def size(self, limit: int) -> int:
        """Bytes of its next frame, at most."""
        content = self._content()
        if AROUND + len(content) <= limit:
            return AROUND + len(content)
        return _AROUND_FRAGMENT + min(self._piece(limit), HEADER + len(content))

    def next_plain(self, limit: int) -> bytes:
        """What its next frame carries."""
        content = self._content()
        self._asks = True
        if AROUND + len(content) <= limit:
            return self.command.encode()
        if self._sender is None:
            self._sender = Sender((self.command.id ^ self._shift) & 0xFF, content, self._piece(limit))
        made = self._sender.next_fragment()
        if made is None:
            self._sender.retry()
            made = self._sender.next_fragment()
        assert made is not None
        self._asks = self._sender.wants_feedback
        return Fragment(_RESOURCE, made.transfer, made.block, made.k, made.seed, made.data, self._asks).encode()

    def sent(self, now: int, mac: "Mac", size: int) -> None:
        """Such a frame begins now."""
        if not self._asks:
            self.due = now + mac.ms(size) + _GAP_MS
            return
        self._wait(now + mac.ms(size), mac, size)

    def _wait(self, begin: int, mac: "Mac", size: int) -> None:
        self.due = begin + TURNAROUND_MS + mac.ms(_ANSWER) + mac.pause(self.attempts, size)
        self.attempts += 1

    def told(self, feedback: "Feedback", now: int, mac: "Mac") -> None:
        """What the node holds of it."""
        sender = self._sender
        if sender is None or feedback.transfer != sender.transfer:
            return
        new = sender.receive_feedback(feedback)
        if sender.state == SENDING:
            if feedback.state != BUSY:
                self.attempts = 0
            if new and feedback.state != BUSY:
                self.due = min(self.due, now + TURNAROUND_MS)
            return
        self._sender = None  # should the result not come, the transfer begins again
        if sender.state == CLASHED:
            self._shift ^= 0x80
            self.due = now + TURNAROUND_MS
            return
        if sender.state == GIVEN_UP:
            self.attempts = max(self.attempts, 16)  # it has no room: seldom from now on
        self._wait(now, mac, _ANSWER)
