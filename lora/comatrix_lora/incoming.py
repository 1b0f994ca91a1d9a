"""What comes to a node in fragments: one item at a time, in bounded memory, and the feedback that it owes.

A fragment is authentic and new, so one of another transfer shows what the gateway wants now: the older one is let go.
"""

from comatrix_lora.errors import FrameError, LoraError
from comatrix_lora.fragment_format import MAX_LISTED, encode_feedback
from comatrix_lora.fragment_receiver import Limits, Receiver
from comatrix_lora.ledger import COMMAND
from comatrix_lora.mac import TURNAROUND_MS
from comatrix_lora.rules import Ack, Command, Feedback

MOST_ITEM = 1024
SIZE = 3 + 1 + 3 + MAX_LISTED + 8  # bytes of a feedback's frame at most: header, rule, head, blocks, tag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from comatrix_lora.open_readings import Offer
    from comatrix_lora.rules import Fragment


class Incoming:
    """`most_bytes`: of an item; twice that is held at most."""

    def __init__(self, most_bytes: int = MOST_ITEM) -> None:
        self._most_bytes = most_bytes
        self._receiver: "Receiver | None" = None
        self._number = -1
        self._due: "int | None" = None

    @property
    def held(self) -> int:
        """Bytes that wait for the rest."""
        return 0 if self._receiver is None else self._receiver.held

    def receive_untrusted(self, fragment: "Fragment", plain: bytes, now: int) -> "Command | None":
        """A fragment -> the item it makes whole. Raises FrameError, also where there is no room."""
        if fragment.resource != "c":
            raise FrameError("not what a gateway says")
        if self._receiver is None or fragment.transfer != self._number:
            self._begin(fragment.transfer)
        assert self._receiver is not None
        if fragment.ack:
            self._due = now + TURNAROUND_MS
        try:
            message = self._receiver.receive_untrusted(plain[1:], now)
        except FrameError:
            self._due = None
            raise
        except LoraError:
            return None  # the feedback says so
        return None if message is None else Command.read(0, message)

    def _begin(self, transfer: int) -> None:
        self._receiver = Receiver(Limits(self._most_bytes, 2 * self._most_bytes, 1, 600000, 1, 600000))
        self._number, self._due = transfer, None

    @property
    def idle(self) -> bool:
        """Whether nothing is held, owed or remembered."""
        return self._receiver is None

    def offers(self) -> "list[Offer]":
        """The feedback, as other classes offer what could be sent."""
        return [] if self._due is None else [(COMMAND, self._due, SIZE, self)]

    def rule(self) -> "Any":
        """What to say; None where that is gone. Every question is answered: a gateway that knows what is missing sends
        as much in one go, and a person waits for it."""
        self._due = None
        if self._receiver is None:
            return None
        body = encode_feedback(self._receiver.feedback(self._number))
        return Feedback(body) if len(body) > 2 else Ack(body[0], body[1])

    def handle_timer(self, now: int) -> None:
        """Let go of what came to a stop."""
        receiver = self._receiver
        if receiver is not None:
            receiver.handle_timer(now)
            if receiver.next_deadline() is None:
                self._receiver = None
