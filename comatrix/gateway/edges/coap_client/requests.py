"""Requests of one person: in blocks where they are long (RFC 7959), with the Echo that is asked for (RFC 9175)."""

from dataclasses import dataclass, field

from comatrix.codec import coap
from comatrix.codec.codes import CONTINUE, TOO_LARGE
from comatrix.codec.option_numbers import BLOCK1, BLOCK2, ECHO, OBSERVE
from comatrix.gateway.edges.coap_client.errors import BrokenAnswerError
from comatrix.gateway.edges.coap_client.peer import Peer
from comatrix.gateway.edges.coap_client.security import Opened, Options, Plain, Sealed, Security
from comatrix.session.blockwise import read_block_untrusted
from comatrix.session.fetching import BlockError, Fetching
from comatrix.session.shaping import LARGEST, block_value, exponent_of

MOST_BYTES = 1 << 20  # of an answer: nobody reads more on a terminal


@dataclass
class Asking:
    """A peer and how one speaks to it. `timeout_ms`: how long each message may wait for its answer."""

    peer: Peer
    timeout_ms: int
    confirmable: bool = True
    security: Security = field(default_factory=Plain)

    def ask(self, code: int, options: Options, payload: bytes = b"") -> Opened:
        """The whole answer. Raises NoAnswer, BrokenAnswerError, OSError."""
        answer = self._send_whole(code, options, payload)
        return self.complete(options, answer)

    def exchange(self, code: int, options: Options, payload: bytes = b"", token: bytes | None = None) -> Opened:
        """One message and its answer; a 4.01 with Echo is asked once more with it. Raises as `ask`."""
        answer = self.once(code, options, payload, token)[1]
        echo = answer.first(ECHO)
        if answer.code == coap.UNAUTHORIZED and echo is not None:
            answer = self.once(code, [*options, (ECHO, echo)], payload, token)[1]
        return answer

    def once(self, code: int, options: Options, payload: bytes, token: bytes | None) -> tuple[Sealed, Opened]:
        """One message and its answer."""
        sealed = self.security.seal(code, sorted(options, key=lambda option: option[0]), payload)
        until = self.peer.now() + self.timeout_ms
        message = self.peer.ask(
            sealed.code,
            sealed.options,
            sealed.payload,
            self.peer.token() if token is None else token,
            until,
            confirmable=self.confirmable,
        )
        return sealed, sealed.open_untrusted(message)

    def complete(self, options: Options, answer: Opened) -> Opened:
        """`answer` with the blocks that follow its first one (RFC 7959 section 2.4). Raises as `ask`."""
        if answer.first(BLOCK2) is None:
            return answer
        asked = [option for option in options if option[0] not in (OBSERVE, BLOCK1)]
        fetching, part = Fetching(most_bytes=MOST_BYTES), answer
        try:
            # The first may be an answer to a POST; what follows it is asked for like any representation.
            whole = fetching.take_untrusted(coap.CONTENT, part.options, part.payload)
            while not whole:
                part = self.exchange(coap.GET, [*asked, *fetching.options()])
                if part.code != coap.CONTENT or part.first(BLOCK2) is None:
                    raise BrokenAnswerError(f"a block of it was answered by {coap.code_text(part.code)}")
                whole = fetching.take_untrusted(part.code, part.options, part.payload)
        except BlockError as error:
            raise BrokenAnswerError(f"its blocks make no answer: {error}") from None
        return Opened(answer.code, answer.options, fetching.body, answer.order)

    def _send_whole(self, code: int, options: Options, payload: bytes) -> Opened:
        """In one message, or in blocks (RFC 7959 section 2.5); the other side may ask for smaller ones."""
        if len(payload) <= 16 << LARGEST:
            return self.exchange(code, options, payload)
        at, exponent = 0, LARGEST
        while True:
            size = 16 << exponent
            more = at + size < len(payload)
            option = block_value(at // size, more, exponent)
            part = payload[at : at + size]
            answer = self.exchange(code, [*options, (BLOCK1, option)], part)
            wanted = answer.first(BLOCK1)
            smaller = _block(wanted)[2] if wanted is not None else size
            if smaller < size and (answer.code == CONTINUE or (answer.code == TOO_LARGE and at == 0)):
                exponent = exponent_of(smaller)
                at = at + size if answer.code == CONTINUE else 0
            elif answer.code != CONTINUE or not more:
                return answer
            else:
                at += size


def _block(value: bytes) -> tuple[int, bool, int]:
    try:
        return read_block_untrusted(value)
    except ValueError:
        raise BrokenAnswerError("its block option cannot be read") from None
