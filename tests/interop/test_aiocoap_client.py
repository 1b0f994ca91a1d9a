"""aiocoap as the node: it posts to our gateway's receiving side over a real socket and reads the protected answers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiocoap
import pytest
from aiocoap import error

from comatrix.codec import cbor
from comatrix.codec.records import Command, Hello, Readings, Text, encode, read_answer_untrusted
from tests.interop.aiocoap_peer import LOOPBACK, NODE, PeerContext, context
from tests.interop.our_gateway import OurGateway, our_gateway
from tests.support.gateway_world import WALL_MS


class Peer:
    """An aiocoap client against a gateway of ours."""

    def __init__(self, client: aiocoap.Context, gateway: OurGateway, port: int) -> None:
        self.client = client
        self.gateway = gateway
        self.base = f"coap://{LOOPBACK}:{port}/"

    async def ask(self, code: aiocoap.Code, path: str, payload: bytes = b"", **options: object) -> aiocoap.Message:
        """The answer, unprotected by aiocoap."""
        return await asyncio.wait_for(self.client.request(self.request(code, path, payload, **options)).response, 10)

    def request(self, code: aiocoap.Code, path: str, payload: bytes = b"", **options: object) -> aiocoap.Message:
        """One of aiocoap's requests."""
        return aiocoap.Message(code=code, uri=self.base + path, payload=payload, **options)


@asynccontextmanager
async def talking(known: PeerContext | None, *, plain: bool = False) -> AsyncIterator[Peer]:
    """A gateway and a client that knows `known`; `plain`: it asks at the socket for plain nodes."""
    async with our_gateway() as gateway:
        port = gateway.plain_port if plain else gateway.port
        client = await aiocoap.Context.create_client_context()
        if known is not None:
            client.client_credentials[f"coap://{LOOPBACK}:{port}/*"] = known
        try:
            yield Peer(client, gateway, port)
        finally:
            await client.shutdown()


async def test_a_reading_is_stored_and_answered_by_a_protected_204_with_the_time(tmp_path: Path) -> None:
    async with talking(context(tmp_path / "node", node=True)) as peer:
        answer = await peer.ask(aiocoap.POST, "r", encode(Readings({0: 2137, 1: 452})))
        assert answer.code == aiocoap.CHANGED
        assert read_answer_untrusted(answer.payload).time_s == WALL_MS // 1000
        (record,) = peer.gateway.disk.records
        assert (record.node, record.kind, cbor.decode_untrusted(record.body)) == (NODE, "readings", {0: 2137, 1: 452})
        assert record.seq == record.counter


async def test_many_requests_in_a_row_keep_their_counters_and_answers_apart(tmp_path: Path) -> None:
    async with talking(context(tmp_path / "node", node=True)) as peer:
        for value in range(40):
            answer = await peer.ask(aiocoap.POST, "r", encode(Readings({0: value})))
            assert answer.code == aiocoap.CHANGED
            time = await peer.ask(aiocoap.GET, "t")
            assert read_answer_untrusted(time.payload).time_s == WALL_MS // 1000
        seqs = [record.seq for record in peer.gateway.disk.records]
        assert seqs == sorted(set(seqs))
        assert len(seqs) == 40


async def test_hello_and_text_are_taken(tmp_path: Path) -> None:
    async with talking(context(tmp_path / "node", node=True)) as peer:
        hello = await peer.ask(aiocoap.POST, "h", encode(Hello("aiocoap", 1, None, 60)))
        assert (hello.code, peer.gateway.disk.hellos[0].firmware) == (aiocoap.CHANGED, "aiocoap")
        text = await peer.ask(aiocoap.POST, "m", encode(Text("grüezi")))
        assert text.code == aiocoap.CHANGED
        assert peer.gateway.disk.records[0].kind == "text"


@pytest.mark.parametrize(
    ("code", "path", "payload", "expected"),
    [
        (aiocoap.POST, "nowhere", b"", aiocoap.NOT_FOUND),
        (aiocoap.GET, "r", b"", aiocoap.METHOD_NOT_ALLOWED),
        (aiocoap.POST, "r", b"\xff", aiocoap.BAD_REQUEST),
        (aiocoap.POST, "m", encode(Text("x", 9)), aiocoap.FORBIDDEN),
        (aiocoap.POST, "c", b"\x80", aiocoap.BAD_REQUEST),
    ],
    ids=["path", "method", "body", "room", "result"],
)
async def test_refusals_come_protected(
    tmp_path: Path, code: aiocoap.Code, path: str, payload: bytes, expected: aiocoap.Code
) -> None:
    async with talking(context(tmp_path / "node", node=True)) as peer:
        answer = await peer.ask(code, path, payload)
        assert answer.code == expected
        assert peer.gateway.disk.records == []


async def test_an_address_is_proven_by_the_echo_that_aiocoap_sends_back(tmp_path: Path) -> None:
    async with talking(context(tmp_path / "node", node=True)) as peer:
        peer.gateway.mail.items[NODE] = item = Command(1, 0, [60])
        stored = await peer.ask(aiocoap.POST, "r", encode(Readings({0: 1})))
        assert (read_answer_untrusted(stored.payload).more, len(stored.opt.echo)) == (True, 8)
        fetched = await peer.ask(aiocoap.GET, "c")  # its second request carries the Echo of the 4.01 to the first
        assert (fetched.code, read_answer_untrusted(fetched.payload).item) == (aiocoap.CONTENT, item)
        stored = await peer.ask(aiocoap.POST, "r", encode(Readings({0: 1})))
        assert (read_answer_untrusted(stored.payload).item, stored.opt.echo) == (item, None)


async def test_a_full_disk_is_told_with_the_seconds_to_wait(tmp_path: Path) -> None:
    async with talking(context(tmp_path / "node", node=True)) as peer:
        await peer.ask(aiocoap.GET, "t")  # reserves counters of the gateway's own
        peer.gateway.disk.broken = True
        answer = await peer.ask(aiocoap.POST, "r", encode(Readings({0: 1})))
        assert (answer.code, answer.opt.max_age) == (aiocoap.SERVICE_UNAVAILABLE, 30)
        peer.gateway.disk.broken = False
        assert (await peer.ask(aiocoap.POST, "r", encode(Readings({0: 1})))).code == aiocoap.CHANGED


async def test_without_oscore_nothing_is_taken() -> None:
    async with talking(None) as peer:
        answer = await peer.ask(aiocoap.POST, "r", encode(Readings({0: 1})))
        assert answer.code == aiocoap.UNAUTHORIZED
        assert peer.gateway.disk.records == []


async def test_with_another_secret_nothing_is_taken(tmp_path: Path) -> None:
    async with talking(context(tmp_path / "node", node=True, secret=bytes(16))) as peer:
        with pytest.raises(error.Error):
            await peer.ask(aiocoap.POST, "r", encode(Readings({0: 1})))
        assert peer.gateway.disk.records == []
        assert [knock.reason for knock in peer.gateway.world.knocks] == ["wrong key"]
