"""libcoap's clients of all three builds, in plain: posts, blocks, discovery, observation with Echo by itself."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from comatrix.codec import coap
from comatrix.codec.records import Readings, Text, encode, read_answer_untrusted
from comatrix.gateway.uplink.discovery import document
from tests.interop.libcoap_programs import CLIENTS, LibcoapClient
from tests.interop.our_gateway import PLAIN, WEATHER, OurGateway, our_gateway

LONG = Text("ä" * 900)
READING = encode(Readings({0: 2137, 1: 452}))

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("name", CLIENTS)]


@asynccontextmanager
async def asking(name: str, folder: Path) -> AsyncIterator[tuple[LibcoapClient, OurGateway]]:
    """A gateway, and a client that asks at its socket for plain nodes."""
    async with our_gateway() as gateway:
        yield LibcoapClient(name, folder, gateway.plain_port), gateway


async def test_a_reading_is_posted_and_the_time_fetched(name: str, tmp_path: Path) -> None:
    async with asking(name, tmp_path) as (client, gateway):
        await client.ask("r", "-m", "post", payload=READING)
        (record,) = gateway.disk.records
        assert (record.node, record.body) == (WEATHER, READING)
        assert read_answer_untrusted((await client.ask("t")).strip(b"\n")).time_s is not None
        assert (await client.ask("r", "-m", "post", "-N", payload=READING)) is not None
        assert len(gateway.disk.records) == 2


@pytest.mark.parametrize("size", ["1024", "64", "16"])
async def test_a_long_text_comes_in_blocks_of_any_size(name: str, tmp_path: Path, size: str) -> None:
    async with asking(name, tmp_path) as (client, gateway):
        await client.ask("m", "-m", "post", "-b", size, payload=encode(LONG))
        (record,) = gateway.disk.records
        assert (record.kind, record.body) == ("text", encode(LONG))


async def test_what_is_here_is_found_whole_and_filtered(name: str, tmp_path: Path) -> None:
    async with asking(name, tmp_path) as (client, _):
        assert (await client.ask(".well-known/core")).strip() == document([])
        assert (await client.ask(".well-known/core", "-b", "16")).strip() == document([])
        assert (await client.ask(".well-known/core?rt=comatrix.t*")).strip() == document([b"rt=comatrix.t*"])
        assert (await client.ask(".well-known/core", "-A", "50")).startswith(b"4.06")


@pytest.mark.parametrize(("words", "type"), [((), coap.CON), (("-N",), coap.NON)], ids=["con", "non"])
async def test_it_observes_after_it_proved_its_address_as_it_registered(
    name: str, tmp_path: Path, words: tuple[str, ...], type: int
) -> None:
    async with asking(name, tmp_path) as (client, gateway):
        process = await client.start("c", "-s", "3", "-w", *words)
        observers = gateway.world.receiver.observers
        for _ in range(100):
            if len(observers):
                break
            await asyncio.sleep(0.02)
        assert len(observers) == 1
        for text in ("first words", "second words"):
            gateway.tell(WEATHER, text)
            assert coap.decode_untrusted(gateway.sockets[PLAIN].sent[-1]).type == type
            await asyncio.sleep(0.1)
        said, _ = await asyncio.wait_for(process.communicate(), 20)
        assert b"first words" in said
        assert b"second words" in said
        gateway.tell(WEATHER, "nobody is there")
        await asyncio.sleep(0.1)
        assert len(observers) == 0, "it cancelled when its time was over"


@pytest.mark.parametrize(
    ("path", "words", "code"),
    [
        ("nowhere", ("-m", "get"), b"4.04"),
        ("r", ("-m", "get"), b"4.05"),
        ("r", ("-m", "put"), b"4.05"),
        ("r", ("-m", "post", "-O", "5"), b"4.12"),
        ("r", ("-m", "post", "-O", "1,tag"), b"4.12"),
        ("r", ("-m", "post", "-O", "65001,x"), b"4.02"),
        ("t", ("-m", "get", "-A", "50"), b"4.06"),
    ],
)
async def test_refusals_are_told(name: str, tmp_path: Path, path: str, words: tuple[str, ...], code: bytes) -> None:
    async with asking(name, tmp_path) as (client, gateway):
        said = await client.ask(path, *words, payload=READING if "post" in words else None)
        assert said.startswith(code)
        assert gateway.disk.records == []
