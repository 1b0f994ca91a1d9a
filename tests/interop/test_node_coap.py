"""node-coap's client, in plain: posts, blocks, discovery, and an observation whose Echo is given back by hand."""

import asyncio

import pytest

from comatrix.codec.records import Readings, Text, encode, read_answer_untrusted
from comatrix.gateway.uplink.discovery import document
from tests.interop.node_coap import node_coap
from tests.interop.our_gateway import WEATHER, our_gateway

READING = encode(Readings({0: 2137, 1: 452}))
LONG = Text("ä" * 900)

pytestmark = pytest.mark.slow


async def test_a_reading_is_posted_confirmable_or_not_and_the_time_fetched() -> None:
    async with our_gateway() as gateway, node_coap(gateway.plain_port) as client:
        assert (await client.ask("POST", "/r", READING))["code"] == "2.04"
        assert (await client.ask("POST", "/r", READING, confirmable=False))["code"] == "2.04"
        assert [record.body for record in gateway.disk.records] == [READING, READING]
        time = await client.ask("GET", "/t")
        assert read_answer_untrusted(bytes.fromhex(time["payload"])).time_s is not None


async def test_a_long_text_comes_in_blocks() -> None:
    async with our_gateway() as gateway, node_coap(gateway.plain_port) as client:
        answer = await client.ask("POST", "/m", encode(LONG), options=[["Block1", "06"]])
        assert answer["code"] == "2.04"
        (record,) = gateway.disk.records
        assert record.body == encode(LONG)


async def test_what_is_here_is_found_in_blocks_that_an_unproven_address_may_get() -> None:
    async with our_gateway() as gateway, node_coap(gateway.plain_port) as client:
        found = await client.ask("GET", "/.well-known/core")
        assert (found["code"], bytes.fromhex(found["payload"])) == ("2.05", document([]))
        found = await client.ask("GET", "/.well-known/core", query="rt=comatrix.time")
        assert bytes.fromhex(found["payload"]) == document([b"rt=comatrix.time"])


async def test_it_observes_once_it_gave_an_echo_back() -> None:
    async with our_gateway() as gateway, node_coap(gateway.plain_port) as client:
        challenge = await client.ask("GET", "/c", observe=True)
        assert challenge["code"] == "4.01"
        echo = challenge["options"]["252"]
        first = await client.ask("GET", "/c", observe=True, options=[["252", echo]], close=1000)
        assert first["code"] == "2.05"
        for words in ("one", "two"):
            item = gateway.tell(WEATHER, words)
            said = await client.line()
            while not said.get("notified"):
                said = await client.line()
            assert read_answer_untrusted(bytes.fromhex(said["notified"])).item == item
        await asyncio.sleep(1.5)
        assert len(gateway.world.receiver.observers) == 0, "it cancelled"


@pytest.mark.parametrize(
    ("method", "path", "options", "code"),
    [
        ("GET", "/nowhere", [], "4.04"),
        ("GET", "/r", [], "4.05"),
        ("POST", "/r", [["If-None-Match", ""]], "4.12"),
        ("GET", "/t", [["Accept", "32"]], "4.06"),
        ("POST", "/r", [["65001", "00"]], "4.02"),
    ],
)
async def test_refusals_are_told(method: str, path: str, options: list[list[str]], code: str) -> None:
    async with our_gateway() as gateway, node_coap(gateway.plain_port) as client:
        assert (await client.ask(method, path, READING if method == "POST" else b"", options=options))["code"] == code
        assert gateway.disk.records == []
