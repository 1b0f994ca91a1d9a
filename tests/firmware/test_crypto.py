"""AES-CCM gives the same bytes on a device, on the gateway and in RFC 3610."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from comatrix.gateway.aead import aead
from tests.firmware import ccm_vectors


@pytest.mark.parametrize("vector", ccm_vectors.PUBLISHED, ids=lambda vector: vector["name"])
def test_gateway_seals_and_opens_rfc_3610(vector: dict[str, Any]) -> None:
    key, nonce, aad, plaintext, ciphertext = (
        bytes.fromhex(vector[name]) for name in ("key", "nonce", "aad", "plaintext", "ciphertext")
    )
    ccm = aead(key, vector["tag_length"])
    assert ccm.seal(nonce, aad, plaintext) == ciphertext
    assert ccm.open(nonce, aad, ciphertext) == plaintext


@pytest.mark.parametrize("data", [b"", b"1234567", bytes(8), bytes(40)])
def test_gateway_raises_value_error_for_what_it_cannot_open(data: bytes) -> None:
    with pytest.raises(ValueError, match="tag"):
        aead(bytes(16)).open(bytes(13), b"", data)


def test_device_agrees_with_the_rfc_and_the_gateway(on_device: Callable[[str], str], tmp_path: Path) -> None:
    count = ccm_vectors.write_all(tmp_path)
    assert on_device(ccm_vectors.CHECK).strip() == str(count)


def test_device_refuses_lengths_it_would_get_wrong(on_device: Callable[[str], str]) -> None:
    script = """
from comatrix_node.crypto import aead
long = bytes(0xFF00)
for nonce, aad, data in ((6, b"", b""), (14, b"", b""), (13, long, b""), (13, b"", long)):
    try:
        aead(bytes(16)).seal(bytes(nonce), aad, data)
    except ValueError:
        print("refused")
"""
    assert on_device(script).split() == ["refused"] * 4
