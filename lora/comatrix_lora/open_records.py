"""A node's other records until they are confirmed: texts, results, hello, description; whole in one frame, or coded.

Each is known by its seq, the counter of the message that first carried it. A frame that carries it again says how far
behind that is; a transfer carries it in front of the body, as its first frame may be lost.
"""

from comatrix_lora.errors import LoraError
from comatrix_lora.fragment_format import BUSY, HEADER, MAX_DATA
from comatrix_lora.fragment_sender import CLASHED, DONE, GIVEN_UP, SENDING
from comatrix_lora.rules import LAST_REPEAT, RESOURCES, Fragment, Record

SEQ = 4  # bytes of the seq in front of a body that goes as a transfer
_AROUND_RECORD = 18  # bytes of a frame beside a body: long header 7, rule 1, behind 2, tag 8
_AROUND_FRAGMENT = 20  # long header 7, rule 1, of the fragment 4, tag 8
_MOST_COUNTERS = 8  # frames of a record whose answer is still known to be its own

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from comatrix_lora.fragment_format import Feedback
    from comatrix_lora.fragment_sender import Sender
    from comatrix_lora.mac import Mac
    from comatrix_lora.open_readings import Offer


class OpenRecord:
    """`seq`: -1 before its first frame; `transfer`: its number, -1 while it goes whole or has none."""

    def __init__(self, resource: str, body: bytes, priority: int, due: int, seq: int = -1, transfer: int = -1) -> None:
        self.resource = resource
        self.body = body
        self.priority = priority
        self.due = due
        self.seq = seq
        self.transfer = transfer
        self.attempts = 0
        self.sender: "Sender | None" = None
        self.counters: "list[int]" = []

    def sent(self, counter: int) -> None:
        self.counters = self.counters[1 - _MOST_COUNTERS :] + [counter]


class OpenRecords:
    """In each class of priority one after the other, in the order they came. `most`, `most_bytes`: what may be open."""

    def __init__(self, mac: "Mac", transfer: int, most: int = 16, most_bytes: int = 65540) -> None:
        self.transfer = transfer  # the number of the last transfer
        self.open: "list[OpenRecord]" = []
        self._mac = mac
        self._most = most
        self._most_bytes = most_bytes
        self._asked: "OpenRecord | None" = None

    def add(self, record: OpenRecord) -> None:
        """Raises LoraError: no such resource, or no room until others are confirmed."""
        if len(record.resource) != 1 or record.resource not in RESOURCES:
            raise LoraError("no such resource")
        held = sum([len(one.body) for one in self.open]) + len(record.body)
        if len(self.open) >= self._most or held > self._most_bytes:
            raise LoraError("as many records are open as may be")
        if not self._whole(record):
            # A node needs the code of fragments seldom, and its memory often (docs/decisions/0004).
            from comatrix_lora.fragment_format import Layout

            Layout(SEQ + len(record.body), self._piece(record))
        self.open.append(record)

    def kept(self) -> "list[Any]":
        """[resource, body, priority, seq or -1, transfer or -1] of each, in order."""
        return [[one.resource, one.body, one.priority, one.seq, one.transfer] for one in self.open]

    def restore(self, rows: "list[Any]", now: int) -> None:
        """What `kept` gave. A transfer goes on under its number: the fragments are the same."""
        for resource, body, priority, seq, transfer in rows:
            self.open.append(OpenRecord(resource, body, priority, now, seq, transfer))

    def offers(self) -> "list[Offer]":
        """The first of each class."""
        found: "dict[int, OpenRecord]" = {}
        for one in self.open:
            if one.priority not in found:
                found[one.priority] = one
        return [(p, found[p].due, self._least(found[p]), found[p]) for p in sorted(found)]

    def frame(self, record: OpenRecord, counter: "Any", now: int) -> "tuple[int, Any]":
        """(counter, rule) of its next frame."""
        taken = counter.take()
        if record.seq < 0:
            record.seq = taken
        rule: "Record | Fragment" = (
            Record(record.resource, record.body, True, taken - record.seq)
            if self._whole(record)
            else self._fragment(record)
        )
        record.sent(taken)
        self._asked = record if rule.ack else None
        record.due = now
        return taken, rule

    def too_old(self, counter: int) -> "list[OpenRecord]":
        """Let go those that a frame under `counter` cannot name any more."""
        old = [one for one in self.open if self._whole(one) and one.seq >= 0 and counter - one.seq > LAST_REPEAT]
        self.open = [one for one in self.open if one not in old]
        return old

    def _whole(self, record: OpenRecord) -> bool:
        return _AROUND_RECORD + len(record.body) <= self._mac.limit(record.priority)

    def _piece(self, record: OpenRecord) -> int:
        """Bytes of data in a fragment: always the same for a record, also in another life."""
        return min(self._mac.limit(record.priority) - _AROUND_FRAGMENT, MAX_DATA - 4)

    def _least(self, record: OpenRecord) -> int:
        if self._whole(record):
            return _AROUND_RECORD + len(record.body)
        return _AROUND_FRAGMENT + min(self._piece(record), SEQ + HEADER + len(record.body))

    def _fragment(self, record: OpenRecord) -> Fragment:
        from comatrix_lora.fragment_sender import Sender

        sender = record.sender
        if sender is None:
            if record.transfer < 0:
                record.transfer = self.transfer = (self.transfer + 1) & 0xFF
            sender = Sender(record.transfer, record.seq.to_bytes(SEQ, "big") + record.body, self._piece(record))
            record.sender = sender
        made = sender.next_fragment()
        if made is None:
            sender.retry()
            made = sender.next_fragment()
        assert made is not None
        return Fragment(record.resource, made.transfer, made.block, made.k, made.seed, made.data, sender.wants_feedback)

    def silent(self, now: int) -> None:
        """What was sent last asked, and nothing came."""
        record = self._asked
        if record is not None:
            record.due = now + self._mac.pause(record.attempts, self._least(record))
            record.attempts += 1
            self._asked = None

    def of_counter(self, counter: int) -> "OpenRecord | None":
        """The open record that a frame of ours carried."""
        for one in self.open:
            if counter in one.counters:
                return one
        return None

    def delivered(self, record: OpenRecord) -> None:
        """It is confirmed, or let go."""
        self.open = [one for one in self.open if one is not record]

    def told(self, record: OpenRecord, feedback: "Feedback", now: int) -> int:
        """A feedback to one of its fragments: the state of the transfer (`fragment_sender`)."""
        sender = record.sender
        if sender is None:
            return SENDING
        if sender.receive_feedback(feedback):
            record.attempts = 0
        record.due = now
        if feedback.state == BUSY:
            record.attempts += 1
            record.due = now + self._mac.pause(record.attempts, self._least(record))
        if sender.state in (DONE, GIVEN_UP):
            self.delivered(record)
        elif sender.state == CLASHED:
            record.sender, record.transfer, record.counters = None, -1, []
            return SENDING
        return sender.state
