"""OSCORE (RFC 8613) with AES-CCM-16-64-128 and HKDF-SHA-256: contexts, nonces, AAD, protect, unprotect.

The AEAD is passed in: `aead(key)` -> an object with `seal(nonce, aad, plaintext)` and `open(nonce, aad, ciphertext)`,
which raises ValueError for a wrong tag. Replay windows and counters are the caller's: nothing here changes.
"""

from comatrix.codec import cbor, coap
from comatrix.codec.option_numbers import OBSERVE, OSCORE, PROXY_SCHEME, PROXY_URI, URI_HOST, URI_PORT
from comatrix.errors import BAD_OPTION, OscoreError
from comatrix.session.hkdf import hkdf

TAG = 8
_ALGORITHM = 10  # AES-CCM-16-64-128 (RFC 9053 section 4.2)
_CLASS_U = (URI_HOST, URI_PORT, PROXY_URI, PROXY_SCHEME)  # RFC 8613 figure 5, those that are never encrypted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    class Aead(Protocol):
        """AES-CCM under one key."""

        def seal(self, nonce: bytes, aad: bytes, plaintext: bytes) -> bytes: ...

        def open(self, nonce: bytes, aad: bytes, ciphertext: bytes) -> bytes: ...

    AeadFactory = Callable[[bytes], Aead]
    Options = list[tuple[int, bytes]]


class Context:
    """A security context (section 3.1): keys of both directions, derived once."""

    __slots__ = ("id_context", "recipient", "recipient_base", "recipient_id", "sender", "sender_base", "sender_id")

    def __init__(
        self,
        secret: bytes,
        sender_id: bytes,
        recipient_id: bytes,
        id_context: "bytes | None",
        aead: "AeadFactory",
        salt: bytes = b"",
    ) -> None:
        self.sender_id = sender_id
        self.recipient_id = recipient_id
        self.id_context = id_context
        self.sender = aead(_derive(secret, salt, sender_id, id_context, "Key", 16))
        self.recipient = aead(_derive(secret, salt, recipient_id, id_context, "Key", 16))
        common_iv = int.from_bytes(_derive(secret, salt, b"", id_context, "IV", 13), "big")
        self.sender_base = _nonce_base(common_iv, sender_id)
        self.recipient_base = _nonce_base(common_iv, recipient_id)


class Binding:
    """What ties an answer to its request: kid and Partial IV for the AAD, and the request's nonce."""

    __slots__ = ("aad", "counter", "nonce")

    def __init__(self, kid: bytes, counter: int, nonce: bytes) -> None:
        self.counter = counter
        self.nonce = nonce
        self.aad = _aad(kid, piv_bytes(counter))


def _derive(secret: bytes, salt: bytes, id: bytes, id_context: "bytes | None", what: str, size: int) -> bytes:
    # Section 3.2.1: info = [id, id_context, alg_aead, type, L]
    return hkdf(salt, secret, cbor.encode([id, id_context, _ALGORITHM, what, size]), size)


def _nonce_base(common_iv: int, id: bytes) -> int:
    """Section 5.2 without the Partial IV, as one integer to XOR it into."""
    return common_iv ^ len(id) << 96 ^ int.from_bytes(id, "big") << 40


def _aad(kid: bytes, piv: bytes) -> bytes:
    # Section 5.4: ["Encrypt0", h'', external_aad] around [1, [alg_aead], request_kid, request_piv, h'']. By hand, as it
    # is made for each message: kid has at most 7 bytes and piv 5, so each length stands in one byte.
    kid_size = len(kid)
    piv_size = len(piv)
    head = bytes((0x47 + kid_size + piv_size, 0x85, 1, 0x81, _ALGORITHM, 0x40 + kid_size))
    return b"\x83\x68Encrypt0\x40" + head + kid + bytes((0x40 + piv_size,)) + piv + b"\x40"


def piv_bytes(counter: int) -> bytes:
    """A Partial IV: the counter in as few bytes as it needs, at least one (section 5)."""
    size = 1
    while counter >> 8 * size:
        size += 1
    return counter.to_bytes(size, "big")


def option_value(counter: "int | None", kid: "bytes | None" = None, kid_context: "bytes | None" = None) -> bytes:
    """The value of an OSCORE option (section 6.1)."""
    piv = b"" if counter is None else piv_bytes(counter)
    flags = len(piv) | (0 if kid is None else 8) | (0 if kid_context is None else 16)
    if not flags:
        return b""
    out = bytes((flags,)) + piv
    if kid_context is not None:
        out += bytes((len(kid_context),)) + kid_context
    return out + (kid or b"")


def read_option_untrusted(value: bytes) -> "tuple[int | None, bytes | None, bytes | None]":
    """An OSCORE option's value -> (counter, kid, kid context), each None if absent. Raises OscoreError 4.02."""
    if not value:
        return None, None, None
    flags = value[0]
    size = flags & 7
    at = 1 + size
    if not flags or flags & 0xE0 or size > 5 or at > len(value) or (size > 1 and not value[1]):
        raise OscoreError("Failed to decode COSE", BAD_OPTION)
    kid_context = None
    if flags & 16:
        if at >= len(value) or at + 1 + value[at] > len(value):
            raise OscoreError("Failed to decode COSE", BAD_OPTION)
        kid_context = value[at + 1 : at + 1 + value[at]]
        at += 1 + len(kid_context)
    if not flags & 8 and at < len(value):
        raise OscoreError("Failed to decode COSE", BAD_OPTION)
    counter = int.from_bytes(value[1 : 1 + size], "big") if size else None
    return counter, value[at:] if flags & 8 else None, kid_context


def _inner(code: int, options: "Options | tuple[()]", payload: bytes) -> bytes:
    if not options and not payload:
        return bytes((code,))
    return bytes((code,)) + coap.encode_body([pair for pair in options if pair[0] not in _CLASS_U], payload)


def _outer(value: bytes, options: "Options | tuple[()]", code: int, observe_code: int) -> "tuple[int, Options]":
    """The outer code and options: OSCORE, what is never encrypted, and Observe also outside (section 4.1.3.5)."""
    outside = [(OSCORE, value)]
    if not options:
        return code, outside
    for pair in options:
        if pair[0] == OBSERVE:
            code = observe_code
        elif pair[0] not in _CLASS_U:
            continue
        outside.append(pair)
    outside.sort()
    return code, outside


def protect_request(
    context: Context,
    counter: int,
    code: int,
    options: "Options",
    payload: bytes,
    kid_context: "bytes | None" = None,
) -> "tuple[int, Options, bytes, Binding]":
    """An inner request under a fresh counter -> (outer code, outer options, ciphertext, binding) (section 8.1)."""
    nonce = (context.sender_base ^ counter).to_bytes(13, "big")
    binding = Binding(context.sender_id, counter, nonce)
    sealed = context.sender.seal(nonce, binding.aad, _inner(code, options, payload))
    value = option_value(counter, context.sender_id, kid_context)
    outer_code, outer = _outer(value, options, coap.POST, coap.FETCH)
    return outer_code, outer, sealed, binding


def unprotect_request_untrusted(
    context: Context, counter: int, ciphertext: bytes
) -> "tuple[int, Options, bytes, Binding]":
    """A request's ciphertext -> (code, options, payload, binding) (section 8.2). Raises OscoreError 4.00, or
    MessageFormatError when what the sender sealed is no message."""
    nonce = (context.recipient_base ^ counter).to_bytes(13, "big")
    binding = Binding(context.recipient_id, counter, nonce)
    code, options, payload = _open(context, nonce, binding, ciphertext)
    if not coap.is_request(code):
        raise OscoreError("Decryption failed")
    return code, options, payload, binding


def protect_response(
    context: Context,
    binding: Binding,
    counter: "int | None",
    code: int,
    options: "Options | tuple[()]",
    payload: bytes,
    kid_context: "bytes | None" = None,
) -> "tuple[int, Options, bytes]":
    """An inner response -> (outer code, outer options, ciphertext) (section 8.3).

    `counter` None: under the request's nonce. That is allowed once for a request, and only when its counter is on disk.
    """
    nonce = binding.nonce if counter is None else (context.sender_base ^ counter).to_bytes(13, "big")
    sealed = context.sender.seal(nonce, binding.aad, _inner(code, options, payload))
    value = option_value(counter, None, kid_context)
    outer_code, outer = _outer(value, options, coap.CHANGED, coap.CONTENT)
    return outer_code, outer, sealed


def unprotect_response_untrusted(
    context: Context, binding: Binding, counter: "int | None", ciphertext: bytes
) -> "tuple[int, Options, bytes]":
    """A response's ciphertext -> (code, options, payload) (section 8.4). Raises OscoreError, MessageFormatError."""
    nonce = binding.nonce if counter is None else (context.recipient_base ^ counter).to_bytes(13, "big")
    code, options, payload = _open(context, nonce, binding, ciphertext)
    if not coap.is_response(code):
        raise OscoreError("Decryption failed")
    return code, options, payload


def _open(context: Context, nonce: bytes, binding: Binding, ciphertext: bytes) -> "tuple[int, Options, bytes]":
    if len(ciphertext) <= TAG:
        raise OscoreError("Decryption failed")
    try:
        plain = context.recipient.open(nonce, binding.aad, ciphertext)
    except ValueError:
        raise OscoreError("Decryption failed")
    options, payload = coap.decode_body_untrusted(plain, 1)
    return plain[0], options, payload
