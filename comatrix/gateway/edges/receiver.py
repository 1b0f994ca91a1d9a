"""Between the sockets and the database: what nodes say is stored, and answered once it is on disk."""

from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Any

from comatrix.codec import coap, codes
from comatrix.codec.option_numbers import BLOCK1, MAX_AGE, uint_bytes
from comatrix.codec.records import Answer
from comatrix.gateway.errors import StoreError, StoreFull
from comatrix.gateway.model import Duplicate, NewRecord, Node, WindowMove
from comatrix.gateway.uplink.address_proof import AddressProof
from comatrix.gateway.uplink.admission import Admission
from comatrix.gateway.uplink.associations import Address, Associations
from comatrix.gateway.uplink.carrying import Carrying, Mail
from comatrix.gateway.uplink.fresh_answers import FreshAnswers, Options
from comatrix.gateway.uplink.ingest import (
    DEREGISTER,
    MAX_BODY,
    REGISTER,
    Describe,
    Fetch,
    InBlocks,
    Ingest,
    Note,
    Reject,
    Represent,
    TellTime,
)
from comatrix.gateway.uplink.observers import Observers
from comatrix.gateway.uplink.recent import Recent
from comatrix.gateway.uplink.storage import Storage, Told
from comatrix.session.server import Knock, Peer, Repeated, Request, Server
from comatrix.session.transfers import Transfers

Seen = dict[int, tuple[int, Address]]  # node -> (Unix ms, from where)
TIME_EVERY_MS = 6 * 3_600_000  # a node's clock is set anew at least this often, in an answer it gets anyway
RETRY_AFTER_S = 30


class Receiver:
    """Feeds the server and carries out what the ingest decides. `flush` sends what became ready outside a datagram.

    `seen` is kept up to date: each node's last authenticated contact.
    """

    def __init__(
        self,
        server: Server,
        associations: Associations,
        ingest: Ingest,
        storage: Storage,
        nodes: Callable[[int], Node | None],
        recent: Recent,
        admission: Admission,
        mail: Mail,
        proof: AddressProof,
        *,
        highest_seq: Callable[[Node], int],
        monotonic_ms: Callable[[], int],
        wall_ms: Callable[[], int],
        flush: Callable[[], None],
        start: Callable[[Coroutine[Any, Any, None]], object],
        stored: Callable[[NewRecord, int], None],
        knock: Callable[[Knock, int], None],
        seen: Seen | None = None,
        interval_s: Callable[[int], int | None] = lambda node: None,
    ) -> None:
        self._server = server
        self._associations = associations
        self._ingest = ingest
        self._storage = storage
        self._nodes = nodes
        self._recent = recent
        self.admission = admission
        self._mail = mail
        self._highest_seq = highest_seq
        self._monotonic_ms = monotonic_ms
        self._wall_ms = wall_ms
        self._flush = flush
        self._start = start
        self._stored = stored
        self._knock = knock
        fresh = FreshAnswers(server, storage.reserve, self._hears, monotonic_ms=monotonic_ms, flush=flush, start=start)
        self._fresh = fresh.send
        self.observers = Observers(
            server,
            mail,
            fresh,
            stands=self._stands,
            interval_s=interval_s,
            monotonic_ms=monotonic_ms,
            flush=flush,
            start=start,
        )
        self._carrying = Carrying(mail, proof, self._hears, self.observers.carried)
        self.transfers = Transfers(MAX_BODY)
        self._clock_set: dict[int, int] = {}
        self.seen: Seen = {} if seen is None else seen
        self.received = self.acknowledged = self.duplicates = 0

    def receive_datagram(self, data: bytes, addr: Address, now: int, multicast: bool = False) -> None:
        """One datagram from a socket; `multicast`: it was sent to a group, and only a success is answered."""
        if not self.admission.allows_address(addr, now):
            return
        server = self._server
        said = server.pending()
        server.receive_datagram(data, addr, now, multicast)
        event = server.next_event()
        if event is None and not self.admission.repeated(addr, now):
            server.withdraw(said)  # a copy, a ping, an answer to nothing: strangers have no more claim to ours
        while event is not None:
            if isinstance(event, Request):
                self._request(event, now)
            elif isinstance(event, Repeated):
                self._repeated(event, now)
            else:
                self._knock(event, now)
                if not self.admission.failed(addr, now):
                    server.withdraw(said)
            event = server.next_event()

    def _request(self, request: Request, now: int) -> None:
        peer = request.peer
        node = self._nodes(peer.node)
        if node is None:
            self._server.refuse(request.incoming, coap.UNAUTHORIZED, "", now)
            return
        self.admission.proved(request.incoming.addr, now)
        if self._associations.rekeyed and id(peer) in self._associations.rekeyed:
            self._start(self._after_rekey(request, node))
            return
        self._decided(request, node, now)

    def _decided(self, request: Request, node: Node, now: int) -> None:
        wall_ms = self._wall_ms()
        self.seen[node.number] = wall_ms, request.incoming.addr
        wait_s = self.admission.allows_node(node.number, now)
        if wait_s:
            self._fresh(request, coap.TOO_MANY_REQUESTS, b"", _max_age(wait_s))
            return
        if self._associations.superseded(request.peer):
            self._start(self._settle(request.peer.key))
        self._carry_out(request, node, wall_ms)

    def _carry_out(self, request: Request, node: Node, wall_ms: int) -> None:
        if request.counter is None and self._recent.knows(node.number, request.digest, wall_ms):
            self.duplicates += 1  # stored before the gateway was restarted, or before its last block came again
            self._fresh(request, coap.CHANGED, b"")
            return
        decision = self._ingest.decide(request, node, wall_ms)
        if isinstance(decision, NewRecord):
            self.received += 1
            self._storage.append(decision, self._window(request.peer), partial(self._committed, request, decision))
        elif isinstance(decision, Note):
            self._start(self._note(request, node, decision))
        elif isinstance(decision, Describe):
            self._once_on_disk(request, partial(self._describe, request, node, decision))
        elif isinstance(decision, InBlocks):
            work = partial(self._put_together, request, node)
            if any(number == BLOCK1 for number, _ in request.options):
                self._once_on_disk(request, work)
            else:
                self._start(work())
        elif isinstance(decision, Fetch):
            self._fetch(request, node, decision.observe)
        elif isinstance(decision, Represent):
            self._represent(request, decision)
        elif isinstance(decision, TellTime):
            payload = Answer(time_s=wall_ms // 1000).encode()
            self._fresh(request, coap.CONTENT, payload)
        elif isinstance(decision, Reject):
            return
        else:
            self._fresh(request, decision.code, decision.payload)

    def _committed(self, request: Request, record: NewRecord, told: Told) -> None:
        if isinstance(told, StoreError):
            self._full(request, told)
            return
        self.acknowledged += 1
        if record.counter is not None:
            self._recent.add(record.node, record.counter, record.digest, record.received_ms)
        elif _in_blocks(request):
            self._recent.add_plain(record.node, record.digest, record.received_ms)
        if record.kind in ("result", "node_text"):
            self._start(self._tell_mail(record.kind))
        if self._mail.waits(record.node):
            self._start(self._loaded(request, record))
        else:
            time_s = self._time_if_due(record.node, record.received_ms)
            payload = b"" if time_s is None else Answer(time_s=time_s).encode()
            self._server.answer_stored(request, coap.CHANGED, payload, self._monotonic_ms())
            self._flush()
        if isinstance(told, Duplicate):
            self.duplicates += 1
        elif told.id is not None:
            self._stored(record, told.id)

    async def _loaded(self, request: Request, record: NewRecord) -> None:
        """Answer a stored record, with what waits for its node."""
        answer = Answer(time_s=self._time_if_due(record.node, record.received_ms))
        options = await self._carrying.load(request, record.enrolment, answer, self._monotonic_ms())
        if options is None:
            self._server.ignore(request.incoming)
            return
        self._server.answer_stored(request, coap.CHANGED, answer.encode(), self._monotonic_ms(), options)
        self._flush()

    async def _tell_mail(self, kind: str) -> None:
        with suppress(StoreError):  # it is in the log: whoever looks there next finds it
            await (self._mail.result_stored() if kind == "result" else self._mail.text_stored())

    def _full(self, request: Request, error: StoreError) -> None:
        """It is not on disk: the node keeps it and asks again."""
        wait_s = error.retry_after_s if isinstance(error, StoreFull) else RETRY_AFTER_S
        self._fresh(request, codes.SERVICE_UNAVAILABLE, b"", _max_age(wait_s))

    def _once_on_disk(self, request: Request, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Begin `work` when the request's counter is on disk: no copy of it does the same after a crash."""
        if _in_blocks(request):
            self._start(work())  # it came in blocks, and is there already
            return
        self._settled(request, work)

    def _settled(self, request: Request, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        def moved(told: Told) -> None:
            if isinstance(told, StoreError):
                self._full(request, told)
            else:
                self._start(work())

        self._storage.append(None, self._window(request.peer), moved)

    async def _put_together(self, request: Request, node: Node) -> None:
        """A block, or the request it completes."""
        if not self._hears(node.number, node.enrolment):
            self._server.ignore(request.incoming)
            return
        said = self.transfers.take(request, self._monotonic_ms())
        if said is None:
            self._carry_out(request, node, self._wall_ms())
        else:
            self._fresh(request, said.code, said.payload, said.options)

    def _represent(self, request: Request, found: Represent) -> None:
        now = self._monotonic_ms()
        options = list(found.options)
        carrying = self._carrying
        # Few clients without OSCORE know Echo; every one knows blocks.
        plain = request.peer.context is None
        if carrying.affords(request, options, found.payload, now) or (
            plain and carrying.shorten(request, options, found.payload)
        ):
            self._fresh(request, found.code, found.payload, options)
        else:
            self._fresh(request, coap.UNAUTHORIZED, b"", self._carrying.challenge(request, now))

    def _fetch(self, request: Request, node: Node, observe: int | None) -> None:
        now = self._monotonic_ms()
        registers = observe == REGISTER and request.peer.context is None  # RFC 7641 section 7: not for a forged address
        if not self._carrying.reaches(request, now) or (registers and not self._carrying.proves(request, now)):
            self._fresh(request, coap.UNAUTHORIZED, b"", self._carrying.challenge(request, now))
        elif observe is not None or self._mail.waits(node.number):
            self._once_on_disk(request, partial(self._hand_over, request, node, observe))
        else:
            self._fresh(request, coap.CONTENT, b"")

    async def _hand_over(self, request: Request, node: Node, observe: int | None) -> None:
        if observe == DEREGISTER:
            self.observers.end(node.number)
        answer = Answer()
        try:
            options = await self._carrying.fetch(request, node.enrolment, answer, self._monotonic_ms())
        except StoreError as error:
            self._full(request, error)
            return
        if options is None:
            self._server.ignore(request.incoming)
        elif options:
            self._fresh(request, coap.UNAUTHORIZED, b"", options)
        else:
            if observe == REGISTER and self._carrying.proven(request):
                options = self.observers.register(request, node.enrolment)
            self._fresh(request, coap.CONTENT, answer.encode(), options)

    async def _describe(self, request: Request, node: Node, said: Describe) -> None:
        try:
            await self._mail.describe(node.number, said.body)
        except StoreError as error:
            self._full(request, error)
            return
        await self._changed(request, node, Answer())

    async def _changed(self, request: Request, node: Node, answer: Answer) -> None:
        """2.04 under a counter of our own, with what waits for the node."""
        options = await self._carrying.load(request, node.enrolment, answer, self._monotonic_ms())
        if options is None:
            self._server.ignore(request.incoming)
            return
        self._fresh(request, coap.CHANGED, answer.encode(), options)

    async def _note(self, request: Request, node: Node, note: Note) -> None:
        wall_ms, hello = self._wall_ms(), note.hello
        try:
            await self._storage.hello(node.number, hello, self._window(request.peer), wall_ms)
            if hello.executed is not None:
                await self._mail.executed(node.number, hello.executed)
        except StoreError as error:
            self._full(request, error)
            return
        self._clock_set[node.number] = wall_ms
        highest = self._highest_seq(node)
        # A node that lost its counter goes on above what is stored of it, so that no seq is ever used twice.
        counter = note.seq if request.counter is None else request.counter  # over DTLS it stands in the body
        lost = counter is not None and highest >= counter
        answer = Answer(time_s=wall_ms // 1000, highest=highest if lost else None)
        if hello.description is not None and hello.description != self._mail.known_hash(node.number):
            answer.describe = True  # and no item: what it was checked against is not what this node says it is
            self._fresh(request, coap.CHANGED, answer.encode())
            return
        await self._changed(request, node, answer)

    async def _settle(self, context: int) -> None:
        with suppress(StoreError):  # the older keys live on in the database until the next start
            await self._storage.settle(context)

    async def _after_rekey(self, request: Request, node: Node) -> None:
        """Request #2 of Appendix B.2: its context goes to disk before anything is answered under it."""
        peer = request.peer
        made = self._associations.rekeyed.get(id(peer))
        if made is None:
            return
        try:
            key = await self._storage.rekey(made, self._window(peer) or WindowMove(0, -1, 0))
            await self._mail.rekeyed(node.number)
        except StoreError:
            self._associations.abandoned(peer)
            self._server.refuse(request.incoming, codes.SERVICE_UNAVAILABLE, "", self._monotonic_ms())
            self._flush()
            return
        if self._associations.settled(peer, key):
            self._decided(request, node, self._monotonic_ms())

    def _repeated(self, repeated: Repeated, now: int) -> None:
        peer = repeated.peer
        if not self.admission.repeated(repeated.incoming.addr, now):
            self._server.ignore(repeated.incoming)
            return
        if self._recent.answers(peer.node, repeated.counter, repeated.digest, self._wall_ms()):
            self.duplicates += 1
            self._fresh(repeated, coap.CHANGED, b"")
        else:
            self._knock(Knock("replay", repeated.incoming.addr, None, peer.node), now)
            self._server.refuse(repeated.incoming, coap.UNAUTHORIZED, "Replay detected", now)

    def _time_if_due(self, node: int, wall_ms: int) -> int | None:
        if wall_ms - self._clock_set.get(node, -TIME_EVERY_MS) < TIME_EVERY_MS:
            return None
        self._clock_set[node] = wall_ms
        return wall_ms // 1000

    def _stands(self, request: Request, enrolment: int) -> bool:
        """Whether a node is still where a request of its came from, and heard in the keys that sealed it."""
        peer = request.peer
        return self._hears(peer.node, enrolment) and self._associations.lives(peer) and self._carrying.proven(request)

    def _hears(self, number: int, enrolment: int | None = None) -> bool:
        """Whether a node, in this enrolment, is still heard: a person may change that while the disk works."""
        node = self._nodes(number)
        return node is not None and not node.blocked and enrolment in (None, node.enrolment)

    @staticmethod
    def _window(peer: Peer) -> WindowMove | None:
        window = peer.window
        return None if window is None else WindowMove(peer.key, window.highest, window.mask)


def _in_blocks(request: Request) -> bool:
    """Whether it is whole because its blocks were put together."""
    return request.shape is not None and request.shape.block1 is not None


def _max_age(seconds: int) -> Options:
    return [(MAX_AGE, uint_bytes(seconds))]
