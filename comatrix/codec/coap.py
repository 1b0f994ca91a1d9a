"""CoAP messages (RFC 7252 section 3): bytes <-> Message, strictly.

An option is (number, value bytes); `options.py` says what the numbers mean. The same option encoding stands inside an
OSCORE plaintext (RFC 8613 section 5.3), so it can be read and written alone.
"""

from comatrix.errors import MessageFormatError

CON, NON, ACK, RST = 0, 1, 2, 3

EMPTY, GET, POST, FETCH = 0, 1, 2, 5
CHANGED, CONTENT = 0x44, 0x45
UNAUTHORIZED, TOO_MANY_REQUESTS = 0x81, 0x9D  # the rest stands in `codes`

MAX_OPTIONS = 32


def code_text(code: int) -> str:
    """0x44 -> "2.04"."""
    return "%d.%02d" % (code >> 5, code & 31)


def is_request(code: int) -> bool:
    """A method code, 0.01 to 0.31."""
    return 0 < code < 32


def is_response(code: int) -> bool:
    """A response code, classes 2, 4 and 5."""
    return code >> 5 in (2, 4, 5)


class Message:
    """One CoAP message. `mid` 0-65535, `token` 0-8 bytes, `options` [(number, value)] in order of their numbers."""

    __slots__ = ("code", "mid", "options", "payload", "token", "type")

    def __init__(
        self,
        type: int,
        code: int,
        mid: int,
        token: bytes = b"",
        options: "list[tuple[int, bytes]] | tuple[()]" = (),
        payload: bytes = b"",
    ) -> None:
        self.type = type
        self.code = code
        self.mid = mid
        self.token = token
        self.options = options
        self.payload = payload


def encode(message: Message) -> bytes:
    """Message -> datagram."""
    token = message.token
    head = bytes((0x40 | message.type << 4 | len(token), message.code, message.mid >> 8, message.mid & 255))
    return head + token + encode_body(message.options, message.payload)


def encode_body(options: "list[tuple[int, bytes]] | tuple[()]", payload: bytes) -> bytes:
    """Options in order of their numbers, then the payload behind its marker (section 3.1)."""
    out = bytearray()
    before = 0
    for number, value in options:
        delta = number - before
        length = len(value)
        before = number
        if 0 <= delta < 13 and length < 13:  # nearly every option
            out.append(delta << 4 | length)
        else:
            delta, delta_more = _nibble(delta)
            length, length_more = _nibble(length)
            out.append(delta << 4 | length)
            out.extend(delta_more)
            out.extend(length_more)
        out.extend(value)
    if payload:
        out.append(0xFF)
        out.extend(payload)
    return bytes(out)


def _nibble(value: int) -> "tuple[int, bytes]":
    if value < 13:
        if value < 0:
            raise ValueError("options out of order")
        return value, b""
    if value < 269:
        return 13, bytes((value - 13,))
    return 14, (value - 269).to_bytes(2, "big")


def decode_untrusted(data: bytes) -> Message:
    """Datagram -> Message. Raises MessageFormatError; `peek_untrusted` then says whether a Reset is due."""
    if len(data) < 4:
        raise MessageFormatError("shorter than a header")
    first = data[0]
    if first >> 6 != 1:
        raise MessageFormatError("unknown version")
    code = data[1]
    at = 4 + (first & 15)
    if first & 15 > 8:
        raise MessageFormatError("token length over 8")
    if len(data) < at:
        raise MessageFormatError("ends inside the token")
    if code == EMPTY and len(data) > 4:
        raise MessageFormatError("empty message with a token or a body")
    if code >> 5 not in (0, 2, 4, 5):
        raise MessageFormatError("reserved code class")
    options, payload = decode_body_untrusted(data, at)
    return Message(first >> 4 & 3, code, data[2] << 8 | data[3], data[4:at], options, payload)


def peek_untrusted(data: bytes) -> "tuple[int, int, int] | None":
    """The (type, code, message id) of a datagram of version 1 that may be broken further on, else None."""
    if len(data) < 4 or data[0] >> 6 != 1:
        return None
    return data[0] >> 4 & 3, data[1], data[2] << 8 | data[3]


def decode_body_untrusted(data: bytes, at: int) -> "tuple[list[tuple[int, bytes]], bytes]":
    """Options and payload from `at` on. Raises MessageFormatError."""
    options: "list[tuple[int, bytes]]" = []
    number = 0
    size = len(data)
    while at < size:
        head = data[at]
        at += 1
        if head == 0xFF:
            if at == size:
                raise MessageFormatError("marker without payload")
            return options, data[at:]
        delta = head >> 4
        length = head & 15
        if delta > 12:
            delta, at = _extended(data, at, delta)
        if length > 12:
            length, at = _extended(data, at, length)
        number += delta
        end = at + length
        if end > size:
            raise MessageFormatError("ends inside an option")
        if number > 65535 or len(options) == MAX_OPTIONS:
            raise MessageFormatError("too many options or too high a number")
        options.append((number, data[at:end]))
        at = end
    return options, b""


def _extended(data: bytes, at: int, nibble: int) -> "tuple[int, int]":
    if nibble == 15:
        raise MessageFormatError("reserved option nibble")
    end = at + nibble - 12
    if end > len(data):
        raise MessageFormatError("ends inside an option")
    return int.from_bytes(data[at:end], "big") + (13 if nibble == 13 else 269), end
