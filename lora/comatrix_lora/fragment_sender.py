"""The sender of one message in coded fragments: a block's own fragments, then coded ones until feedback says enough.

Timers are the caller's: it sends what `next_fragment` gives, listens behind one that `wants_feedback`, and calls
`retry` when it has waited long enough for an answer while no more may be sent.
"""

from binascii import crc32

from comatrix_lora.erasure_code import encode
from comatrix_lora.fragment_format import (
    BUSY,
    COMPLETE,
    HEADER,
    MAX_LISTED,
    REFUSED,
    Fragment,
    Layout,
    check_of,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from comatrix_lora.fragment_format import Feedback

# States of a sender. CLASHED: the receiver remembers another message under this number; start again under the next.
SENDING = 0
DONE = 1
GIVEN_UP = 2
CLASHED = 3


class Sender:
    """`message` (1-65,536 bytes) as transfer number `transfer` (0-255) in fragments of at most `fragment_size` bytes of
    data. At most `window` (2-255) fragments go unanswered; from half of that on, each asks for feedback.

    Numbers count up, 255 is followed by 0. The caller stores the last one, or begins after a boot at any: CLASHED tells
    of most wrong guesses. Raises LoraError for a message that does not fit.
    """

    def __init__(self, transfer: int, message: bytes, fragment_size: int, window: int = 96) -> None:
        fragments = Layout(len(message), fragment_size).fragments
        # As many fragments as with the size allowed, each as short as it can be.
        self.layout = Layout(len(message), (HEADER + len(message) + fragments - 1) // fragments)
        crc = crc32(message)
        head = (len(message) - 1).to_bytes(2, "big") + crc.to_bytes(4, "big")
        self._content = head + message + bytes(self.layout.fragments * self.layout.size - HEADER - len(message))
        self.transfer = transfer
        self.state = SENDING
        self.wants_feedback = False
        self.unanswered = 0
        self._check = check_of(crc)
        self._window = window
        # For each block: how many fragments the receiver holds, sent since it told, and the next seed.
        self._ranks, self._fresh, self._seeds = [bytearray(self.layout.blocks) for _ in range(3)]
        self._lower = False  # whether the last feedback told less than is known
        self._first = 0  # the first block that is not whole

    def next_fragment(self) -> "Fragment | None":
        """The next to send; `wants_feedback` then says whether it asks for an answer. None: the message is done, or too
        much is unanswered."""
        if self.state != SENDING or self.unanswered >= self._window:
            return None
        block = self._next_block()
        seed, k = self._seeds[block], self.layout.k_of(block)
        self._seeds[block] = (seed + 1) & 0xFF
        self._fresh[block] = min(self._fresh[block] + 1, 255)
        self.unanswered += 1
        self.wants_feedback = self.unanswered * 2 >= self._window or self._short_block() is None
        data = encode(self._content, self.layout.start_of(block), k, self.layout.size, seed)
        return Fragment(self.transfer, block, k, seed, data)

    def retry(self) -> None:
        """No answer came: one fragment more may go."""
        self.unanswered = min(self.unanswered, self._window - 1)

    def receive_feedback(self, feedback: "Feedback") -> bool:
        """Whether it told something new. Old, repeated and foreign feedback changes nothing."""
        if feedback.transfer != self.transfer or self.state != SENDING:
            return False
        if feedback.state == COMPLETE:
            self.state = DONE if feedback.check == self._check else CLASHED
        elif feedback.state == REFUSED:
            self.state = GIVEN_UP
        elif feedback.state == BUSY:
            self.unanswered = self._window
        else:
            return self._receive_ranks(feedback)
        return True

    def _receive_ranks(self, feedback: "Feedback") -> bool:
        if not self._is_possible(feedback):
            return False
        told = bytearray([self._told(feedback, block) for block in range(self.layout.blocks)])
        lower = any(told[block] < self._ranks[block] for block in range(self.layout.blocks))
        # A receiver that lost what it held says less twice; once may be an answer that was late.
        if told == self._ranks or (lower and not self._lower):
            self._lower = lower
            return False
        self._lower = False
        self._take(told)
        return True

    def _take(self, told: bytearray) -> None:
        self._ranks = told
        self._fresh = bytearray(self.layout.blocks)
        self.unanswered = 0
        self._first = 0
        while self._first < self.layout.blocks - 1 and not self._missing(self._first):
            self._first += 1

    def _is_possible(self, feedback: "Feedback") -> bool:
        end = feedback.first + len(feedback.ranks)
        return end <= self.layout.blocks and all(
            feedback.ranks[i] <= self.layout.k_of(feedback.first + i) for i in range(len(feedback.ranks))
        )

    def _told(self, feedback: "Feedback", block: int) -> int:
        listed = block - feedback.first
        if listed < 0:
            return self.layout.k_of(block)
        return feedback.ranks[listed] if listed < len(feedback.ranks) else 0

    def _missing(self, block: int) -> int:
        return self.layout.k_of(block) - self._ranks[block]

    def _open_blocks(self) -> range:
        """From the first block that is not whole, as many as one feedback can list."""
        return range(self._first, min(self._first + MAX_LISTED, self.layout.blocks))

    def _short_block(self) -> "int | None":
        """The first block that cannot be whole yet. (To send a quarter or half of the expected loss before asking was
        measured: it saves feedback and costs more fragments than that is worth.)"""
        for block in self._open_blocks():
            if self._fresh[block] < self._missing(block):
                return block
        return None

    def _next_block(self) -> int:
        """A block that is short, else the one that probably misses most."""
        short = self._short_block()
        return max(self._open_blocks(), key=self._expected_missing) if short is None else short

    def _expected_missing(self, block: int) -> int:
        """Twice what will be missing when half of what was sent arrives; one that misses nothing goes last."""
        missing = self._missing(block)
        return 2 * missing - self._fresh[block] if missing else -256
