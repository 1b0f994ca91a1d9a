"""The node's client where the link is secure by itself: plain CoAP, and every record begins with its seq."""

from comatrix.codec import cbor, coap
from comatrix.codec.option_numbers import BLOCK1, ECHO, URI_PATH
from comatrix.session.client import Client, Reserve

TYPE_CHECKING = False
if TYPE_CHECKING:
    pass


class PlainClient(Client):
    """What comes to it is the gateway's word: the link hands up nothing else."""

    def _attempt(self, now: int) -> None:
        self.due = None
        request = self.open
        if request is None:
            return
        if request.code == coap.POST and request.seq is None:
            if not self.counter.ready():
                self.events.append(Reserve(self.counter.wanted()))
                return
            request.seq = self.counter.take()
        options = [(URI_PATH, request.path.encode())]
        if request.block is not None:
            options.append((BLOCK1, request.block))
        if request.echo is not None:
            options.append((ECHO, request.echo))
        body = request.body(now)
        if request.seq is not None and request.block is None:  # what comes in pieces has its seq in none
            body = cbor.encode(request.seq) + body
        self.exchange = self.endpoint.request(self.addr, request.code, self.options(options), body, now)

    def options(self, options: "list[tuple[int, bytes]]") -> "list[tuple[int, bytes]]":
        """Of a request, in their order."""
        return options

    def _answered(self, message: coap.Message, now: int) -> None:
        self._concluded(message.code, list(message.options), message.payload, now)
