"""libcoap's client, which is none of ours, speaks for a plain node: what it may, and what it is answered."""

import asyncio
import shutil
import socket
from pathlib import Path

import pytest

from comatrix.codec import cbor
from comatrix.gateway.demo.free_port import free_port
from comatrix.gateway.demo.stage import Stage
from tests.end_to_end.room_reading import assert_once_and_in_order, seen, wait_for

pytestmark = pytest.mark.slow

NAMES = ("coap-client-notls", "coap-client", "coap-client-openssl", "coap-client-gnutls")


@pytest.fixture
def coap_client() -> str:
    """libcoap's client. Skips where it is not installed."""
    for name in NAMES:
        if found := shutil.which(name):
            return found
    pytest.skip("libcoap's client is not installed (Debian: apt-get install libcoap3-bin)")


async def test_a_plain_node_posts_by_libcoap_and_strangers_hear_why_not(
    stage: Stage, coap_client: str, tmp_path: Path
) -> None:
    plain_port = free_port(socket.SOCK_DGRAM)
    await stage.open_homeserver(f'plain_bind = ["127.0.0.1:{plain_port}"]\n')
    room = (await stage.create_room("plain"))["room_id"]
    await stage.start_gateway()

    async def ask(*words: str, payload: bytes = b"", port: int = plain_port, path: str = "r") -> str:
        """What the client printed for a request: nothing for an empty 2.04, else the code and diagnostic."""
        (tmp_path / "payload").write_bytes(payload)
        body = ("-f", str(tmp_path / "payload")) if payload else ()
        process = await asyncio.create_subprocess_exec(
            *(coap_client, "-B", "5", *(words or ("-m", "post")), *body, f"coap://127.0.0.1:{port}/{path}"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
        return said.decode(errors="replace").strip()

    reading = cbor.encode({0: 2137, 1: 452})
    assert (await ask(payload=reading)).startswith("4.01"), "nobody declared this address"
    await stage.operate("node.add", name="weather", room=room, plain="127.0.0.1", post="every", interval_s=60)
    for _ in range(3):
        assert not (await ask(payload=reading)).startswith("4.")
    assert (await ask(payload=reading, port=stage.port)).startswith("4.01"), "plain CoAP at the secure listener"
    assert (await ask("-m", "post", "-O", "259,x", payload=reading)).startswith("4.02")
    assert (await ask(payload=reading, path="nowhere")).startswith("4.04")
    assert (await ask("-m", "put", payload=reading)).startswith("4.05")
    assert (await ask("-m", "get")).startswith("4.05")
    for bad in (b"\xff", reading + b"\x00\x00\x00", b"\xa1\x00", b"\xa1\x00\xf9\x7e\x00", b"\x9f" * 20):
        assert (await ask(payload=bad)).startswith("4.00"), bad.hex()
    assert not (await ask(payload=reading)).startswith("4.")

    found = await wait_for(stage, room, 4, 20)
    assert_once_and_in_order(found)
    assert [one.seq for one in found] == [0, 1, 2, 3]
    assert all(one.values == {"temperature": "21.37", "humidity": "45.2"} for one in found)
    await asyncio.sleep(1)
    assert len(await seen(stage, room)) == 4
    assert "knocked once without security" in stage.gateway_log()
