"""Block-wise transfers of a server (RFC 7959): requests put together, answers cut and kept. Sans-IO.

Nothing comes here that was not authenticated. What is unfinished is bounded for each peer and overall, and forgotten
after EXCHANGE_LIFETIME; whoever comes back later is told to begin anew (4.08).
"""

from comatrix.codec import coap
from comatrix.codec.codes import BAD_REQUEST, CONTINUE, INCOMPLETE, TOO_LARGE
from comatrix.codec.option_numbers import BLOCK1, BLOCK2, REQUEST_TAG, SIZE1, SIZE2, URI_PATH, URI_QUERY, uint
from comatrix.codec.option_numbers import uint_bytes as encoded
from comatrix.codec.options import is_no_cache_key
from comatrix.session.blockwise import MOST_OF_SENDER, MOST_OPEN, Bodies, read_block_untrusted
from comatrix.session.duplicates import EXCHANGE_LIFETIME_MS
from comatrix.session.shaping import LARGEST, Shape, block_value, exponent_of

IN_BLOCKS = (BLOCK1, BLOCK2)
_OWN = (BLOCK1, BLOCK2, SIZE1, SIZE2, REQUEST_TAG)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable

    from comatrix.session.server import Request

    Options = list[tuple[int, bytes]]


class Said:
    """An answer that needs nobody above: to a block of a body, or one more block of an answer made before."""

    def __init__(self, code: int, payload: bytes = b"", options: "Options | None" = None) -> None:
        self.code = code
        self.payload = payload
        self.options: "Options" = options or []


class _Kept:
    def __init__(self, said: Said, until: int) -> None:
        self.said = said
        self.until = until


class Transfers:
    """Bodies of at most `most_bytes`. `exponent`: the largest block taken or sent is of 16 << exponent bytes."""

    def __init__(
        self,
        most_bytes: int,
        most_open: int = MOST_OPEN,
        most_of_peer: int = MOST_OF_SENDER,
        exponent: int = LARGEST,
    ) -> None:
        self.bodies = Bodies(most_bytes, most_open, most_of_peer)
        self.most_open = most_open
        self.exponent = exponent
        self._kept: "dict[tuple[Hashable, Hashable], _Kept]" = {}

    def __len__(self) -> int:
        return len(self.bodies) + len(self._kept)

    def take(self, request: "Request", now: int) -> "Said | None":
        """A request with a block option -> what to answer, or None: it is whole now, and stands there without them.

        Its counter and digest are then those of the message that made it whole first: a last block that is said once
        more is the same record. Answers to it are shaped as it asks.
        """
        block1 = _value(request.options, BLOCK1)
        shape = self._shape(request, now)
        if shape is None:
            return Said(BAD_REQUEST, b"no block option")
        request.shape = shape
        said = None
        if block1 is not None:
            said = self._body(request, block1, now)
        elif shape.number and request.code != coap.GET:
            said = self._again(request, now)
        if said is None:
            request.options = [option for option in request.options if option[0] not in _OWN]
        return said

    def _shape(self, request: "Request", now: int) -> "Shape | None":
        """How answers are to be cut; None: an option that is none."""
        value = _value(request.options, BLOCK2)
        number, exponent = 0, self.exponent
        if value is not None:
            try:
                number, more, size = read_block_untrusted(value)
            except ValueError:
                return None
            if more:
                return None
            asked = exponent_of(size)
            exponent = min(asked, self.exponent)
            number <<= asked - exponent
        shape = Shape(None, number, exponent, value is not None, _value(request.options, SIZE2) is not None)
        if request.code != coap.GET:
            key = _asked(request)

            def keep(code: int, options: "Options", payload: bytes) -> None:
                self._keep(key, Said(code, payload, options), now)

            shape.keep = keep
        return shape

    def _body(self, request: "Request", block1: bytes, now: int) -> "Said | None":
        sender, operation = _operation(request)
        announced = uint(_value(request.options, SIZE1) or b"")
        code, body = self.bodies.take(sender, request.counter, block1, request.payload, now, operation, announced)
        if code == BAD_REQUEST:
            return Said(code, b"no such block")
        number, more, size = read_block_untrusted(block1)
        shape = request.shape
        if shape is not None:
            shape.block1 = block_value(number, more, min(exponent_of(size), self.exponent))
        if code == TOO_LARGE:
            return Said(code, b"", [(SIZE1, encoded(self.bodies.most_bytes))])
        if code in (CONTINUE, INCOMPLETE):
            return Said(code)
        request.payload = body
        named = request.counter, request.digest
        request.counter, request.digest = self.bodies.first(sender, operation, named)
        return None

    def _keep(self, key: "tuple[Hashable, Hashable]", said: Said, now: int) -> None:
        """One answer a peer, for whoever fetches the rest of it."""
        kept = self._kept
        for one in [one for one, old in kept.items() if old.until <= now or one[0] == key[0]]:
            del kept[one]
        if len(kept) >= self.most_open:
            del kept[min(kept, key=lambda one: kept[one].until)]
        kept[key] = _Kept(said, now + EXCHANGE_LIFETIME_MS)

    def _again(self, request: "Request", now: int) -> Said:
        """One more block of an answer that is kept."""
        kept = self._kept.get(_asked(request))
        if kept is None or kept.until <= now:
            return Said(INCOMPLETE)
        return kept.said


def _value(options: "Options", number: int) -> "bytes | None":
    for found, value in options:
        if found == number:
            return value
    return None


def _operation(request: "Request") -> "tuple[Hashable, Hashable]":
    """What names a body (RFC 9175 section 3.3): who sends it, and all that would name it to a cache."""
    options = [one for one in request.options if one[0] not in IN_BLOCKS and not is_no_cache_key(one[0])]
    return request.peer.node, (_endpoint(request), request.code, tuple(options))


def _asked(request: "Request") -> "tuple[Hashable, Hashable]":
    """What names an answer: who asked, and what."""
    options = [one for one in request.options if one[0] in (URI_PATH, URI_QUERY)]
    return request.peer.node, (_endpoint(request), request.code, tuple(options))


def _endpoint(request: "Request") -> "Hashable":
    """Keys name a node wherever it is; without them its address and port do."""
    return request.incoming.addr if request.peer.context is None else None
