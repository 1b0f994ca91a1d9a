"""The values the gateway's layers hand each other. Frozen: a value that exists is valid.

Those made for every message are named tuples: a frozen dataclass takes four times as long to make.
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

UDP, LORA = "u", "l"  # links (docs/reference/wire.md, section Keys and names)


@dataclass(frozen=True, slots=True)
class Node:
    """A provisioned node. `number` is its OSCORE Sender ID (1-65535); `room` the default room's row id."""

    number: int
    name: str
    enrolment: int
    room: int
    security: str = "oscore"  # "oscore", "dtls" or "plain"
    post: str = "15min"  # "every", "change" or a span such as "15min"
    address: str | None = None  # plain nodes only: the one IP address that may speak for it
    created_ms: int = 0
    revoked: bool = False
    blocked: bool = False  # dropped before decryption, until a person unblocks it
    link: str = UDP
    listens: bool = False  # LoRa: its radio is always on, so that commands need not wait for it


@dataclass(frozen=True, slots=True)
class Room:
    """A room that nodes are bound to. `id` is the database's row id, `room_id` Matrix's, resolved once from `alias`;
    it changes when the room is replaced."""

    id: int
    room_id: str
    alias: str | None = None
    encrypted: bool = False  # once seen, remembered for ever
    paused: str | None = None  # why nothing is sent there now, in words
    successor: str | None = None  # the room that is to take its place: nothing is sent until it did


@dataclass(frozen=True, slots=True)
class Voice:
    """A Matrix user that posts: the bot, or a node's ghost. `device_id` as registered."""

    user_id: str
    device_id: str


class SecureAddress(NamedTuple):
    """Where a message inside a DTLS association came from: whose it is and where that is are proven.

    Indexed as the address of any datagram is: the listening socket's number, then the peer's (IP address, port).
    """

    listener: int
    sockaddr: tuple[str, int]
    node: int  # its number
    association: int  # never given twice while the gateway runs


class NewRecord(NamedTuple):
    """A record about to be stored. Times: Unix ms; `counter` and `digest` name the request that carried it."""

    node: int
    enrolment: int
    seq: int
    room: int
    kind: str  # "readings", "text", "node_text" (to a node), "result", "hello", "description"
    body: bytes  # the record's CBOR, without its seq
    measured_ms: int
    received_ms: int
    counter: int | None = None
    digest: bytes = b""  # the first 8 bytes of SHA-256 over the request's ciphertext


@dataclass(frozen=True, slots=True)
class Record:
    """A row of the log. `late`: an older seq than one already stored for (node, enrolment)."""

    id: int
    node: int
    enrolment: int
    seq: int
    room: int
    kind: str
    body: bytes
    measured_ms: int
    received_ms: int
    late: bool


class WindowMove(NamedTuple):
    """The replay window of a context, to be stored in the transaction of the record that moved it."""

    context: int  # row id of the OSCORE context
    highest: int
    mask: int


class Appended(NamedTuple):
    """The record is on disk, synced, as row `id` (None: only a window moved). `late` as in Record."""

    id: int | None
    late: bool = False


@dataclass(frozen=True, slots=True)
class Duplicate:
    """(node, enrolment, seq) was stored before; the window moved all the same, and is on disk."""


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Unsealed records of a stream (room, node) in a range of row ids. `not_readings`: one is a text or a result."""

    room: int
    node: int
    count: int
    first_id: int
    last_id: int
    first_ms: int  # when the oldest was received
    not_readings: bool


@dataclass(frozen=True, slots=True)
class SecurityContext:
    """One OSCORE context as stored. `highest` -1: nothing accepted yet; `missing`: the window cannot be trusted."""

    id: int
    node: int
    link: str
    generation: int  # grows by one with each rotation
    secret: bytes = field(repr=False)
    id_context: bytes = b""  # what Appendix B.2 appended; empty until it ran
    highest: int = -1
    mask: int = 0
    missing: bool = False
    tx_reserved: int = 0  # the gateway's own sender counters below this may have been used
    state: str = "active"  # "active", "retiring" (only receives) or "dead"


@dataclass(frozen=True, slots=True)
class DtlsKey:
    """A pre-shared key of a node that comes over DTLS. `generation` grows by one with each rotation."""

    identity: bytes
    node: int
    generation: int
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class SealedRow:
    """An outbox row: one event, frozen. Retries send the same bytes, path, sender, device and transaction id."""

    id: int
    room: int
    room_id: str
    event_type: str
    txn_id: str
    content: bytes
    sealed_ms: int
    records: tuple[int, ...]  # row ids of the log
    in_doubt: bool
    attempts: int
    state: str  # "sealed", "done", "parked", "unsealed", "dropped"
    reason: str = ""
    sender: str = ""
    device: str = ""
    kind: str = "msg"  # "msg", "edit", "react" or "redact"
    event_id: str | None = None
    nodes: tuple[int, ...] = ()  # whose records it shows
    oldest_ms: int = 0  # when the oldest of them came
    priority: int = 3  # comatrix/gateway/uplink/priority.py: lower goes first
    after_event: str | None = None  # the sender's newest event there at sealing: this one is newer
    forced: bool = False  # a person wants it sent even if it may be there already


@dataclass(frozen=True, slots=True)
class HomeserverAnswer:
    """What came of one request to the homeserver. `status` None: no HTTP answer. `body` None: no JSON object."""

    status: int | None
    body: dict[str, Any] | None = None
    errcode: str | None = None
    error: str = ""  # in words, for a log line
    retry_after_ms: int | None = None
    soft_logout: bool = False

    @property
    def ok(self) -> bool:
        """A 200 with a JSON object: the only proof that something was done."""
        return self.status == 200 and self.body is not None

    @property
    def unsettled(self) -> bool:
        """No word of the homeserver's own (a proxy's page is none), a limit, or its failure: worth another try."""
        if self.ok:
            return False
        return self.status is None or self.errcode is None or self.status == 429 or self.status >= 500
