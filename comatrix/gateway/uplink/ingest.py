"""An authenticated request -> what to store and what to answer. Pure: the table of resources stands at the end."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from comatrix.codec import coap, codes, description, records
from comatrix.codec.option_numbers import (
    ACCEPT,
    BLOCK1,
    BLOCK2,
    CONTENT_FORMAT,
    ECHO,
    ETAG,
    IF_MATCH,
    IF_NONE_MATCH,
    OBSERVE,
    URI_HOST,
    URI_PATH,
    URI_PORT,
    URI_QUERY,
    uint,
    uint_bytes,
)
from comatrix.codec.options import supported_untrusted
from comatrix.errors import BadOptionError, WireError
from comatrix.gateway.downlink.items import MAX_TEXT_BYTES
from comatrix.gateway.model import NewRecord, Node
from comatrix.gateway.uplink import discovery, preconditions
from comatrix.gateway.uplink.formats import pack
from comatrix.gateway.uplink.formats.reading import NOTHING_DECLARED, Profile, reader
from comatrix.session.server import Request
from comatrix.session.shaping import etag

HANDLED = (
    IF_MATCH,
    URI_HOST,
    IF_NONE_MATCH,
    OBSERVE,
    URI_PORT,
    URI_PATH,
    CONTENT_FORMAT,
    ACCEPT,
    BLOCK2,
    BLOCK1,
    ECHO,
)
OF_DISCOVERY = (*HANDLED, ETAG, URI_QUERY)
WELL_KNOWN = [part.encode() for part in discovery.PATH.split("/")]
REGISTER, DEREGISTER = 0, 1  # RFC 7641 section 2
MAX_DESCRIPTION = 4096  # bytes of CBOR; above 1,024 in blocks, as a datagram holds no more
MAX_BODY = 4160  # the longest record there is: 1,024 characters of 4 bytes, its heads, a seq
Options = Sequence[tuple[int, bytes]]
MAILBOX = 0  # the room of a result: none, the mailbox reads it from the log


@dataclass(frozen=True, slots=True)
class Reply:
    """Answer now; nothing is stored. `diagnostic`: at most 64 bytes of text."""

    code: int
    payload: bytes = b""


@dataclass(frozen=True, slots=True)
class Note:
    """Store what a hello said, then answer 2.04 with the time. `seq`: where the body has it, as over DTLS."""

    hello: records.Hello
    seq: int | None = None


@dataclass(frozen=True, slots=True)
class Describe:
    """Store the CBOR of a self-description, then answer 2.04."""

    body: bytes


@dataclass(frozen=True, slots=True)
class Fetch:
    """Answer 2.05 with the item that stands, once the address is proven. `observe`: REGISTER, DEREGISTER or None."""

    observe: int | None = None


@dataclass(frozen=True, slots=True)
class Represent:
    """Answer 2.05 or 2.03 with what stands here for everybody, as long as it may be for where it goes."""

    code: int
    payload: bytes
    options: Options


@dataclass(frozen=True, slots=True)
class TellTime:
    """Answer 2.05 with the time."""


@dataclass(frozen=True, slots=True)
class InBlocks:
    """A request of the right kind whose body or answer is in blocks: put together, it comes here again."""


@dataclass(frozen=True, slots=True)
class Reject:
    """Leave it unanswered: a NON request that cannot be understood (RFC 7252 section 5.4.1)."""


class Said(NamedTuple):
    """What a node said over a link that has no CoAP. `counter`, `digest`: of the message that carried it."""

    payload: bytes
    counter: int | None
    digest: bytes
    options: Options = ()


# A NewRecord: store it, then answer 2.04.
Decision = Reply | NewRecord | Note | Describe | Fetch | Represent | TellTime | InBlocks | Reject
Handler = Callable[["Ingest", Request | Said, Node, int], Decision]


class Ingest:
    """Decides; what it must know of nodes and their rooms is handed to it."""

    def __init__(
        self,
        rooms: Callable[[int, int], int | None],
        next_seq: Callable[[int], int],
        granted: Callable[[int, int], bool] = lambda sender, receiver: False,
        profiles: Mapping[str, Profile] | None = None,
    ) -> None:
        """`rooms(node, number)`: the room a node means, or None; `next_seq(node)`: for a record without a seq;
        `granted(sender, receiver)`: whether one node may send texts to the other; `profiles`: what was declared of the
        payloads of a node, by its name."""
        self._rooms = rooms
        self._next_seq = next_seq
        self._granted = granted
        self._profiles = {} if profiles is None else profiles

    def decide(self, request: Request, node: Node, received_ms: int) -> Decision:
        """One request of a node -> what is to be done. Never raises for what a node sent."""
        options = request.options
        # Nearly every request: one option, and it names a resource.
        handler = DIRECT.get((request.code, *options[0])) if len(options) == 1 else None
        try:
            if handler is not None:
                return handler(self, request, node, received_ms)
            return self._routed(request, node, received_ms)
        except WireError as error:
            if isinstance(error, BadOptionError) and request.incoming.message.type == coap.NON:
                return Reject()
            return Reply(codes.BAD_REQUEST if error.code is None else error.code, str(error).encode()[:64])
        except UnicodeDecodeError:
            return Reply(codes.NOT_FOUND)

    def resource(self, path: str, code: int, said: Said, node: Node, received_ms: int) -> Decision:
        """What a node said to a resource over a link without CoAP -> as `decide`."""
        handler = RESOURCES.get(path, {}).get(code)
        if handler is None:
            return Reply(codes.NOT_FOUND)
        try:
            return handler(self, said, node, received_ms)
        except WireError as error:
            return Reply(codes.BAD_REQUEST if error.code is None else error.code)

    def _routed(self, request: Request, node: Node, received_ms: int) -> Decision:
        asks_what_is_here = [value for number, value in request.options if number == URI_PATH] == WELL_KNOWN
        options = supported_untrusted(list(request.options), OF_DISCOVERY if asks_what_is_here else HANDLED)
        if asks_what_is_here:
            return self._discover(request, options)
        path = "/".join(part.decode() for part in options.get(URI_PATH, []))
        methods = RESOURCES.get(path)
        if methods is None:
            return Reply(codes.NOT_FOUND)
        handler = methods.get(request.code)
        if handler is None:
            return Reply(codes.METHOD_NOT_ALLOWED)
        if ACCEPT in options:
            return Reply(codes.NOT_ACCEPTABLE)
        if CONTENT_FORMAT in options and handler is not Ingest.readings:
            return Reply(codes.UNSUPPORTED_FORMAT)
        if not preconditions.hold(options):
            return Reply(codes.PRECONDITION_FAILED)
        if BLOCK1 in options or BLOCK2 in options:
            return InBlocks()
        return handler(self, request, node, received_ms)

    def _discover(self, request: Request, options: Mapping[int, Sequence[bytes]]) -> Decision:
        """GET .well-known/core."""
        if request.code != coap.GET:
            return Reply(codes.METHOD_NOT_ALLOWED)
        if any(uint(value) != discovery.LINK_FORMAT for value in options.get(ACCEPT, ())):
            return Reply(codes.NOT_ACCEPTABLE)
        if BLOCK1 in options or BLOCK2 in options:
            return InBlocks()
        payload = discovery.document(options.get(URI_QUERY, ()))
        tag = etag(payload)
        if not preconditions.hold(options, tag):
            return Reply(codes.PRECONDITION_FAILED)
        if preconditions.is_known(options, tag):
            return Represent(codes.VALID, b"", [(ETAG, tag)])
        return Represent(coap.CONTENT, payload, [(ETAG, tag), (CONTENT_FORMAT, uint_bytes(discovery.LINK_FORMAT))])

    def readings(self, request: Request | Said, node: Node, received_ms: int) -> Decision:
        """POST r."""
        if self._profiles or len(request.options) > 1:
            foreign = self._foreign(request, node, received_ms)
            if foreign is not None:
                return foreign
        seq, readings, body = records.readings_untrusted(request.payload)
        measured_ms = received_ms - readings.age_s * 1000
        return self._keep(request, node, node.room, "readings", seq, body, max(0, measured_ms), received_ms)

    def _foreign(self, request: Request | Said, node: Node, received_ms: int) -> Decision | None:
        """A payload that is not the node's own map -> what to store of it, in one row; None: it is."""
        if isinstance(request, Said):
            return None
        stated = next((value for number, value in request.options if number == CONTENT_FORMAT), None)
        content_format = None if stated is None else uint(stated)
        profile = self._profiles.get(node.name, NOTHING_DECLARED)
        read = reader(content_format, profile)
        if read is None:
            return None if content_format is None else Reply(codes.UNSUPPORTED_FORMAT)
        body, age_s = pack.body(read(request.payload, profile, received_ms))
        measured_ms = max(0, received_ms - age_s * 1000)
        return self._keep(request, node, node.room, "readings", None, body, measured_ms, received_ms)

    def text(self, request: Request | Said, node: Node, received_ms: int) -> Decision:
        """POST m: to a room, or to a node where that is granted; the sender's room reads that too."""
        seq, value, body = records.open_untrusted(request.payload)
        text = records.read_text(value)
        if text.room < 0:
            return self._to_node(request, node, text, seq, body, received_ms)
        room = self._rooms(node.number, text.room) if text.room > 0 else node.room
        if room is None:
            return Reply(codes.FORBIDDEN)
        return self._keep(request, node, room, "text", seq, body, received_ms, received_ms)

    def _to_node(
        self, request: Request | Said, node: Node, text: records.Text, seq: int | None, body: bytes, received_ms: int
    ) -> Decision:
        if not self._granted(node.number, -text.room):
            return Reply(codes.FORBIDDEN)
        if len(text.text.encode()) > MAX_TEXT_BYTES:
            return Reply(codes.TOO_LARGE, b"at most %d bytes to a node" % MAX_TEXT_BYTES)
        return self._keep(request, node, node.room, "node_text", seq, body, received_ms, received_ms)

    def hello(self, request: Request | Said, node: Node, received_ms: int) -> Decision:
        """POST h."""
        seq, value = records.split_untrusted(request.payload)
        return Note(records.read_hello(value), seq)

    def describe(self, request: Request | Said, node: Node, received_ms: int) -> Decision:
        """POST d."""
        _, value, body = records.open_untrusted(request.payload)
        if len(body) > MAX_DESCRIPTION:
            return Reply(codes.TOO_LARGE, b"at most 4,096 bytes")
        description.read_description(value)
        return Describe(body)

    def result(self, request: Request | Said, node: Node, received_ms: int) -> Decision:
        """POST c."""
        seq, value, body = records.open_untrusted(request.payload)
        records.read_result(value)
        return self._keep(request, node, MAILBOX, "result", seq, body, received_ms, received_ms)

    def fetch(self, request: Request | Said, node: Node, received_ms: int) -> Decision:
        """GET c."""
        if len(request.options) == 1:
            return Fetch()
        return Fetch(next((uint(value) for number, value in request.options if number == OBSERVE), None))

    def time(self, request: Request | Said, node: Node, received_ms: int) -> Decision:
        """GET t."""
        return TellTime()

    def _keep(
        self,
        request: Request | Said,
        node: Node,
        room: int,
        kind: str,
        seq: int | None,
        body: bytes,
        measured_ms: int,
        received_ms: int,
    ) -> NewRecord:
        if seq is None:
            seq = self._next_seq(node.number) if request.counter is None else request.counter
        return NewRecord(
            node.number,
            node.enrolment,
            seq,
            room,
            kind,
            body,
            measured_ms,
            received_ms,
            request.counter,
            request.digest,
        )


# docs/reference/wire.md, section Records. Files (f) come later: 4.04.
RESOURCES: Mapping[str, Mapping[int, Handler]] = {
    "r": {coap.POST: Ingest.readings},
    "m": {coap.POST: Ingest.text},
    "c": {coap.GET: Ingest.fetch, coap.POST: Ingest.result},
    "h": {coap.POST: Ingest.hello},
    "d": {coap.POST: Ingest.describe},
    "t": {coap.GET: Ingest.time},
}
DIRECT: Mapping[tuple[int, int, bytes], Handler] = {
    (code, URI_PATH, path.encode()): handler for path, methods in RESOURCES.items() for code, handler in methods.items()
}
