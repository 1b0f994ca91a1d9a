"""A gateway's answers until their moment: sealed when they leave, under their requests' nonces, soon or never."""

from comatrix_lora.frame import TAG
from comatrix_lora.header import EXTRA, LONG
from comatrix_lora.ledger import ACK, REPLY
from comatrix_lora.mac import TURNAROUND_MS
from comatrix_lora.rules import Rekey

MOST_ANSWERS = 64
MOST_OFFERS = 16  # responses #1 of Appendix B.2, apart: copies of old requests must not displace an answer
LONG_OWN = 9  # bytes of a long header with the request's byte, and the rule
_LONG_OFFER = LONG + EXTRA

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from comatrix_lora.hub_events import Heard
    from comatrix_lora.mac import Mac


class _Answer:
    def __init__(self, heard: "Heard", plain: bytes, until: int, second: bytes) -> None:
        self.heard = heard
        self.plain = plain
        self.due = heard.heard_ms + TURNAROUND_MS
        self.until = until
        self.second = second
        self.priority = REPLY if second else ACK
        self.size = (_LONG_OFFER if second else LONG_OWN) + len(plain) + TAG


class Answers:
    """`late`: how many could not leave in time."""

    def __init__(self, radios: "dict[str, Mac]") -> None:
        self.late = 0
        self._radios = radios
        self._waiting: "list[_Answer]" = []
        self._offers: "list[_Answer]" = []

    def __len__(self) -> int:
        return len(self._waiting) + len(self._offers)

    def add(self, heard: "Heard", rule: "Any") -> None:
        """The answer to what was heard, in place of an older one to that node."""
        others = [one for one in self._waiting if one.heard.node != heard.node]
        self._waiting = others[1 - MOST_ANSWERS :] + [self._made(heard, rule.encode(), b"")]

    def add_offer(self, heard: "Heard") -> None:
        """The response to request #1 of Appendix B.2, where the channel lets so long a frame out."""
        made = self._made(heard, Rekey(None, heard.current).encode(), heard.second)
        if made.size <= self._radios[heard.best.radio].limit(REPLY):
            self._offers = self._offers[1 - MOST_OFFERS :] + [made]

    def _made(self, heard: "Heard", plain: bytes, second: bytes) -> _Answer:
        return _Answer(heard, plain, heard.heard_ms + self._radios[heard.best.radio].answer_ms, second)

    def datagrams_to_send(self, now: int) -> "list[tuple[str, bytes]]":
        """(radio, frame) of those whose time has come."""
        sent: "list[tuple[str, bytes]]" = []
        self._waiting = self._send(self._waiting, sent, now)
        self._offers = self._send(self._offers, sent, now)
        return sent

    def _send(self, answers: "list[_Answer]", sent: "list[tuple[str, bytes]]", now: int) -> "list[_Answer]":
        """Appends to `sent` -> those that go on waiting."""
        kept = []
        for one in answers:
            if now > one.until:
                self.late += 1
                continue
            name = one.heard.best.radio
            mac = self._radios[name]
            if one.due > now or mac.earliest(now, one.size, one.priority) > now:
                kept.append(one)
                continue
            data = one.heard.peer.seal_response(one.heard.counter, one.plain, None, one.second)
            mac.send(now, len(data))
            sent.append((name, data))
        return kept

    def deadlines(self, now: int) -> "list[int]":
        """When each has something to do."""
        return [max(one.due, self._free(one, now)) for one in self._waiting + self._offers]

    def _free(self, one: _Answer, now: int) -> int:
        mac = self._radios[one.heard.best.radio]
        return min(mac.earliest(now, one.size, one.priority), one.until + 1)
