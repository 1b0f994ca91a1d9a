"""RFC 8613 Appendix C through our OSCORE, on CPython and on MicroPython.

Run it: `python tests/session/oscore_vectors.py tests/vectors/rfc8613_appendix_c.json`. It prints one line a check that
failed, then how many passed.
"""

import json
import sys

from comatrix.codec import coap
from comatrix.codec.option_numbers import OSCORE
from comatrix.session import oscore

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from comatrix.gateway.aead import aead

    Check = tuple[str, object, object]
    Row = dict[str, Any]
else:
    try:
        from comatrix_node.crypto import aead
    except ImportError:
        from comatrix.gateway.aead import aead


class Keyed:
    """An AEAD that remembers its key and what it was last asked."""

    def __init__(self, key: bytes) -> None:
        self.key = key
        self.real = aead(key)
        self.nonce = self.aad = b""

    def seal(self, nonce: bytes, aad: bytes, plaintext: bytes) -> bytes:
        self.nonce = nonce
        self.aad = aad
        return self.real.seal(nonce, aad, plaintext)

    def open(self, nonce: bytes, aad: bytes, ciphertext: bytes) -> bytes:
        return self.real.open(nonce, aad, ciphertext)


def unhex(text: str) -> bytes:
    return bytes.fromhex(text)


def contexts(row: "Row") -> "tuple[Any, Any]":
    """The client's and the server's context of a vector, their AEADs Keyed."""
    secret, salt = unhex(row["master_secret"]), unhex(row["master_salt"])
    ids = None if row["id_context"] is None else unhex(row["id_context"])
    client, server = unhex(row["client_id"]), unhex(row["server_id"])
    return (
        oscore.Context(secret, client, server, ids, Keyed, salt),
        oscore.Context(secret, server, client, ids, Keyed, salt),
    )


def key_checks(row: "Row") -> "Iterator[Check]":
    """(what, got, expected) of a derivation."""
    client, server = contexts(row)
    yield "client key", client.sender.key, unhex(row["client_key"])
    yield "server key", client.recipient.key, unhex(row["server_key"])
    yield "client key at the server", server.recipient.key, unhex(row["client_key"])
    yield "server key at the server", server.sender.key, unhex(row["server_key"])


def request_checks(row: "Row", context_row: "Row") -> "Iterator[Check]":
    """A request, sealed by the client and opened by the server."""
    client, server = contexts(context_row)
    message = coap.decode_untrusted(unhex(row["unprotected"]))
    counter = int(row["piv"], 16)
    kid_context = client.id_context
    code, outer, sealed, binding = oscore.protect_request(
        client, counter, message.code, list(message.options), message.payload, kid_context
    )
    yield "nonce", client.sender.nonce, unhex(row["nonce"])
    yield "aad", client.sender.aad, unhex(row["aad"])
    yield "ciphertext", sealed, unhex(row["ciphertext"])
    yield "option", dict(outer)[OSCORE], unhex(row["oscore_option"])
    yield "outer code", code, coap.POST
    found = oscore.read_option_untrusted(unhex(row["oscore_option"]))
    yield "option read back", found, (counter, client.sender_id, kid_context)
    code, options, payload, at_server = oscore.unprotect_request_untrusted(server, counter, unhex(row["ciphertext"]))
    inner = bytes((code,)) + coap.encode_body(options, payload)
    yield "plaintext", inner, unhex(row["plaintext"])
    yield "the same binding", (at_server.aad, at_server.nonce), (binding.aad, binding.nonce)


def response_checks(row: "Row", request_row: "Row", context_row: "Row") -> "Iterator[Check]":
    """A response to a request, sealed by the server and opened by the client."""
    client, server = contexts(context_row)
    counter = int(request_row["piv"], 16)
    request = coap.decode_untrusted(unhex(request_row["unprotected"]))
    _, _, _, at_client = oscore.protect_request(client, counter, request.code, list(request.options), request.payload)
    at_server = oscore.unprotect_request_untrusted(server, counter, unhex(request_row["ciphertext"]))[3]
    message = coap.decode_untrusted(unhex(row["unprotected"]))
    own = int(row["piv"], 16) if row["piv"] else None
    code, outer, sealed = oscore.protect_response(
        server, at_server, own, message.code, message.options, message.payload
    )
    yield "nonce", server.sender.nonce, unhex(row["nonce"])
    yield "aad", server.sender.aad, unhex(row["aad"])
    yield "ciphertext", sealed, unhex(row["ciphertext"])
    yield "option", dict(outer)[OSCORE], unhex(row["oscore_option"])
    yield "outer code", code, coap.CHANGED
    yield "option read back", oscore.read_option_untrusted(unhex(row["oscore_option"])), (own, None, None)
    code, options, payload = oscore.unprotect_response_untrusted(client, at_client, own, unhex(row["ciphertext"]))
    yield "plaintext", bytes((code,)) + coap.encode_body(options, payload), unhex(row["plaintext"])


def checks(vectors: "Row") -> "Iterator[tuple[str, str, object, object]]":
    """(name, what, got, expected) of everything in the appendix."""
    by_name = {row["name"]: row for row in vectors["contexts"]}
    messages = {row["name"]: row for row in vectors["messages"]}
    for row in vectors["contexts"]:
        for what, got, expected in key_checks(row):
            yield row["name"], what, got, expected
    for row in vectors["messages"]:
        if row["direction"] == "request":
            found = request_checks(row, by_name[row["context"]])
        else:
            found = response_checks(row, messages["C.4"], by_name[row["context"]])
        for what, got, expected in found:
            yield row["name"], what, got, expected


def main() -> None:
    with open(sys.argv[1]) as file:  # noqa: PTH123 - MicroPython has no pathlib
        vectors = json.load(file)
    passed = 0
    for name, what, got, expected in checks(vectors):
        if got == expected:
            passed += 1
        else:
            print(name, what, got, expected)
    print("passed", passed)


if __name__ == "__main__":
    main()
