"""The page of one reading's airtime: sizes of what is really built, times of the tested formula."""

import json
from pathlib import Path

import pytest
from comatrix_lora.frame import open_untrusted
from comatrix_lora.rules import Data, decode_untrusted
from comatrix_lora.schema import climate

from comatrix.codec import cbor, coap
from comatrix.gateway.pages import airtime_picture, airtimes, budgets
from comatrix.gateway.pages.airtimes import Way, ways
from comatrix.session.keys import node_id
from tests.lora.frame_sides import peer
from tests.session.recording import Recorder

ROOT = Path(__file__).parents[2]
PICTURE = ROOT / "docs" / "pictures" / "lora-airtime.svg"
SIZES = {
    "the floor": 12,
    "CoMatrix over LoRa": 15,
    "CoAP over OSCORE": 17 + 14,
    "CoAP over DTLS": 17 + 29,
    "MSC3079 over DTLS": 95 + 29,
    "JSON over HTTPS": 249 + 22,
}


def vectors(name: str) -> dict[str, object]:
    found: dict[str, object] = json.loads((ROOT / "tests" / "vectors" / name).read_text(encoding="utf-8"))
    return found


def test_the_sizes_are_these() -> None:
    assert {way.name: way.size for way in ways()} == SIZES


def test_our_frame_is_one_that_a_gateway_opens_and_says_the_reading() -> None:
    frame = airtimes.our_frame()
    gateway = peer(Recorder(), b"", node_id(budgets.NODE), budgets.SECRET)
    rule = decode_untrusted(open_untrusted(frame, lambda number: [gateway])[1].plain)
    assert isinstance(rule, Data) and climate().unpack_untrusted(rule.values) == airtimes.VALUES
    assert len(frame) == 15


def test_the_request_of_msc3079_is_by_its_tables() -> None:
    paths, keys = vectors("msc3079_coap_paths.json")["paths"], vectors("msc3079_cbor_keys.json")["keys"]
    assert isinstance(paths, dict) and isinstance(keys, dict)
    message = coap.decode_untrusted(airtimes.msc3079_request())
    path = [value.decode() for number, value in message.options if number == 11]
    assert paths[path[0]].endswith("/rooms/{roomId}/send/{eventType}/{txnId}") and len(path) == 4
    body = cbor.decode_untrusted(message.payload)
    assert body == {keys["body"]: airtimes.SAID, keys["msgtype"]: "m.notice"}


def test_the_request_of_https_is_whole() -> None:
    head, _, body = airtimes.https_request().partition(b"\r\n\r\n")
    assert json.loads(body)["body"] == airtimes.SAID
    assert f"Content-Length: {len(body)}".encode() in head.splitlines()


@pytest.mark.parametrize(
    ("size", "sf", "frames"), [(51, 12, [51]), (52, 12, [51, 1]), (271, 7, [242, 29]), (12, 9, [12])]
)
def test_what_is_longer_than_a_frame_is_cut(size: int, sf: int, frames: list[int]) -> None:
    assert Way("", size, "").frames(sf) == frames


def test_times_are_those_published() -> None:
    """Semtech's calculator, 125 kHz, 4/5, preamble 8, explicit header, CRC."""
    assert [Way("", 15, "").airtime_us(sf) for sf in (7, 12)] == [46_336, 1_155_072]


def test_ours_is_the_shortest_after_the_floor_at_every_spreading_factor() -> None:
    for sf in airtimes.SFS:
        times = [way.airtime_us(sf) for way in ways()]
        assert times == sorted(times)


def test_the_picture_is_fresh() -> None:
    assert PICTURE.read_text(encoding="utf-8") == airtime_picture.svg(), "run: make docs"
