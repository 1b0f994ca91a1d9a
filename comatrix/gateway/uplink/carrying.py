"""What answers carry to a node beside their code: the item that waits for it, or how it proves its address first."""

from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from comatrix.codec import coap
from comatrix.codec.option_numbers import ECHO
from comatrix.codec.records import Answer, Command
from comatrix.gateway.errors import StoreError
from comatrix.gateway.uplink.address_proof import AddressProof
from comatrix.session.server import AMPLIFICATION, Request

Options = list[tuple[int, bytes]]

_HEADER = 4
_EMPTY_ACK = 4  # what an answer that takes long is announced by
_OSCORE = 17  # option, code and tag of an answer under a counter of our own, at most


class Mail(Protocol):
    """What waits for nodes, and what they say of it."""

    def waits(self, node: int) -> bool:
        """Whether an item stands or waits for a node: from memory, as it is asked at every record."""

    async def air(self, node: int) -> Command | None:
        """The item that stands, as it goes on air; that it does is on disk before this returns. Raises StoreError."""

    async def result_stored(self) -> None:
        """A result is in the log: take it from there. May be told more than once of one. Raises StoreError."""

    async def describe(self, node: int, body: bytes) -> None:
        """Store the CBOR of a node's self-description. Raises StoreError."""

    def known_hash(self, node: int) -> bytes | None:
        """The hash of the self-description that is stored of a node."""

    def executed(self, node: int, id: int) -> None:
        """A node says that this is the highest id it executed."""


class NoMail:
    """A Mail for which nothing ever waits, and nobody keeps what nodes say of it."""

    def waits(self, node: int) -> bool:
        """Never."""
        return False

    async def air(self, node: int) -> Command | None:
        """Nothing."""
        return None

    async def result_stored(self) -> None:
        """It stays in the log."""

    async def describe(self, node: int, body: bytes) -> None:
        """Nobody asks for it."""

    def known_hash(self, node: int) -> bytes | None:
        """None is known."""
        return None

    def executed(self, node: int, id: int) -> None:
        """Nothing was asked of it."""


class Carrying:
    """`hears(node, enrolment)`: whether a node that was heard still is; a person may change that at every await."""

    def __init__(self, mail: Mail, proof: AddressProof, hears: Callable[[int, int], bool]) -> None:
        self._mail = mail
        self._proof = proof
        self._hears = hears

    def reaches(self, request: Request, now: int) -> bool:
        """Whether an item may go where a request came from. An Echo value in it is looked at, and may prove it.

        A plain node's address is its identity, declared by a person: there is nothing more to prove of it.
        """
        return self._proven(request) or self._echoes(request, now) or request.peer.context is None

    def affordable(self, request: Request, options: Options, payload: bytes) -> bool:
        """Whether an answer may be as long as this: to an address that is not proven, three times the request."""
        if self._proven(request):
            return True
        incoming = request.incoming
        around = _EMPTY_ACK + _HEADER + len(incoming.message.token) + (_OSCORE if request.peer.context else 0)
        return around + len(coap.encode_body(options, payload)) <= AMPLIFICATION * len(incoming.seen.data)

    def challenge(self, request: Request, now: int) -> Options:
        """The option that lets a node prove where it is."""
        return [(ECHO, self._proof.challenge(request.peer.node, request.incoming.addr, now))]

    async def load(self, request: Request, enrolment: int, answer: Answer, now: int) -> Options | None:
        """Put into an answer what waits -> the answer's options. None: the node is heard no more, nothing is sent."""
        node = request.peer.node
        if not self._hears(node, enrolment):
            return None
        if not self._mail.waits(node):
            return []
        if self.reaches(request, now):
            with suppress(StoreError):  # it stays where it is: the record's 2.04 need not wait for it
                answer.item = await self._mail.air(node)
            if not self._hears(node, enrolment):
                return None
            if answer.item is None or self.affordable(request, [], answer.encode()):
                return []
            answer.item = None
        return self._announced(request, answer, now)

    def _announced(self, request: Request, answer: Answer, now: int) -> Options:
        options = self.challenge(request, now)
        answer.more = True
        if self.affordable(request, options, answer.encode()):
            return options
        answer.more = False
        return []

    def _proven(self, request: Request) -> bool:
        return self._proof.proven(request.peer.node, request.incoming.addr)

    def _echoes(self, request: Request, now: int) -> bool:
        node, addr = request.peer.node, request.incoming.addr
        values = [value for number, value in request.options if number == ECHO]
        return any(self._proof.check(node, addr, value, now) for value in values)
