"""Clients with certificates of a configured CA: the common name is the identity of a node."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from comatrix.gateway.edges.dtls.engine import FAILED, OPEN
from comatrix.gateway.edges.dtls.openssl import Certificates, OpenSslEngine
from comatrix.gateway.errors import GatewayError
from tests.support.dtls_client import CCM8, MemoryClient
from tests.support.dtls_engines import Pair

KEY = b"0123456789abcdef"
SUITES = ["ECDHE-ECDSA-AES128-CCM8", "ECDHE-ECDSA-AES128-GCM-SHA256"]


class Authority:
    """A CA of its own; its certificate is `root`."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.root = self._write(f"{name}.pem", self._certificate(self._name, self._key.public_key(), ca=True))

    def _certificate(self, subject: x509.Name, key: ec.EllipticCurvePublicKey, *, ca: bool) -> bytes:
        now = datetime.now(UTC)
        made = x509.CertificateBuilder(self._name, subject, key, x509.random_serial_number())
        made = made.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        made = made.add_extension(x509.BasicConstraints(ca, None), critical=True)
        return made.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def sign(self, name: str) -> tuple[str, str]:
        """Files of a certificate for `name`, and of its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        certificate = self._certificate(subject, key.public_key(), ca=False)
        return str(self._write(f"{name}-chain.pem", certificate)), str(self._write(f"{name}-key.pem", pem))

    def _write(self, name: str, content: bytes) -> Path:
        path = self._folder / name
        path.write_bytes(content)
        return path


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "devices")


def engine(authority: Authority, mtu: int = 1232) -> OpenSslEngine:
    chain, key = authority.sign("gateway")
    return OpenSslEngine(
        {b"shed": KEY}.get,
        mtu=mtu,
        certificates=Certificates(Path(chain), Path(key), authority.root),
        known=lambda identity: identity == b"garden",
    )


@pytest.mark.parametrize("suite", SUITES)
def test_the_common_name_is_the_identity(authority: Authority, suite: str) -> None:
    client = MemoryClient(b"", b"", suite, certificate=authority.sign("garden"))
    pair = Pair(engine(authority), client).run()
    assert (pair.association.state, pair.association.identity) == (OPEN, b"garden")
    client.send(b"up")
    assert pair.run().heard == [b"up"]


def test_a_certificate_s_session_is_resumed_under_its_name(authority: Authority) -> None:
    first = Pair(engine(authority), MemoryClient(b"", b"", SUITES[0], certificate=authority.sign("garden"))).run()
    first.client.goodbye()
    first.run()
    again = Pair(first.engine, MemoryClient(b"", b"", session=first.client)).run()
    assert again.association.identity == b"garden"
    assert again.association.negotiated().resumed


def test_another_ca_s_certificate_and_none_at_all_are_refused(authority: Authority, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    stranger = Authority(tmp_path / "other", "stranger").sign("garden")
    for certificate in (stranger, None):
        pair = Pair(engine(authority), MemoryClient(b"", b"", SUITES[0], certificate=certificate)).run()
        assert pair.association.reason == FAILED


def test_keys_serve_beside_certificates(authority: Authority) -> None:
    assert Pair(engine(authority), MemoryClient(b"shed", KEY, CCM8)).run().association.identity == b"shed"


def test_a_flight_with_certificates_is_cut_to_the_mtu(authority: Authority) -> None:
    client = MemoryClient(b"", b"", SUITES[0], mtu=300, certificate=authority.sign("garden"))
    pair = Pair(engine(authority, 300), client).run()
    assert pair.association.state == OPEN
    assert 200 < pair.largest <= 300


def test_files_that_are_none_are_told(authority: Authority, tmp_path: Path) -> None:
    with pytest.raises(GatewayError, match="certificates of"):
        OpenSslEngine(lambda identity: None, certificates=Certificates(tmp_path / "a", tmp_path / "b", authority.root))
