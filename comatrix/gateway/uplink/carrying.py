"""What answers carry to a node beside their code: the item that waits for it, or how it proves its address first."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Protocol

from comatrix.codec import coap
from comatrix.codec.option_numbers import ECHO
from comatrix.codec.records import Answer, Command
from comatrix.gateway.errors import StoreError
from comatrix.gateway.model import SecureAddress
from comatrix.gateway.uplink.address_proof import AddressProof
from comatrix.gateway.uplink.fresh_answers import Options
from comatrix.session.answering import AMPLIFICATION
from comatrix.session.server import Request
from comatrix.session.shaping import Shape

_HEADER = 4
_EMPTY_ACK = 4  # what an answer that takes long is announced by
_OSCORE = 17  # option, code and tag of an answer under a counter of our own, at most


class Mail(Protocol):
    """What waits for nodes, and what they say of it."""

    def waits(self, node: int) -> bool:
        """Whether an item stands or waits for a node: from memory, as it is asked at every record."""

    async def air(self, node: int) -> Command | None:
        """The item that stands; it is on air, on disk, when this returns. Results go before. Raises StoreError."""

    async def rekeyed(self, node: int) -> None:
        """A node made new keys: it may have lost its state, and with it which item it executed last. Raises
        StoreError."""

    async def result_stored(self) -> None:
        """A result is in the log, perhaps not for the first time: take it from there. Raises StoreError."""

    async def text_stored(self) -> None:
        """A text to a node is in the log: put it into that one's mailbox. Raises StoreError."""

    async def describe(self, node: int, body: bytes) -> None:
        """Store the CBOR of a node's self-description. Raises StoreError."""

    def known_hash(self, node: int) -> bytes | None:
        """The hash of the self-description that is stored of a node."""

    async def executed(self, node: int, id: int) -> None:
        """A node says that it executed this id: the next ones are above it, on disk. Raises StoreError."""


class NoMail:
    """A Mail for which nothing ever waits, and nobody keeps what nodes say of it."""

    def waits(self, node: int) -> bool:
        """Never."""
        return False

    async def air(self, node: int) -> Command | None:
        """Nothing."""
        return None

    async def rekeyed(self, node: int) -> None:
        """Nothing is on air."""

    async def result_stored(self) -> None:
        """It stays in the log."""

    async def text_stored(self) -> None:
        """It stays in the log."""

    async def describe(self, node: int, body: bytes) -> None:
        """Nobody asks for it."""

    def known_hash(self, node: int) -> bytes | None:
        """None is known."""
        return None

    async def executed(self, node: int, id: int) -> None:
        """Nothing was asked of it."""


class Carrying:
    """`hears(node, enrolment)`: whether a node that was heard still is; a person may change that at every await.
    `carried(node, id)`: an answer with this item is about to leave."""

    def __init__(
        self,
        mail: Mail,
        proof: AddressProof,
        hears: Callable[[int, int], bool],
        carried: Callable[[int, int], None] = lambda node, id: None,
    ) -> None:
        self._mail = mail
        self._proof = proof
        self._hears = hears
        self._carried = carried

    def reaches(self, request: Request, now: int) -> bool:
        """Whether an item may go where a request came from. An Echo value in it is looked at, and may prove it.

        A plain node's address is its identity, declared by a person: there is nothing more to prove of it.
        """
        return self.proves(request, now) or request.peer.context is None

    def proves(self, request: Request, now: int) -> bool:
        """Whether its node is proven to be where a request came from, by this request or before it."""
        return self.proven(request) or self._echoes(request, now)

    def affords(self, request: Request, options: Options, payload: bytes, now: int) -> bool:
        """Whether this may be the answer to where a request came from; an Echo value in it may prove that."""
        return self._fits(request, options, payload) or self.proves(request, now)

    def challenge(self, request: Request, now: int) -> Options:
        """The option that lets a node prove where it is."""
        return [(ECHO, self._proof.challenge(request.peer.node, request.incoming.addr, now))]

    def shorten(self, request: Request, options: Options, payload: bytes) -> bool:
        """Have a long answer leave in blocks that are short enough for where a request came from, if any are."""
        shape = request.shape or Shape()
        while shape.exponent and not self._fits(request, options, payload):
            request.shape = shape = shape.smaller()
        return self._fits(request, options, payload)

    async def load(self, request: Request, enrolment: int, answer: Answer, now: int) -> Options | None:
        """Put into an answer what waits, or that something does -> the answer's options.

        None: the node is no longer heard, nothing is sent.
        """
        options: Options | None = []
        if self._mail.waits(request.peer.node):
            if self.reaches(request, now):
                with suppress(StoreError):  # the item stays where it is: the 2.04 need not wait for it
                    options = await self.fetch(request, enrolment, answer, now)
            else:
                options = self.challenge(request, now)
        if options:
            options = self._announced(request, answer, options)
        return options if self._hears(request.peer.node, enrolment) else None

    async def fetch(self, request: Request, enrolment: int, answer: Answer, now: int) -> Options | None:
        """Put the item that stands into an answer -> no options, or Echo where it is too long for the address.

        None: the node is no longer heard. Raises StoreError.
        """
        node = request.peer.node
        if not self._hears(node, enrolment):
            return None
        answer.item = await self._mail.air(node)
        if not self._hears(node, enrolment):
            return None
        if answer.item is None:
            return []
        if self._affordable(request, [], answer):
            self._carried(node, answer.item.id)
            return []
        answer.item = None
        return self.challenge(request, now)

    def _announced(self, request: Request, answer: Answer, options: Options) -> Options:
        answer.more = True
        if self._affordable(request, options, answer):
            return options
        answer.more = False
        return []

    def _affordable(self, request: Request, options: Options, answer: Answer) -> bool:
        """Whether an answer may be as long as this: to an address that is not proven, three times the request."""
        return self.proven(request) or self._fits(request, options, answer.encode())

    @staticmethod
    def _fits(request: Request, options: Iterable[tuple[int, bytes]], payload: bytes) -> bool:
        incoming = request.incoming
        around = _EMPTY_ACK + _HEADER + len(incoming.message.token) + (_OSCORE if request.peer.context else 0)
        if request.shape is not None:
            _, options, payload = request.shape.measured(list(options), payload)
        return around + len(coap.encode_body(list(options), payload)) <= AMPLIFICATION * len(incoming.seen.data)

    def proven(self, request: Request) -> bool:
        """Whether its node was last proven to be where this came from: by Echo, or by the cookie of its DTLS."""
        if isinstance(request.incoming.addr, SecureAddress):
            return True
        return self._proof.proven(request.peer.node, request.incoming.addr)

    def _echoes(self, request: Request, now: int) -> bool:
        node, addr = request.peer.node, request.incoming.addr
        values = [value for number, value in request.options if number == ECHO]
        return any(self._proof.check(node, addr, value, now) for value in values)
