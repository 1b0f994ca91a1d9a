"""What `Hub.receive_datagram` tells, to be stored before `Hub.committed`."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from comatrix_lora.fragment_format import Feedback
    from comatrix_lora.frame import Peer
    from comatrix_lora.schema import Values


class Record:
    """A record of a node. Readings: `schema`, and `values` or, of a schema not known, `body`: the values of the whole
    frame as they came, for `seqs` (newest first). Others: `resource` and `body`. `age_ms`: how long ago it was made.
    """

    def __init__(
        self,
        seq: int,
        resource: str,
        schema: "int | None" = None,
        values: "Values | None" = None,
        body: bytes = b"",
        age_ms: int = 0,
        seqs: "tuple[int, ...]" = (),
    ) -> None:
        self.seq = seq
        self.resource = resource
        self.schema = schema
        self.values = values
        self.body = body
        self.age_ms = age_ms
        self.seqs = seqs or (seq,)


class Reception:
    """A frame at one radio; levels in whole dB. As an event: another radio of ours heard a frame that was told."""

    def __init__(self, radio: str, rssi_dbm: int, snr_db: int) -> None:
        self.radio = radio
        self.rssi_dbm = rssi_dbm
        self.snr_db = snr_db
        self.heard: "Heard | None" = None


class Heard:
    """An authentic frame of `node`. Its counter is used: store it, the `digest` (8 bytes of the frame's SHA-256), the
    replay window `peer.window` and `records` in one transaction. `problem`: why it says nothing, else None.
    `rekeyed`: the bytes of Appendix B.2, where `peer` is a new context: store it, with them and its window, in place of
    those of its secret, before `Hub.committed`.

    The hub remembers some 2,000 counters of a node. Of older ones (node, enrolment, seq) in the store has the last
    word: take out of `records` what it had already."""

    def __init__(self, peer: "Peer", counter: int, digest: bytes, now: int, reception: Reception) -> None:
        self.peer = peer
        self.node = peer.node
        self.counter = counter
        self.digest = digest
        self.heard_ms = now
        self.receptions = [reception]
        self.records: "list[Record]" = []
        self.ack_wanted = False
        self.describe = False
        self.problem: "str | None" = None
        self.seqs: "list[int]" = []  # of its readings, newest first
        self.transfer = -1
        self.rule: "Any" = None
        self.rekeyed: "bytes | None" = None
        self.feedback: "Feedback | None" = None  # to fragments of what is offered to it
        self.above = -1  # what the contexts before it heard
        self.second = b""  # R2: a request #1, which is not told
        self.current = False  # whether a context of its node is in use here, and heard it lately

    @property
    def best(self) -> Reception:
        """The strongest reception: its radio answers."""
        return max(self.receptions, key=lambda one: (one.snr_db, one.rssi_dbm))


class Posted:
    """Readings in the order of their seq, for the room: those committed that wait for no older one any more."""

    def __init__(self, node: int, seq: int, record: Record, late: bool) -> None:
        self.node = node
        self.seq = seq
        self.record = record
        self.late = late
