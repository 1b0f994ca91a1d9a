"""Clients that are not ours: `openssl s_client`, and libcoap's on OpenSSL and on GnuTLS. Real sockets."""

import asyncio
import shutil
from pathlib import Path

import pytest

from comatrix.codec import coap
from comatrix.codec.option_numbers import URI_PATH
from comatrix.codec.records import Readings, encode
from tests.support.dtls_gateway import IDENTITY, KEY, DtlsGateway, dtls_gateway

READING = encode(Readings({0: 2137, 1: 452}), 7)


def needs(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is not installed")


async def run(*command: str, given: bytes = b"", within_s: float = 20.0) -> bytes:
    """What a program printed; it is ended if it does not end by itself."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(within_s):
            said, _ = await process.communicate(given)
    except TimeoutError:
        process.kill()
        said, _ = await process.communicate()
    return said


async def posted(gateway: DtlsGateway, client: str, tmp_path: Path, key: bytes = KEY, within_s: float = 20.0) -> bytes:
    """A reading from libcoap's client."""
    body = tmp_path / "reading"
    body.write_bytes(READING)
    uri = f"coaps://127.0.0.1:{gateway.port}/r"
    return await run(client, "-m", "post", "-u", IDENTITY.decode(), "-k", key.decode(), "-f", str(body), "-B", "5",
                     "-v", "6", uri, within_s=within_s)  # fmt: skip


@pytest.mark.parametrize(
    "client", [pytest.param(f"coap-client-{one}", marks=needs(f"coap-client-{one}")) for one in ("openssl", "gnutls")]
)
async def test_a_reading_from_libcoap_is_stored_once(client: str, tmp_path: Path) -> None:
    async with dtls_gateway(tmp_path) as gateway:
        said = await posted(gateway, client, tmp_path)
        await gateway.until(1)
        (record,) = gateway.stored
        assert (record.node, record.seq, record.kind) == (1, 7, "readings")
        assert b"2.04" in said
        again = await posted(gateway, client, tmp_path)  # the same seq: a record sent again, in another association
        assert b"2.04" in again
        assert gateway.receiver.duplicates == 1
        assert gateway.dtls.sessions.handshakes == 2
        assert len(gateway.dtls.sessions) == 0, "the client said close_notify"


@needs("openssl")
@pytest.mark.parametrize("suite", ["PSK-AES128-CCM8", "PSK-AES128-GCM-SHA256"])
async def test_a_reading_from_openssl_is_stored_and_answered(suite: str, tmp_path: Path) -> None:
    request = coap.encode(coap.Message(coap.CON, coap.POST, 0x4711, b"", [(URI_PATH, b"r")], READING))
    async with dtls_gateway(tmp_path) as gateway:
        process = await asyncio.create_subprocess_exec(
            "openssl", "s_client", "-dtls1_2", "-connect", f"127.0.0.1:{gateway.port}",
            "-psk", KEY.hex(), "-psk_identity", IDENTITY.decode(), "-cipher", f"{suite}:@SECLEVEL=0", "-quiet",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(request)
        await process.stdin.drain()
        async with asyncio.timeout(10):
            answer = await process.stdout.read(64)
        process.kill()
        await process.wait()
        assert answer.startswith(bytes((0x60, coap.CHANGED, 0x47, 0x11)))
        assert [record.seq for record in gateway.stored] == [7]


@needs("coap-client-openssl")
async def test_a_wrong_key_is_told_in_words_and_lets_nobody_in(tmp_path: Path) -> None:
    async with dtls_gateway(tmp_path) as gateway:
        await posted(gateway, "coap-client-openssl", tmp_path, key=b"another key here", within_s=1.0)
        assert gateway.told == ["node 'garden' knocked once with a wrong key"]
        assert gateway.stored == []
        assert len(gateway.dtls.sessions) == 0
