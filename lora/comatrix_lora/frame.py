"""LoRa frames: sealed and opened with OSCORE's keys, nonces and AAD (RFC 8613) under a header of 3 or 7 bytes.

The security context is passed in, as `comatrix.session.oscore.Context` is one, with the replay window and `aad(kid,
counter)`, the AAD of RFC 8613 section 5.4 for the request named so. A `Peer` serves one context, on either side.
"""

from comatrix_lora.counters import REQUESTS, LongForm, Requests, candidates
from comatrix_lora.errors import FrameError, LoraError
from comatrix_lora.header import LAST_COUNTER, LAST_SHORT_NODE, Header, parse_untrusted

TAG = 8
MOST = 255  # bytes of a LoRa packet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Protocol

    class Sealing(Protocol):
        """An AEAD under the key we send with."""

        def seal(self, nonce: bytes, aad: bytes, plaintext: bytes) -> bytes: ...

    class Opening(Protocol):
        """An AEAD under the key we receive with; ValueError for a wrong tag."""

        def open(self, nonce: bytes, aad: bytes, ciphertext: bytes) -> bytes: ...

    class Security(Protocol):
        """An OSCORE security context."""

        sender_id: bytes
        recipient_id: bytes
        sender_base: int
        recipient_base: int

        @property
        def sender(self) -> Sealing: ...

        @property
        def recipient(self) -> Opening: ...

    class Window(Protocol):
        """A replay window: `highest` accepted counter, -1 for none, and a mask of those below it."""

        highest: int
        mask: int

        def fresh(self, counter: int) -> bool: ...

        def accept(self, counter: int) -> None: ...

    Aad = Callable[[bytes, int], bytes]
    Derive = Callable[[bytes], "Peer"]
    State = tuple[int, ...]


class Opened:
    """An authentic frame. `counter`: the sender's own, None in a response under its request's nonce. `request`: the
    counter of our request it answers, None in a request. `plain`: what `rules` reads."""

    __slots__ = ("counter", "plain", "request")

    def __init__(self, counter: "int | None", request: "int | None", plain: bytes) -> None:
        self.counter = counter
        self.request = request
        self.plain = plain


def nonce(base: int, counter: int) -> bytes:
    """RFC 8613 section 5.2: `base` is the Common IV with the sender's ID in it."""
    return (base ^ counter).to_bytes(13, "big")


class Peer:
    """The other side of one context, as seen from a node or from the gateway (whose ID is empty).

    A counter handed in must be reserved and never used before; a counter of an opened request is to be on disk before
    that request is answered under its own nonce. `derive(extra)`: a new peer of the same secret whose ID Context has
    these bytes of Appendix B.2, with a window of its own; without it no keys are made anew. `extra`: those of this one.
    """

    def __init__(
        self, context: "Security", aad: "Aad", window: "Window", extra: bytes = b"", derive: "Derive | None" = None
    ) -> None:
        self.context = context
        self.window = window
        self.extra = extra
        self.derive = derive
        self.lost = False  # what was heard and sent under it is not known (a restored copy): it only derives
        self.node = int.from_bytes(context.sender_id or context.recipient_id, "big")
        self.up = bool(context.sender_id)
        self.requests = Requests()
        self.long_form = LongForm()
        self.sent = -1  # the newest counter of ours
        self.answerable: "list[int]" = []  # requests of theirs whose nonce we may still use
        self._aad = aad

    def seal_request(self, counter: int, plain: bytes, step: int = 0, extra: bytes = b"") -> bytes:
        """A request's frame; `step` and `extra`: of Appendix B.2 (`header`).

        Raises LoraError: too long, or a counter that is not above the last one."""
        frame = self._seal_own(counter, False, counter, self.context.sender_id, plain, step, extra)
        self.requests.add(counter)
        return frame

    def seal_response(self, request: int, plain: bytes, counter: "int | None" = None, second: bytes = b"") -> bytes:
        """A response to their request of that counter. `counter` None: under the request's nonce, once only. `second`:
        R2, in the response to request #1 of Appendix B.2.

        Raises LoraError: too long, a nonce used before or not ours to use, or as `seal_request`.
        """
        if counter is not None:
            return self._seal_own(counter, True, request, self.context.recipient_id, plain)
        if request not in self.answerable:
            raise LoraError("a request is answered under its nonce once, after it was opened here")
        long = self.node > LAST_SHORT_NODE or bool(second)
        header = Header(self.up, True, False, long, self.node, request, None, 1 if second else 0, second)
        frame = self._sealed(header, self.context.recipient_base, request, request, self.context.recipient_id, plain)
        self.answerable.remove(request)
        return frame

    def _seal_own(
        self, counter: int, resp: bool, request: int, kid: bytes, plain: bytes, step: int = 0, extra: bytes = b""
    ) -> bytes:
        if not self.sent < counter <= LAST_COUNTER:
            raise LoraError("a counter is used once, in order, and has 4 bytes")
        long = self.node > LAST_SHORT_NODE or bool(step) or self.long_form.due(counter)
        header = Header(self.up, resp, resp, long, self.node, counter, request if resp else None, step, extra)
        frame = self._sealed(header, self.context.sender_base, counter, request, kid, plain)
        self.sent = counter
        self.long_form.sent(long)
        return frame

    def _sealed(self, header: Header, base: int, counter: int, request: int, kid: bytes, plain: bytes) -> bytes:
        if not plain or header.size + len(plain) + TAG > MOST:
            raise LoraError("nothing to send, or more than a frame holds")
        return header.encode() + self.context.sender.seal(nonce(base, counter), self._aad(kid, request), plain)

    def open_untrusted(self, header: Header, data: bytes) -> Opened:
        """A whole frame and its parsed header -> its content, whatever step of Appendix B.2 it names.

        Raises FrameError, and then nothing has changed."""
        if header.node != self.node or header.up == self.up or self.lost:
            raise FrameError("not for us")
        sealed = data[header.size :]
        if len(sealed) <= TAG or len(data) > MOST:
            raise FrameError("no length of a frame")
        if not header.resp:
            return self._open_request(header, sealed)
        return self._open_own(header, sealed) if header.own else self._open_answer(header, sealed)

    def _open_request(self, header: Header, sealed: bytes) -> Opened:
        for counter in self._counters(header):
            plain = self._try(self.context.recipient_base, counter, self.context.recipient_id, counter, sealed)
            if plain is not None:
                self.window.accept(counter)
                self.answerable = (self.answerable + [counter])[-REQUESTS:]
                return Opened(counter, None, plain)
        raise FrameError("no key fits, or heard before")

    def _open_answer(self, header: Header, sealed: bytes) -> Opened:
        for request in self.requests.matching(header.counter, header.long):
            plain = self._try(self.context.sender_base, request, self.context.sender_id, request, sealed)
            if plain is not None:
                self._answered(request, True)
                return Opened(None, request, plain)
        raise FrameError("no key fits, or no request of ours")

    def _open_own(self, header: Header, sealed: bytes) -> Opened:
        assert header.request is not None
        for request in self.requests.matching_own(header.request):
            for counter in self._counters(header):
                plain = self._try(self.context.recipient_base, counter, self.context.sender_id, request, sealed)
                if plain is not None:
                    self.window.accept(counter)
                    self._answered(request, False)
                    return Opened(counter, request, plain)
        raise FrameError("no key fits, heard before, or no request of ours")

    def _counters(self, header: Header) -> "list[int]":
        """The counters to try, of those not heard yet."""
        tried = (header.counter,) if header.long else candidates(self.window.highest, header.counter)
        return [counter for counter in tried if self.window.fresh(counter)]

    def _try(self, base: int, counter: int, kid: bytes, request: int, sealed: bytes) -> "bytes | None":
        try:
            return self.context.recipient.open(nonce(base, counter), self._aad(kid, request), sealed)
        except ValueError:
            return None

    def _answered(self, request: int, under_its_nonce: bool) -> None:
        self.requests.answered(request, under_its_nonce)
        self.long_form.arrived(request)

    def take_over(self, asked: "Peer") -> None:
        """Answer, or hear answered, under these keys what was asked under other ones (Appendix B.2, response #1)."""
        self.requests = asked.requests
        self.answerable = asked.answerable

    def state(self) -> "State":
        """All that deep sleep must not lose: 6 integers, then the open requests. None of it is secret."""
        ours = (self.sent, self.long_form.reached, self.long_form.since, self.requests.heard)
        return (self.window.highest, self.window.mask) + ours + tuple(self.requests.open)

    def resume(self, state: "State") -> None:
        """Go on from a `state` of this same context, nothing sent or heard since."""
        self.window.highest, self.window.mask = state[0], state[1]
        self.sent, self.long_form.reached, self.long_form.since, self.requests.heard = state[2:6]
        self.requests.open = list(state[6:])


def open_untrusted(data: bytes, peers_of: "Callable[[int], Iterable[Peer]]") -> "tuple[Peer, Opened]":
    """A frame -> who sent it, and its content. `peers_of(number)`: the contexts of a node in the order to try them.

    Raises FrameError, also for a frame of Appendix B.2, and then nothing has changed.
    """
    header = parse_untrusted(data)
    if header.step:
        raise FrameError("a frame of Appendix B.2")
    for peer in peers_of(header.node):
        try:
            return peer, peer.open_untrusted(header, data)
        except FrameError:
            pass
    raise FrameError("no key fits, heard before, or nobody we know")
