"""AES-CCM vectors for both interpreters: those of RFC 3610, and random ones sealed by the `cryptography` package."""

import json
import random
from pathlib import Path

from comatrix.gateway.aead import aead
from tests.support.micropython import ROOT

PUBLISHED = json.loads((ROOT / "tests" / "vectors" / "rfc3610.json").read_text())["vectors"]

# Seals and opens every vector of vectors.json, and refuses each one damaged. Prints how many were right.
CHECK = """
import json
from binascii import unhexlify
from comatrix_node.crypto import aead

def refuses(ccm, nonce, aad, data):
    try:
        ccm.open(nonce, aad, data)
    except ValueError:
        return True
    return False

right = 0
with open("vectors.json") as file:
    vectors = json.load(file)
for v in vectors:
    nonce, aad, plaintext, ciphertext = (unhexlify(v[k]) for k in ("nonce", "aad", "plaintext", "ciphertext"))
    ccm = aead(unhexlify(v["key"]), v["tag_length"])
    assert ccm.seal(nonce, aad, plaintext) == ciphertext, v
    assert ccm.open(nonce, aad, ciphertext) == plaintext, v
    flipped = bytearray(ciphertext)
    flipped[v["flip"] % len(flipped)] ^= 1 << (v["flip"] & 7)
    assert refuses(ccm, nonce, aad, bytes(flipped)), v
    assert refuses(ccm, nonce, aad + b"x", ciphertext), v
    assert refuses(ccm, nonce, aad, ciphertext[: v["tag_length"] - 1]), v
    right += 1
print(right)
"""


def random_vectors(count: int, seed: int = 3610) -> list[dict[str, str | int]]:
    """Every nonce and tag length CCM has, bodies and AAD around the edges of a block."""
    source = random.Random(seed)
    vectors = []
    for i in range(count):
        key = source.randbytes(source.choice((16, 16, 32)))
        nonce = source.randbytes(13 if i % 2 else source.randint(7, 13))
        aad = source.randbytes(source.choice((0, 1, 13, 14, 15, 16, 30, source.randint(0, 300))))
        plaintext = source.randbytes(source.choice((0, 1, 15, 16, 17, 32, source.randint(0, 1100))))
        tag_length = 8 if i % 2 else source.choice((4, 6, 8, 10, 12, 14, 16))
        sealed = aead(key, tag_length).seal(nonce, aad, plaintext)
        values = {"key": key, "nonce": nonce, "aad": aad, "plaintext": plaintext, "ciphertext": sealed}
        vectors.append(
            {name: value.hex() for name, value in values.items()}
            | {"tag_length": tag_length, "flip": source.randrange(1 << 16)}
        )
    return vectors


def write_all(folder: Path, count: int = 300) -> int:
    """Write vectors.json for CHECK; how many stand in it."""
    vectors = [vector | {"flip": i * 37} for i, vector in enumerate(PUBLISHED)] + random_vectors(count)
    (folder / "vectors.json").write_text(json.dumps(vectors))
    return len(vectors)
