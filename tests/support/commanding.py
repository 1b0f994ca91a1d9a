"""A gateway that tells one node what to do, as the wire's contract says: one item stands until its result came."""

from random import Random

from comatrix.codec import coap
from comatrix.codec.description import description_hash
from comatrix.codec.option_numbers import BLOCK1, ECHO, OBSERVE, URI_PATH
from comatrix.codec.records import Answer, Command, Hello, Result, open_untrusted, read_hello, read_result
from comatrix.gateway.aead import aead
from comatrix.gateway.model import Node, SecurityContext
from comatrix.gateway.uplink.associations import Address, Associations
from comatrix.session.blockwise import Bodies
from comatrix.session.exchange import Exchange
from comatrix.session.server import Request, Server
from comatrix.session.serving import ServingEndpoint

WALL_S = 1_700_000_000
PROOF = b"as you are there"
_ADDRESS: Address = (0, ("192.0.2.7", 5683))
_PLENTY = 1 << 30


class Commanding:
    """`items`: what waits, `c` stands at the first. What came is in `results`, `readings`, `hellos`, `described`."""

    def __init__(self, number: int, secret: bytes, random: Random) -> None:
        self.items: list[Command] = []
        self.results: list[Result] = []
        self.readings: list[dict[int, int]] = []
        self.hellos: list[Hello] = []
        self.described: list[bytes] = []
        self.seqs: set[int] = set()
        self.requests: list[str] = []  # "GET c", "POST r"
        self.proven = True
        self.stubborn = False  # tells of more for ever and never hands it out
        self.blocks = Bodies(4096)
        self.later: list[tuple[int | str, ...]] = []  # told to a node that observes, one by one
        self._observed: Request | None = None
        self._notification: Exchange | None = None
        self._carried = 0  # the newest id that was handed out
        self._associations = Associations(aead, random.randrange, frozenset())
        self._associations.load(Node(number, "garden", 1, 1), [SecurityContext(1, number, "u", 1, secret)])
        self._server = Server(ServingEndpoint(random.randrange), self._associations)
        self._keys = 1

    def told(self, what: int | str, *arguments: object) -> int:
        """Put an item into the mailbox; its id."""
        known = [one.id for one in self.items] + [one.id for one in self.results]
        self.items.append(Command(max(known, default=0) + 1, what, list(arguments)))
        return self.items[-1].id

    def receive(self, data: bytes, now: int) -> None:
        """One datagram arrives."""
        self._server.receive_datagram(data, _ADDRESS, now)
        event = self._server.next_event()
        while event is not None:
            if isinstance(event, Request):
                self._heard(event, now)
            event = self._server.next_event()

    def take(self, now: int) -> list[bytes]:
        """The answers since the last call."""
        self._server.handle_timer(now)
        if self._observed is not None:
            self._notify(self._observed, now)
        return [data for data, _ in self._server.datagrams_to_send(now)]

    def _heard(self, request: Request, now: int) -> None:
        if id(request.peer) in self._associations.rekeyed:
            self._keys += 1
            self._associations.settled(request.peer, self._keys)
        assert request.peer.counter is not None
        request.peer.counter.granted(_PLENTY)
        answer = Answer()
        path = dict(request.options)[URI_PATH].decode()
        self.requests.append(("GET " if request.code == coap.GET else "POST ") + path)
        block = dict(request.options).get(BLOCK1)
        payload = request.payload
        if block is not None:
            code, payload = self.blocks.take(request.peer.node, request.counter, block, payload, now)
            if not payload:
                self._server.answer_fresh(request, code, b"", now, [(BLOCK1, block)])
                return
        if request.code == coap.POST:
            seq, value, body = open_untrusted(payload)
            assert request.counter is not None
            answer = self._record(path, request.counter if seq is None else seq, value, body, now)
        echo = dict(request.options).get(ECHO)
        self._hand_out(answer, echo)
        options = [] if self.proven or not answer.more else [(ECHO, PROOF)]
        if OBSERVE in dict(request.options) and self.proven:
            options = [(OBSERVE, b"")]
            self._observed = request
        code = coap.CONTENT if request.code == coap.GET else coap.CHANGED
        self._server.answer_fresh(request, code, answer.encode(), now, options)

    def _record(self, path: str, seq: int, value: object, body: bytes, now: int) -> Answer:
        if path == "h":
            hello = read_hello(value)
            self.hellos.append(hello)
            known = [description_hash(one) for one in self.described]
            wanted = hello.description is not None and hello.description not in known
            lost = max(self.seqs, default=-1) >= seq
            return Answer(WALL_S + now // 1000, None, False, wanted, max(self.seqs) if lost else None)
        if path == "c" and self._notification is not None:
            self._server.give_up(self._notification, now)
        if seq not in self.seqs:
            self.seqs.add(seq)
            self._kept(path, value, body)
        return Answer()

    def _kept(self, path: str, value: object, body: bytes) -> None:
        if path == "c":
            result = read_result(value)
            self.results.append(result)
            self.items = [one for one in self.items if one.id != result.id]
        elif path == "d":
            self.described.append(body)
        else:
            assert isinstance(value, dict)
            self.readings.append(value)

    def _notify(self, observed: Request, now: int) -> None:
        if self.later and not self.items:
            self.told(*self.later.pop(0))
        if self.items and self.items[0].id > self._carried:
            answer = Answer()
            self._hand_out(answer, None)
            self._notification = self._server.notify(observed, coap.CONTENT, answer.encode(), now, [(OBSERVE, b"")])

    def _hand_out(self, answer: Answer, echo: bytes | None) -> None:
        self.proven = self.proven or echo == PROOF
        if self.items and self.proven and not self.stubborn:
            answer.item = self.items[0]
            self._carried = self.items[0].id
            answer.more = len(self.items) > 1
        else:
            answer.more = bool(self.items)
