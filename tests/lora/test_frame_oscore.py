"""A frame's key, nonce, AAD and tag are OSCORE's: RFC 8613 Appendix C, and aiocoap's contexts."""

import json
from pathlib import Path
from typing import Any

import pytest
from aiocoap import POST
from aiocoap import oscore as peer_oscore
from comatrix_lora.frame import Peer
from comatrix_lora.header import parse_untrusted

from comatrix.codec import cbor
from comatrix.gateway.aead import aead
from comatrix.session.oscore import Context
from comatrix.session.replay import Window
from tests.lora.frame_sides import LORA, aad
from tests.session.recording import SECRET

APPENDIX = json.loads((Path(__file__).parents[1] / "vectors" / "rfc8613_appendix_c.json").read_text())
CONTEXTS = {row["name"]: row for row in APPENDIX["contexts"]}
MESSAGES = {row["name"]: row for row in APPENDIX["messages"]}


def appendix_peer(name: str, *, client: bool) -> Peer:
    """A side of a context of the appendix, its IDs as they stand there: the client's is the empty one."""
    row = {
        key: bytes.fromhex(value) for key, value in CONTEXTS[name].items() if isinstance(value, str) and key != "name"
    }
    ids = (row["client_id"], row["server_id"])
    ours, theirs = ids if client else reversed(ids)
    context = Context(row["master_secret"], ours, theirs, row.get("id_context"), aead, row["master_salt"])
    return Peer(context, aad, Window())


def sealed(frame: bytes) -> bytes:
    return frame[parse_untrusted(frame).size :]


@pytest.mark.parametrize("name", ["C.4", "C.6"])
def test_a_request_of_the_appendix(name: str) -> None:
    row = MESSAGES[name]
    plain = bytes.fromhex(row["plaintext"])
    frame = appendix_peer(row["context"], client=True).seal_request(int(row["piv"], 16), plain)
    assert sealed(frame).hex() == row["ciphertext"]
    opened = appendix_peer(row["context"], client=False).open_untrusted(parse_untrusted(frame), frame)
    assert (opened.plain, opened.counter) == (plain, int(row["piv"], 16))


@pytest.mark.parametrize("name", ["C.7", "C.8"])
def test_a_response_of_the_appendix(name: str) -> None:
    """C.7 under the request's nonce, C.8 under a counter of its own."""
    row, asked = MESSAGES[name], MESSAGES["C.4"]
    client, server = appendix_peer("C.1", client=True), appendix_peer("C.1", client=False)
    counter = int(asked["piv"], 16)
    request = client.seal_request(counter, bytes.fromhex(asked["plaintext"]))
    server.open_untrusted(parse_untrusted(request), request)
    plain = bytes.fromhex(row["plaintext"])
    own = int(row["piv"], 16) if row["piv"] else None
    frame = server.seal_response(counter, plain, own)
    assert sealed(frame).hex() == row["ciphertext"]
    opened = client.open_untrusted(parse_untrusted(frame), frame)
    assert (opened.plain, opened.request, opened.counter) == (plain, counter, own)


class AiocoapContext(peer_oscore.SecurityContextUtils, peer_oscore.BaseSecurityContext):  # type: ignore[misc]
    """aiocoap's derivation, nonces and AAD for one side of a LoRa context."""

    def __init__(self, ours: bytes, theirs: bytes) -> None:
        self.alg_aead = peer_oscore.AES_CCM_16_64_128()
        self.hashfun = peer_oscore.hashfunctions["sha256"]
        self.sender_id, self.recipient_id, self.id_context = ours, theirs, LORA
        self.derive_keys(b"", SECRET)

    def seal(self, plain: bytes, kid: bytes, request_piv: bytes, nonce_piv: bytes, nonce_id: bytes) -> bytes:
        """AES-CCM under our sender key, everything else aiocoap's."""
        request = peer_oscore.RequestIdentifiers(kid, request_piv, None, POST)
        external = self._extract_external_aad(None, request, local_is_sender=True)
        whole = cbor.encode(["Encrypt0", b"", external])
        nonce = self._construct_nonce(nonce_piv, nonce_id, self.alg_aead)
        return bytes(self.alg_aead.encrypt(plain, whole, self.sender_key, nonce))


def ours(mine: bytes, theirs: bytes) -> Peer:
    return Peer(Context(SECRET, mine, theirs, LORA, aead), aad, Window())


@pytest.mark.parametrize("node", [b"\x07", b"\xff", b"\x01\x2c"])
@pytest.mark.parametrize(("counter", "piv"), [(20, b"\x14"), (255, b"\xff"), (70_000, b"\x01\x11\x70")])
def test_every_direction_is_sealed_as_aiocoap_would(node: bytes, counter: int, piv: bytes) -> None:
    plain: Any = b"\x00\x5f\xe5\xc4"
    us, gateway = ours(node, b""), ours(b"", node)
    peer_node, peer_gateway = AiocoapContext(node, b""), AiocoapContext(b"", node)

    request = us.seal_request(counter, plain)
    assert sealed(request) == peer_node.seal(plain, node, piv, piv, node)

    gateway.open_untrusted(parse_untrusted(request), request)
    answer = gateway.seal_response(counter, plain)
    assert sealed(answer) == peer_gateway.seal(plain, node, piv, piv, node)

    notification = gateway.seal_response(counter, plain, 3)
    assert sealed(notification) == peer_gateway.seal(plain, node, piv, b"\x03", b"")

    order = gateway.seal_request(4, plain)
    assert sealed(order) == peer_gateway.seal(plain, b"", b"\x04", b"\x04", b"")
