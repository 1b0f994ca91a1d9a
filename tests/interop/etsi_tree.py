"""The resources that the ETSI plugtests ask for, on our own server in virtual time; and a client's side by hand.

What is tested is the session layer: messages, duplicates, separate answers, blocks, preconditions, notifications.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from comatrix.codec import coap, codes
from comatrix.codec.option_numbers import (
    ACCEPT,
    CONTENT_FORMAT,
    ETAG,
    IF_MATCH,
    LOCATION_PATH,
    OBSERVE,
    URI_PATH,
    URI_QUERY,
    uint,
    uint_bytes,
)
from comatrix.gateway.uplink import discovery, preconditions
from comatrix.gateway.uplink.discovery import Link
from comatrix.session.exchange import Exchange
from comatrix.session.server import Request, Server
from comatrix.session.serving import ServingEndpoint
from comatrix.session.shaping import etag
from comatrix.session.transfers import IN_BLOCKS, Transfers
from tests.support.plain_peers import PlainPeers

CLIENT = ("192.0.2.50", 61616)
TEXT, XML = 0, 41
LARGE = bytes(range(256)) * 6
LOCATION_QUERY = 20
Options = list[tuple[int, bytes]]
LINKS = (
    Link("/link1", "Type1 Type2", "If1"),
    Link("/link2", "Type2 Type3", "If2"),
    Link("/link3", "Type1 Type3", "foo", size=1500),
    Link("/test", "", ""),
    Link("/path", "", "", (discovery.LINK_FORMAT,)),
)
SUB_LINKS = (Link("/path/sub1", "", ""), Link("/path/sub2", "", ""))


@dataclass
class Stored:
    """A representation. `notified`: those who observe it."""

    payload: bytes
    format: int = TEXT
    observers: dict[tuple[object, bytes], "Observer"] = field(default_factory=dict)


@dataclass
class Observer:
    """Who registered, what it was told last, how often."""

    request: Request
    confirmable: bool
    count: int = 0
    last: Exchange | None = None


class Tree:
    """The server. `receive` a datagram, `take` what it sends, `later` what is answered apart, `put` from the inside."""

    def __init__(self, exponent: int = 6) -> None:
        self.server = Server(ServingEndpoint(Random(1).randrange), PlainPeers(1))
        self.transfers = Transfers(8192, exponent=exponent)
        self.at: dict[str, Stored] = {
            "test": Stored(b"a test"),
            "seg1/seg2/seg3": Stored(b"far down"),
            "query": Stored(b"queried"),
            "validate": Stored(b"first"),
            "large": Stored(LARGE),
            "large-update": Stored(b""),
            "obs": Stored(b"0"),
            "obs-non": Stored(b"0"),
            "path/sub1": Stored(b"/path/sub1"),
        }
        self.later: list[Callable[[], None]] = []
        self.now = 0

    # The edges of it

    def receive(self, data: bytes, addr: object = CLIENT) -> None:
        """A datagram arrives."""
        self.server.receive_datagram(data, addr, self.now)
        while (event := self.server.next_event()) is not None:
            if isinstance(event, Request):
                self._heard(event)

    def take(self) -> list[coap.Message]:
        """What was sent since the last call."""
        return [coap.decode_untrusted(data) for data, _ in self.server.datagrams_to_send(self.now)]

    def pass_time(self, ms: int) -> list[coap.Message]:
        """Timers run."""
        self.now += ms
        self.server.handle_timer(self.now)
        return self.take()

    def put(self, path: str, payload: bytes, format: int = TEXT) -> list[coap.Message]:
        """The resource changes by itself -> the notifications of it."""
        stored = self.at[path]
        changes = format != stored.format
        stored.payload, stored.format = payload, format
        for key, observer in list(stored.observers.items()):
            self._notify(stored, key, observer, codes.NOT_ACCEPTABLE if changes else coap.CONTENT)
        return self.take()

    def delete(self, path: str) -> None:
        """The resource is gone, and its observers are told so."""
        stored = self.at.pop(path)
        for key, observer in list(stored.observers.items()):
            self._notify(stored, key, observer, codes.NOT_FOUND)

    # Inside

    def _heard(self, request: Request) -> None:
        if any(number in IN_BLOCKS for number, _ in request.options):
            said = self.transfers.take(request, self.now)
            if said is not None:
                self.server.answer_fresh(request, said.code, said.payload, self.now, said.options)
                return
        given: dict[int, list[bytes]] = {}
        for number, value in request.options:
            given.setdefault(number, []).append(value)
        path = "/".join(part.decode() for part in given.get(URI_PATH, []))
        code, payload, options = self._answer(request, path, given)
        if path == "separate":
            self.later.append(
                lambda: self.server.endpoint.respond(
                    request.incoming, code, options, payload, self.now, request.incoming.message.type == coap.CON
                )
            )
        else:
            self.server.answer_fresh(request, code, payload, self.now, options)

    def _answer(self, request: Request, path: str, given: dict[int, list[bytes]]) -> tuple[int, bytes, Options]:
        if request.code == coap.GET:
            return self._get(request, path, given)
        stored = self.at.get(path)
        tag = None if stored is None else etag(stored.payload)
        if not (preconditions.hold(given, tag) if stored else IF_MATCH not in given):
            return codes.PRECONDITION_FAILED, b"", []
        if request.code == codes.DELETE:
            if stored is not None:
                self.delete(path)
            return codes.DELETED, b"", []
        if request.code == codes.PUT:
            return self._put(path, request.payload, uint(given.get(CONTENT_FORMAT, [b""])[0]))
        return self._post(path, request.payload)

    def _get(self, request: Request, path: str, given: dict[int, list[bytes]]) -> tuple[int, bytes, Options]:
        if path in (discovery.PATH, "path"):
            links = LINKS if path == discovery.PATH else SUB_LINKS
            return coap.CONTENT, discovery.document(given.get(URI_QUERY, []), links), [(CONTENT_FORMAT, b"\x28")]
        if path == "separate":
            return coap.CONTENT, b"took a while", [(CONTENT_FORMAT, b"")]
        if path == "multi-format":
            wanted = uint(given.get(ACCEPT, [b""])[0])
            if wanted not in (TEXT, XML):
                return codes.NOT_ACCEPTABLE, b"", []
            return coap.CONTENT, b"<x/>" if wanted else b"x", [(CONTENT_FORMAT, uint_bytes(wanted))]
        stored = self.at.get(path)
        if stored is None:
            return codes.NOT_FOUND, b"", []
        tag = etag(stored.payload)
        if preconditions.is_known(given, tag):
            return codes.VALID, b"", [(ETAG, tag)]
        options = [(ETAG, tag), (CONTENT_FORMAT, uint_bytes(stored.format))]
        return coap.CONTENT, stored.payload, sorted(self._observed(request, stored, given) + options)

    def _observed(self, request: Request, stored: Stored, given: dict[int, list[bytes]]) -> Options:
        """RFC 7641 section 4.1: a registration is told by the option in its answer."""
        if OBSERVE not in given:
            return []
        key = request.incoming.addr, request.incoming.message.token
        stored.observers.pop(key, None)
        if uint(given[OBSERVE][0]) != 0:
            return []
        stored.observers[key] = Observer(request, request.incoming.message.type == coap.CON)
        return [(OBSERVE, b"")]

    def _notify(self, stored: Stored, key: tuple[object, bytes], observer: Observer, code: int) -> None:
        if observer.last is not None:
            if observer.last.failed:
                del stored.observers[key]
                return
            self.server.give_up(observer.last, self.now)
        observer.count += 1
        good = code == coap.CONTENT
        options = [(OBSERVE, uint_bytes(observer.count)), (CONTENT_FORMAT, uint_bytes(stored.format))] if good else []
        payload = stored.payload if good else b""
        observer.last = self.server.notify(
            observer.request, code, payload, self.now, options, observer.confirmable or not good
        )
        if not good:
            del stored.observers[key]

    def _put(self, path: str, payload: bytes, format: int) -> tuple[int, bytes, Options]:
        if path in self.at:
            stored = self.at[path]
            stored.payload, stored.format = payload, format
            for key, observer in list(stored.observers.items()):
                self._notify(stored, key, observer, coap.CONTENT)
            return coap.CHANGED, b"", []
        self.at[path] = Stored(payload, format)
        return codes.CREATED, b"", []

    def _post(self, path: str, payload: bytes) -> tuple[int, bytes, Options]:
        if path == "large-post":
            return coap.CHANGED, payload.swapcase() + payload, [(CONTENT_FORMAT, b"")]
        places = {"large-create": "large-create/1", "test": "location1/location2/location3", "location-query": ""}
        if path not in places:
            return codes.NOT_FOUND, b"", []
        self.at[places[path] or "location-query?first=1&second=2"] = Stored(payload)
        where = [(LOCATION_PATH, part.encode()) for part in places[path].split("/") if part]
        if path == "location-query":
            where += [(LOCATION_QUERY, b"first=1"), (LOCATION_QUERY, b"second=2")]
        return codes.CREATED, b"", where


class Client:
    """Makes requests by hand, each with a message id and a token of its own, and keeps them in `sent`."""

    def __init__(self, tree: Tree | None = None) -> None:
        self.tree = tree or Tree()
        self.mid = 0x7000
        self.sent: list[coap.Message] = []

    def request(
        self,
        code: int,
        path: str,
        *options: tuple[int, bytes],
        payload: bytes = b"",
        type: int = coap.CON,
        token: bytes | None = None,
    ) -> coap.Message:
        """One that is not sent yet."""
        self.mid += 1
        given = [*((URI_PATH, part.encode()) for part in path.split("/")), *options]
        chosen = self.mid.to_bytes(2, "big") if token is None else token
        message = coap.Message(type, code, self.mid, chosen, sorted(given, key=lambda one: one[0]), payload)
        self.sent.append(message)
        return message

    def ask(
        self,
        code: int,
        path: str,
        *options: tuple[int, bytes],
        payload: bytes = b"",
        type: int = coap.CON,
        token: bytes | None = None,
    ) -> list[coap.Message]:
        """Send one -> what came of it at once."""
        self.tree.receive(coap.encode(self.request(code, path, *options, payload=payload, type=type, token=token)))
        return self.tree.take()

    def answer(
        self,
        code: int,
        path: str,
        *options: tuple[int, bytes],
        payload: bytes = b"",
        type: int = coap.CON,
        token: bytes | None = None,
    ) -> coap.Message:
        """Send one -> the only answer, of its message id where that is due, and of its token."""
        (answer,) = self.ask(code, path, *options, payload=payload, type=type, token=token)
        asked = self.sent[-1]
        assert answer.token == asked.token
        if type == coap.CON:
            assert (answer.type, answer.mid) == (coap.ACK, asked.mid)
        else:
            assert answer.type == coap.NON
        return answer

    def empty(self, type: int, mid: int) -> list[coap.Message]:
        """An ACK or a Reset."""
        self.tree.receive(coap.encode(coap.Message(type, coap.EMPTY, mid)))
        return self.tree.take()


def option(message: coap.Message, number: int) -> bytes | None:
    """The first value of an option, or None."""
    return next((value for found, value in message.options if found == number), None)


def format_of(message: coap.Message) -> int | None:
    """The Content-Format."""
    value = option(message, CONTENT_FORMAT)
    return None if value is None else uint(value)
