"""Before there is any state: ClientHello and HelloVerifyRequest (RFC 6347 section 4.2.1). Pure.

Everything is read strictly: what is not one whole ClientHello at the head of its datagram gets no answer.
"""

from typing import NamedTuple

from comatrix.errors import WireError

RECORD = 13  # bytes of a record header: type, version, epoch, sequence, length
_MESSAGE = 12  # of a handshake header: type, length, message sequence, fragment offset and length
HANDSHAKE, ALERT, APPLICATION_DATA = 22, 21, 23
_CLIENT_HELLO = 1
_RANDOM = 32
_COOKIE_MAX = 255
DTLS_1_0, DTLS_1_2 = b"\xfe\xff", b"\xfe\xfd"


class HelloError(WireError):
    """No ClientHello that could be answered."""


class ClientHello(NamedTuple):
    """`parameters`: everything in it but the cookie, which the cookie is bound to."""

    sequence: bytes  # of its record, 6 bytes
    random: bytes
    cookie: bytes
    parameters: bytes


def is_hello(datagram: bytes) -> bool:
    """Whether a datagram begins with a plaintext ClientHello, or part of one."""
    return len(datagram) > RECORD and datagram[0] == HANDSHAKE and datagram[3:5] == b"\0\0" and datagram[RECORD] == 1


def read_hello_untrusted(datagram: bytes) -> ClientHello:
    """The ClientHello at the head of a datagram. Raises HelloError, also for one in fragments: it cannot be answered
    without keeping them."""
    if not is_hello(datagram) or datagram[1:3] not in (DTLS_1_0, DTLS_1_2):
        raise HelloError("no ClientHello")
    end = RECORD + int.from_bytes(datagram[11:13], "big")
    body_at = RECORD + _MESSAGE
    if end > len(datagram) or end < body_at:
        raise HelloError("cut short")
    length = int.from_bytes(datagram[14:17], "big")
    whole = datagram[19:22] == b"\0\0\0" and int.from_bytes(datagram[22:25], "big") == length
    if not whole or body_at + length != end:
        raise HelloError("in fragments")
    return _read_body(datagram[5:11], datagram[body_at:end])


def _read_body(sequence: bytes, body: bytes) -> ClientHello:
    if body[:2] != DTLS_1_2:  # the highest version the client speaks; one of DTLS 1.3 says the same here
        raise HelloError("not DTLS 1.2")
    at = 2 + _RANDOM
    random = body[2:at]
    _, at = _vector(body, at, 1, 0, 32)
    before = at
    cookie, at = _vector(body, at, 1, 0, _COOKIE_MAX)
    after = at
    suites, at = _vector(body, at, 2, 2, 0xFFFE)
    _, at = _vector(body, at, 1, 1, 255)
    if len(suites) % 2:
        raise HelloError("half a cipher suite")
    if at != len(body):
        _, at = _vector(body, at, 2, 0, 0xFFFF)
    if at != len(body):
        raise HelloError("bytes behind the end")
    return ClientHello(sequence, random, cookie, body[:before] + body[after:])


def _vector(body: bytes, at: int, size: int, least: int, most: int) -> tuple[bytes, int]:
    """A vector whose length stands in `size` bytes -> it, and where it ends."""
    start = at + size
    if start > len(body):
        raise HelloError("cut short")
    end = start + int.from_bytes(body[at:start], "big")
    if end > len(body) or not least <= end - start <= most:
        raise HelloError("a length that cannot be")
    return body[start:end], end


def verify_request(hello: ClientHello, cookie: bytes) -> bytes:
    """The datagram that asks for the same ClientHello with this cookie. Shorter than any ClientHello."""
    body = DTLS_1_0 + bytes((len(cookie),)) + cookie
    message = b"\x03" + len(body).to_bytes(3, "big") + b"\0\0" + b"\0\0\0" + len(body).to_bytes(3, "big") + body
    # Version 1.0 and the record's own sequence: RFC 6347 section 4.2.1.
    head = bytes((HANDSHAKE,)) + DTLS_1_0 + b"\0\0" + hello.sequence
    return head + len(message).to_bytes(2, "big") + message


def records(data: bytes) -> list[bytes]:
    """Cut at the borders of records; a rest that is no whole record is left out."""
    found, at = [], 0
    while at + RECORD <= len(data):
        end = at + RECORD + int.from_bytes(data[at + 11 : at + 13], "big")
        if end > len(data):
            break
        found.append(data[at:end])
        at = end
    return found


def packed(data: bytes, mtu: int) -> list[bytes]:
    """Records as they were written one behind the other -> datagrams of at most `mtu` bytes, as few as there can be."""
    datagrams: list[bytes] = []
    for record in records(data):
        if datagrams and len(datagrams[-1]) + len(record) <= mtu:
            datagrams[-1] += record
        else:
            datagrams.append(record)
    return datagrams


def is_forgeable_alert(record: bytes) -> bool:
    """Whether a record is an alert in plaintext: anyone can send those, and OpenSSL would believe them."""
    return record[0] == ALERT and record[3:5] == b"\0\0"
