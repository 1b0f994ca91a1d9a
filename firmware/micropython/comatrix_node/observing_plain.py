"""A plain client that observes what waits for it (RFC 7641), for nodes that stay awake: see observing.py."""

from comatrix.codec import coap
from comatrix.codec.option_numbers import MAX_AGE, OBSERVE, URI_PATH, uint
from comatrix.errors import WireError
from comatrix.session.client import Delivered
from comatrix_node.plain_client import PlainClient

_MAX_AGE_S = 60  # where none is said (RFC 7252 section 5.10.5)
_HALF = 1 << 23  # of the numbers an observation counts in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class ObservingPlainClient(PlainClient):
    """`again`: when to register anew, in ms; what it is told comes as Delivered("c", None, ...), as if it had asked."""

    again = 0
    _watch: "bytes | None" = None  # the token of the registration
    _newest = 0

    def receive_datagram(self, data: bytes, addr: "Any", now: int) -> None:
        """Take a datagram as it came."""
        if self._watch is None or not self._notified(data, now):
            super().receive_datagram(data, addr, now)

    def options(self, options: "list[tuple[int, bytes]]") -> "list[tuple[int, bytes]]":
        """Of a request, in their order: a question registers."""
        asks = self.open is not None and self.open.code == coap.GET and options[0] == (URI_PATH, b"c")
        return [(OBSERVE, b"")] + options if asks else options

    def _concluded(self, code: int, options: "list[tuple[int, bytes]]", payload: bytes, now: int) -> None:
        request = self.open
        if request is not None and request.path == "c" and request.code == coap.GET:
            self._watch = None
            number = self._stays(code, options, now)
            if number is not None and code == coap.CONTENT:
                self._watch = bytes((self.endpoint.token,))
                self._newest = number
        super()._concluded(code, options, payload, now)

    def _stays(self, code: int, options: "list[tuple[int, bytes]]", now: int) -> "int | None":
        """Answers are fresh for Max-Age; what is none of c's ends the observation. The number of the Observe option."""
        max_age_s = _MAX_AGE_S
        number = None
        for name, value in options:
            if name == MAX_AGE:
                max_age_s = uint(value)
            elif name == OBSERVE:
                number = uint(value)
        self.again = now + max_age_s * 1000
        if code != coap.CONTENT:
            self._watch = None
        return number

    def _notified(self, data: bytes, now: int) -> bool:
        """Whether it was a notification; one that is newer than the last (RFC 7641 section 3.4) is told."""
        try:
            message = coap.decode_untrusted(data)
        except WireError:
            return False
        if message.token != self._watch or message.type > coap.NON or not coap.is_response(message.code):
            return False
        if message.type == coap.CON:
            self.endpoint.out.append((coap.encode(coap.Message(coap.ACK, coap.EMPTY, message.mid)), self.addr))
        number = self._stays(message.code, list(message.options), now)
        if message.code == coap.CONTENT and number is not None and 0 < (number - self._newest) % (2 * _HALF) < _HALF:
            self._newest = number
            self.events.append(Delivered("c", None, message.code, message.payload))
        return True
