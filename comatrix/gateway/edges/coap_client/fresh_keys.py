"""OSCORE for a person who speaks for a node: keys of its own by RFC 8613 Appendix B.2, as for a node without state.

The node's own context is never used: two that count under one key would repeat a nonce. The gateway takes the new keys
in place of the node's, which makes its own again when it is refused (docs/decisions/0005). It goes on with the counter
it had, so a record sent here must not take a seq that is still to come there: see `cli/coap_node.py`.
"""

from collections.abc import Iterable

from comatrix.codec import coap
from comatrix.codec.option_numbers import OSCORE, URI_HOST
from comatrix.errors import WireError
from comatrix.gateway.aead import aead
from comatrix.gateway.edges.coap_client.errors import BrokenAnswerError, NoAnswer, NoSeq
from comatrix.gateway.edges.coap_client.peer import Peer
from comatrix.gateway.edges.coap_client.security import Opened, Options, Sealed
from comatrix.session import oscore
from comatrix.session.client import Client, Delivered, Reserve
from comatrix.session.counter import Counter
from comatrix.session.keys import Keys, node_id

STEP = 1000


class ProtectedRequest:
    """One sealed request."""

    def __init__(self, context: oscore.Context, counter: int, code: int, options: Options, payload: bytes) -> None:
        self._context = context
        inner = [option for option in options if option[0] != URI_HOST]
        self.code, self.options, self.payload, self._binding = oscore.protect_request(
            context, counter, code, inner, payload
        )

    def open_untrusted(self, message: coap.Message) -> Opened:
        """Raises BrokenAnswerError: it is not sealed, or not under these keys."""
        value = next((value for number, value in message.options if number == OSCORE), None)
        if value is None:
            said = message.payload.decode(errors="replace")[:64]
            raise BrokenAnswerError(
                f"it was refused without protection: {coap.code_text(message.code)} {said}".rstrip()
            )
        try:
            counter = oscore.read_option_untrusted(value)[0]
            opened = oscore.unprotect_response_untrusted(self._context, self._binding, counter, message.payload)
        except WireError as error:
            raise BrokenAnswerError(f"it is not sealed under the keys just made ({error})") from None
        return Opened(*opened, counter)


class FreshKeys:
    """Keys just made. A record's seq is its message's counter: those of POSTs come from `seqs` alone, ascending."""

    protected = True

    def __init__(self, context: oscore.Context, next_counter: int, seqs: Iterable[int]) -> None:
        self._context = context
        self._next = next_counter
        self._seqs = iter(seqs)

    def seal(self, code: int, options: Options, payload: bytes) -> Sealed:
        """Under a counter not used before. Raises NoSeq."""
        counter = self._next
        if code != coap.GET:
            found = next((seq for seq in self._seqs if seq >= self._next), None)
            if found is None:
                raise NoSeq
            counter = found
        self._next = counter + 1
        return ProtectedRequest(self._context, counter, code, options, payload)


def make_keys(peer: Peer, secret: bytes, number: int, first: int, seqs: Iterable[int], until: int) -> FreshKeys:
    """Runs Appendix B.2 with the gateway at `peer` by asking for the time, from the counter `first` on: no key that was
    used before counts here. Raises NoAnswer, BrokenAnswerError, OSError."""
    counter = Counter(first, STEP)
    client = Client(peer.endpoint, peer.addr, Keys(secret, node_id(number), b"", aead), counter, None)
    refused = client.unauthorized
    client.get("t", peer.now())
    while not isinstance(event := client.next_event(), Delivered):  # Refused is one too
        if isinstance(event, Reserve):
            client.reserved(event.limit, peer.now())
        elif event is None and client.unauthorized > refused:
            raise BrokenAnswerError("it refuses the node's key: it does not know the node, or has other keys of it")
        elif event is None and not _step(client, peer, until):
            raise NoAnswer
    return FreshKeys(client.context, counter.next, seqs)


def _step(client: Client, peer: Peer, until: int) -> bool:
    """Whether there is time left."""
    due = client.next_deadline()
    alive = peer.wait(until if due is None else min(until, max(due, peer.now() + 1)))
    client.handle_timer(peer.now())
    peer.flush()
    return alive or peer.now() < until
