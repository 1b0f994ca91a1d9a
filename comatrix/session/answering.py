"""What becomes of an answer before it is sealed or sent: whether anybody wants it, how much of it may leave."""

from comatrix.codec import codes
from comatrix.codec.option_numbers import NO_RESPONSE, OBSERVE, uint, uint_bytes
from comatrix.session.shaping import WHOLE

AMPLIFICATION = 3  # what is sent for one request to an unproven address, in sizes of that request
MOST_PAYLOAD = 1024  # of an answer in one piece

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from comatrix.session.server import Repeated, Request
    from comatrix.session.serving import Incoming


def proven_node(addr: "Any") -> "int | None":
    """The node that a link below (DTLS) has proven an address to be of, or None. `addr.node` then."""
    return getattr(addr, "node", None)


def affordable(incoming: "Incoming", diagnostic: bytes, rest: int) -> bytes:
    """A diagnostic, where it and `rest` bytes around it stay within the amplification allowed; else none."""
    if proven_node(incoming.addr) is not None:
        return diagnostic
    size = rest + len(incoming.message.token) + len(diagnostic)
    return diagnostic if size <= AMPLIFICATION * len(incoming.seen.data) else b""


def numbered(outside: "list[tuple[int, bytes]]", counter: int) -> "list[tuple[int, bytes]]":
    """The outer Observe of an answer says where it stands: a client may look there, as aiocoap does."""
    if outside[0][0] != OBSERVE:
        return outside
    return [(OBSERVE, uint_bytes(counter & 0xFFFFFF))] + outside[1:]


def unwanted(code: int, incoming: "Incoming", options: "list[tuple[int, bytes]] | tuple[()]") -> bool:
    """Whether nobody is to be told: an error to a group, or a class the asker wants to hear nothing of (RFC 7967)."""
    if incoming.multicast and code >= codes.BAD_REQUEST:
        return True
    if len(options) > 1:
        for number, value in options:
            if number == NO_RESPONSE and len(value) <= 1:
                return bool(uint(value) & 1 << (code >> 5) - 1)
    return False


def shaped(
    request: "Request | Repeated", code: int, options: "list[tuple[int, bytes]] | tuple[()]", payload: bytes
) -> "tuple[int, list[tuple[int, bytes]] | tuple[()], bytes]":
    """What of an answer leaves: all of it, nearly always."""
    shape = getattr(request, "shape", None)
    if shape is None and len(payload) <= MOST_PAYLOAD:
        return code, options, payload
    return (shape or WHOLE).cut(code, options, payload)
