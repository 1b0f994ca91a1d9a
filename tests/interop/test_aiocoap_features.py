"""aiocoap, in plain and under OSCORE: blocks both ways, observation, discovery, conditions, Echo by itself."""

import asyncio
from pathlib import Path

import aiocoap
import pytest
from aiocoap import error, interfaces

from comatrix.codec import coap
from comatrix.codec.records import Readings, Text, encode, read_answer_untrusted
from comatrix.gateway.uplink.discovery import document
from tests.interop.aiocoap_peer import NODE, PeerContext, context
from tests.interop.our_gateway import PLAIN, SECURE, WEATHER
from tests.interop.test_aiocoap_client import talking

LONG = Text("ä" * 900)
SECURED = (False, True)


def keys(tmp_path: Path, secured: bool) -> PeerContext | None:
    return context(tmp_path / "node", node=True) if secured else None


@pytest.mark.parametrize("secured", SECURED, ids=["plain", "oscore"])
async def test_a_text_longer_than_a_datagram_comes_in_blocks(tmp_path: Path, secured: bool) -> None:
    async with talking(keys(tmp_path, secured), plain=not secured) as peer:
        answer = await peer.ask(aiocoap.POST, "m", encode(LONG))
        assert answer.code == aiocoap.CHANGED
        (record,) = peer.gateway.disk.records
        assert (record.node, record.body) == (NODE if secured else WEATHER, encode(LONG))


@pytest.mark.parametrize("secured", SECURED, ids=["plain", "oscore"])
async def test_what_is_here_is_found_by_echo_under_oscore_and_in_short_blocks_without(
    tmp_path: Path, secured: bool
) -> None:
    async with talking(keys(tmp_path, secured), plain=not secured) as peer:
        answer = await peer.ask(aiocoap.GET, ".well-known/core")
        assert (answer.code, int(answer.opt.content_format), answer.payload) == (aiocoap.CONTENT, 40, document([]))
        known = await peer.ask(aiocoap.GET, ".well-known/core", etags=[answer.opt.etag])
        assert (known.code, known.payload) == (aiocoap.VALID, b"")
        time = await peer.ask(aiocoap.GET, ".well-known/core?rt=comatrix.time")
        assert time.payload == document([b"rt=comatrix.time"])


@pytest.mark.parametrize("secured", SECURED, ids=["plain", "oscore"])
async def test_an_answer_is_fetched_in_the_blocks_it_asks_for(tmp_path: Path, secured: bool) -> None:
    async with talking(keys(tmp_path, secured), plain=not secured) as peer:
        await peer.ask(aiocoap.GET, ".well-known/core")
        small = await peer.ask(aiocoap.GET, ".well-known/core", block2=(0, False, 1))
        assert small.payload == document([])


@pytest.mark.parametrize(
    ("tuning", "type"), [(aiocoap.Reliable, coap.CON), (aiocoap.Unreliable, coap.NON)], ids=["con", "non"]
)
@pytest.mark.parametrize("secured", SECURED, ids=["plain", "oscore"])
async def test_it_observes_what_it_is_told_as_it_registered(
    tmp_path: Path, secured: bool, tuning: object, type: int
) -> None:
    async with talking(keys(tmp_path, secured), plain=not secured) as peer:
        node = NODE if secured else WEATHER
        echo = None
        if secured:
            await peer.ask(aiocoap.GET, "c")  # proves its address; aiocoap's observation answers no Echo
        else:
            echo = (await peer.ask(aiocoap.GET, "c", observe=0)).opt.echo  # and in plain nothing of it does
        asked = peer.client.request(peer.request(aiocoap.GET, "c", observe=0, echo=echo, transport_tuning=tuning))
        first = await asyncio.wait_for(asked.response, 10)
        assert (first.code, first.opt.observe is None) == (aiocoap.CONTENT, False)
        told = aiter(asked.observation)
        for words in ("one", "two", "three"):
            item = peer.gateway.tell(node, words)
            assert coap.decode_untrusted(peer.gateway.sockets[SECURE if secured else PLAIN].sent[-1]).type == type
            notification = await asyncio.wait_for(anext(told), 10)
            assert read_answer_untrusted(notification.payload).item == item
        asked.observation.cancel()
        await peer.ask(aiocoap.GET, "c", observe=1)
        assert len(peer.gateway.world.receiver.observers) == 0


@pytest.mark.parametrize("secured", SECURED, ids=["plain", "oscore"])
async def test_conditions_and_formats_are_told_by_their_codes(tmp_path: Path, secured: bool) -> None:
    reading = encode(Readings({0: 1}))
    async with talking(keys(tmp_path, secured), plain=not secured) as peer:
        told = [
            await peer.ask(aiocoap.POST, "r", reading, if_none_match=True),
            await peer.ask(aiocoap.POST, "r", reading, if_match=[b"x"]),
            await peer.ask(aiocoap.GET, "t", accept=50),
            await peer.ask(aiocoap.POST, "r", reading),
        ]
        assert [answer.code for answer in told] == [
            aiocoap.PRECONDITION_FAILED,
            aiocoap.PRECONDITION_FAILED,
            aiocoap.NOT_ACCEPTABLE,
            aiocoap.CHANGED,
        ]
        assert len(peer.gateway.disk.records) == 1


async def test_who_wants_no_response_gets_none_and_its_reading_is_stored() -> None:
    async with talking(None, plain=True) as peer:
        request = peer.request(aiocoap.POST, "r", encode(Readings({0: 1})), no_response=26)
        request.mtype = aiocoap.NON
        asked = peer.client.request(request)
        assert isinstance(asked, interfaces.Request)
        with pytest.raises((asyncio.TimeoutError, error.Error)):
            await asyncio.wait_for(asked.response, 0.5)
        assert len(peer.gateway.disk.records) == 1
