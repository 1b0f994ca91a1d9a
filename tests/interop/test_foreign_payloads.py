"""aiocoap posts each accepted payload to a running gateway: what is stored is the same typed readings, once."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import aiocoap
import cbor2
import pytest

from comatrix.codec import cbor
from comatrix.gateway.uplink.formats.reading import Profile
from tests.interop.aiocoap_peer import context
from tests.interop.test_aiocoap_client import Peer, talking
from tests.support.gateway_world import WALL_MS

TEXT, LINKS, OCTETS, JSON, CBOR, SENML_JSON, SENML_CBOR = 0, 40, 42, 50, 60, 110, 112
NOW_S = WALL_MS // 1000
PACK = [{-2: "urn:dev:mac:0024befffe804ff1:", 0: "temperature", 1: "Cel", 2: 21.4}, {0: "humidity", 1: "%RH", 2: 45.2}]
OLDER = [{"bn": "shed/", "bt": NOW_S - 60, "n": "temperature", "v": 20.5}, {"n": "temperature", "t": 60, "v": 21.4}]


@asynccontextmanager
async def posting(folder: Path, profile: Profile | None = None) -> AsyncIterator[Peer]:
    """A gateway that was told `profile` of its node."""
    async with talking(context(folder / "node", node=True)) as peer:
        if profile is not None:
            peer.gateway.world.profiles["garden"] = profile
        yield peer


async def post(peer: Peer, content_format: int | None, payload: bytes) -> aiocoap.Message:
    """POST r."""
    request = aiocoap.Message(code=aiocoap.POST, uri=peer.base + "r", payload=payload)
    if content_format is not None:
        request.opt.content_format = content_format
    return await asyncio.wait_for(peer.client.request(request).response, 5)


@pytest.mark.parametrize(
    ("content_format", "payload", "stored"),
    [
        (None, cbor2.dumps({0: 2140, 1: 452}), {0: 2140, 1: 452}),
        (CBOR, cbor2.dumps({"temperature": 21.4, "humidity": Decimal("45.2")}), {0: 2140, 1: 452}),
        (CBOR, cbor2.dumps({0: 2140, 1: 452}), {0: 2140, 1: 452}),
        (JSON, b'{"temperature": 21.4, "humidity": 45.2}', {0: 2140, 1: 452}),
        (SENML_CBOR, cbor2.dumps(PACK), {0: 2140, 1: 452}),
        (SENML_JSON, json.dumps(OLDER).encode(), [{0: 2050, -1: 60}, {0: 2140}]),
        (TEXT, b"21.4", {0: 2140}),
        (OCTETS, bytes.fromhex("03670110056700ff"), {0: 2720, 35: 2550}),
        (None, bytes.fromhex("03670110"), {0: 2720}),
    ],
    ids=["native", "map", "native-60", "json", "senml-cbor", "senml-json", "text", "cayenne-42", "cayenne"],
)
async def test_each_payload_ends_as_the_same_readings(
    tmp_path: Path, content_format: int | None, payload: bytes, stored: object
) -> None:
    cayenne = payload[:1] == b"\x03"
    async with posting(tmp_path, Profile("temperature", cayenne, {5: "soil-temperature"})) as peer:
        assert (await post(peer, content_format, payload)).code == aiocoap.CHANGED
        (record,) = peer.gateway.disk.records
        assert (record.kind, cbor.decode_untrusted(record.body)) == ("readings", stored)
        assert (record.seq, record.measured_ms) == (record.counter, record.received_ms)


@pytest.mark.parametrize(
    ("content_format", "payload", "words"),
    [
        (CBOR, cbor2.dumps({"temperatur": 1}), "unknown name temperatur"),
        (CBOR, cbor2.dumps({"temperature": float("nan")}), "not a finite number"),
        (JSON, b'{"temperature": 1e999999999}', "number out of range"),
        (JSON, b'{"temperature": 1, "temperature": 2}', "a key stands twice"),
        (JSON, b'{"temperature": NaN}', "not a finite number"),
        (JSON, b'{"temperature": 1} x', "not JSON"),
        (SENML_CBOR, cbor2.dumps([{0: "temperature", 1: "lx", 2: 1}]), "temperature is not told in lx"),
        (SENML_JSON, b'[{"n":"temperature","v":1,"x_":1}]', "must understand x_"),
        (SENML_JSON, b'[{"n":"temperature","v":1,"bver":11}]', "unknown SenML version"),
        (TEXT, b"warm", "declare what text means: [payloads] text"),
    ],
)
async def test_a_wrong_payload_earns_400_that_says_what_is_wrong_and_stores_nothing(
    tmp_path: Path, content_format: int, payload: bytes, words: str
) -> None:
    async with posting(tmp_path) as peer:
        answer = await post(peer, content_format, payload)
        assert (answer.code, answer.payload.decode()) == (aiocoap.BAD_REQUEST, words)
        assert peer.gateway.disk.records == []


@pytest.mark.parametrize("content_format", [LINKS, OCTETS, 11542, 65000])
async def test_an_unknown_format_earns_415(tmp_path: Path, content_format: int) -> None:
    async with posting(tmp_path) as peer:
        answer = await post(peer, content_format, b"\xa1\x00\x01")
        assert answer.code == aiocoap.UNSUPPORTED_CONTENT_FORMAT
        assert peer.gateway.disk.records == []


async def test_a_pack_is_one_row_under_one_seq_so_that_it_is_stored_whole_or_not(tmp_path: Path) -> None:
    async with posting(tmp_path) as peer:
        await peer.ask(aiocoap.GET, "t")  # reserves counters of the gateway's own
        peer.gateway.disk.broken = True
        await post(peer, SENML_JSON, json.dumps(OLDER).encode())
        assert peer.gateway.disk.records == []
        peer.gateway.disk.broken = False
        await post(peer, SENML_JSON, json.dumps(OLDER).encode())
        assert len(peer.gateway.disk.records) == 1
