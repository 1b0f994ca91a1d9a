"""An outgoing message and its states: one table (RFC 7252 sections 4.2, 5.2 and 5.3).

docs/reference/exchange.md is made from it.

QUEUED     waits for a place among NSTART
WAITING    sent confirmable, neither acknowledged nor answered
LISTENING  acknowledged, or sent non-confirmable: its response is still to come
DONE       over
"""

QUEUED, WAITING, LISTENING, DONE = 0, 1, 2, 3

# What happens to it
SLOT, TIMER, EXHAUSTED, ACKNOWLEDGED, RESPONSE, RESET = 0, 1, 2, 3, 4, 5

# What is then to be done
SEND, SEND_AGAIN, LISTEN, TELL_RESPONSE, TELL_TIMEOUT, TELL_RESET = 0, 1, 2, 3, 4, 5

TABLE = {
    (QUEUED, SLOT): (WAITING, SEND),
    (WAITING, TIMER): (WAITING, SEND_AGAIN),
    (WAITING, EXHAUSTED): (DONE, TELL_TIMEOUT),
    (WAITING, ACKNOWLEDGED): (LISTENING, LISTEN),
    (WAITING, RESPONSE): (DONE, TELL_RESPONSE),
    (WAITING, RESET): (DONE, TELL_RESET),
    (LISTENING, EXHAUSTED): (DONE, TELL_TIMEOUT),
    (LISTENING, RESPONSE): (DONE, TELL_RESPONSE),
    (LISTENING, RESET): (DONE, TELL_RESET),
}


class Parameters:
    """Transmission parameters (RFC 7252 section 4.8), times in milliseconds."""

    def __init__(
        self,
        ack_timeout_ms: int = 2000,
        max_retransmit: int = 4,
        nstart: int = 1,
        response_wait_ms: int = 30000,
        ack_delay_ms: int = 1000,
        peer_duplicates: int = 16,
        all_duplicates: int = 4096,
        queued: int = 64,
    ) -> None:
        self.ack_timeout_ms = ack_timeout_ms
        self.max_retransmit = max_retransmit
        self.nstart = nstart
        self.response_wait_ms = response_wait_ms
        self.ack_delay_ms = ack_delay_ms
        self.peer_duplicates = peer_duplicates
        self.all_duplicates = all_duplicates
        self.queued = queued


class Exchange:
    """One outgoing message on its way through the table."""

    def __init__(self, addr: object, type: int, mid: int, token: bytes, datagram: bytes) -> None:
        self.addr = addr
        self.type = type
        self.mid = mid
        self.token = token
        self.datagram = datagram
        self.state = QUEUED
        self.deadline = 0
        self.timeout_ms = 0
        self.sent = 0
        self.answers = False  # whether this is itself a response, for which no response comes
        self.failed = False  # whether the peer reset it, or was silent to the end

    def step(self, what: int) -> "int | None":
        """Move on; what is to be done, or None where the table has no such row: the event means nothing now."""
        row = TABLE.get((self.state, what))
        if row is None:
            return None
        self.state, action = row
        return action
