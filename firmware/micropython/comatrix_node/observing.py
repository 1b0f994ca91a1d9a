"""A client that observes what waits for it (RFC 7641), for nodes that stay awake: get("c") is answered once more
whenever there is an item. Loaded where config.json says `observe`.
"""

from comatrix.codec import coap
from comatrix.codec.option_numbers import MAX_AGE, OBSERVE, OSCORE, URI_PATH, uint
from comatrix.errors import WireError
from comatrix.session import oscore
from comatrix.session.client import Client, Delivered

_MAX_AGE_S = 60  # where none is said (RFC 7252 section 5.10.5)
_WAITS = (URI_PATH, b"c")

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class ObservingClient(Client):
    """`again`: when to register anew, in ms; what it is told comes as Delivered("c", None, ...), as if it had asked."""

    again = 0
    _watch: "tuple[bytes, oscore.Context, oscore.Binding] | None" = None  # and the token of the registration
    _newest = -1  # the highest counter of an answer to it: older ones are copies, or came late
    _heard = -1

    def receive_datagram(self, data: bytes, addr: "Any", now: int) -> None:
        """Take a datagram as it came."""
        if not self._notified(data, now):
            super().receive_datagram(data, addr, now)

    def _send(
        self,
        context: oscore.Context,
        code: int,
        options: "list[tuple[int, bytes]]",
        body: bytes,
        kid_context: "bytes | None",
        now: int,
    ) -> None:
        if code == coap.GET and options[0] == _WAITS:
            options = [(OBSERVE, b"")] + options  # 0: register
        super()._send(context, code, options, body, kid_context, now)

    def _authenticated(self, value: bytes, sealed: bytes, now: int) -> None:
        heard = oscore.read_option_untrusted(value)[0]
        self._heard = -1 if heard is None else heard
        super()._authenticated(value, sealed, now)

    def _adopt(self, context: oscore.Context) -> None:
        self.again = 0  # the gateway forgot the observation with the keys
        super()._adopt(context)

    def _concluded(self, code: int, options: "list[tuple[int, bytes]]", payload: bytes, now: int) -> None:
        request = self.open
        if request is not None and request.path == "c" and request.code == coap.GET and self.binding is not None:
            self._watch = None
            self._stays(code, options, now)
            if [one for one in options if one[0] == OBSERVE]:
                self._watch = bytes((self.endpoint.token,)), self.context, self.binding
                self._newest = self._heard
        super()._concluded(code, options, payload, now)

    def _stays(self, code: int, options: "list[tuple[int, bytes]]", now: int) -> None:
        """Answers are fresh for Max-Age; what is none of c's ends the observation (RFC 7641 section 4.2)."""
        max_age_s = _MAX_AGE_S
        for number, value in options:
            if number == MAX_AGE:
                max_age_s = uint(value)
        self.again = now + max_age_s * 1000
        if code != coap.CONTENT:
            self._watch = None

    def _notified(self, data: bytes, now: int) -> bool:
        """Whether it was a notification; one that is no copy is told. What does not verify is none."""
        watch = self._watch
        if watch is None:
            return False
        try:
            message = coap.decode_untrusted(data)
            if message.token != watch[0] or message.type > coap.NON or not coap.is_response(message.code):
                return False
            value = [value for number, value in message.options if number == OSCORE]
            counter = oscore.read_option_untrusted(value[0])[0] if value else None
            if counter is None:
                return False  # only the answer to the registration itself may do without
            code, options, payload = oscore.unprotect_response_untrusted(watch[1], watch[2], counter, message.payload)
        except WireError:
            return False
        if message.type == coap.CON:
            self.endpoint.out.append((coap.encode(coap.Message(coap.ACK, coap.EMPTY, message.mid)), self.addr))
        if counter > self._newest:
            self._newest = counter
            self._stays(code, options, now)
            if code == coap.CONTENT:
                self.events.append(Delivered("c", None, code, payload))
        return True
