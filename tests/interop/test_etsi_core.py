"""ETSI CoAP plugtest cases TD_COAP_CORE_01 to 23 and 31 (td-coap4, base.yml), each named after its case."""

from random import Random

import pytest

from comatrix.codec import coap, codes
from comatrix.codec.option_numbers import (
    ACCEPT,
    CONTENT_FORMAT,
    ETAG,
    IF_MATCH,
    IF_NONE_MATCH,
    LOCATION_PATH,
    URI_QUERY,
)
from comatrix.session.endpoint import Endpoint, Response
from tests.interop.etsi_tree import CLIENT, LOCATION_QUERY, TEXT, XML, Client, Tree, format_of, option

PLAIN = (CONTENT_FORMAT, b"")


def test_td_coap_core_01_get_confirmable() -> None:
    answer = Client().answer(coap.GET, "test")
    assert (answer.code, answer.payload, format_of(answer)) == (coap.CONTENT, b"a test", TEXT)


def test_td_coap_core_02_delete_confirmable() -> None:
    client = Client()
    assert client.answer(codes.DELETE, "test").code == codes.DELETED
    assert client.answer(coap.GET, "test").code == codes.NOT_FOUND


def test_td_coap_core_03_put_confirmable() -> None:
    client = Client()
    assert client.answer(codes.PUT, "test", PLAIN, payload=b"new").code == coap.CHANGED
    assert client.answer(coap.GET, "test").payload == b"new"


def test_td_coap_core_04_post_confirmable() -> None:
    assert Client().answer(coap.POST, "test", PLAIN, payload=b"x").code == codes.CREATED


def test_td_coap_core_05_get_non_confirmable() -> None:
    client = Client()
    answer = client.answer(coap.GET, "test", type=coap.NON)
    assert (answer.code, format_of(answer)) == (coap.CONTENT, TEXT)


def test_td_coap_core_06_delete_non_confirmable() -> None:
    assert Client().answer(codes.DELETE, "test", type=coap.NON).code == codes.DELETED


def test_td_coap_core_07_put_non_confirmable() -> None:
    assert Client().answer(codes.PUT, "test", PLAIN, payload=b"new", type=coap.NON).code == coap.CHANGED


def test_td_coap_core_08_post_non_confirmable() -> None:
    assert Client().answer(coap.POST, "test", PLAIN, payload=b"x", type=coap.NON).code == codes.CREATED


def separate(client: Client) -> coap.Message:
    """GET /separate, confirmable: an empty ACK in time, then the response, which is acknowledged."""
    tree = client.tree
    assert client.ask(coap.GET, "separate") == []
    (ack,) = tree.pass_time(1000)
    assert (ack.type, ack.code, ack.mid, ack.token, ack.payload) == (
        coap.ACK,
        coap.EMPTY,
        client.sent[-1].mid,
        b"",
        b"",
    )
    assert tree.pass_time(1500) == []
    tree.later.pop()()
    (response,) = tree.take()
    assert (response.type, response.code, response.token) == (coap.CON, coap.CONTENT, client.sent[-1].token)
    assert (response.payload, format_of(response)) == (b"took a while", TEXT)
    client.empty(coap.ACK, response.mid)
    assert tree.server.next_deadline() is None
    return response


def test_td_coap_core_09_get_with_separate_response() -> None:
    separate(Client())


@pytest.mark.parametrize("size", [1, 8])
def test_td_coap_core_10_get_with_token(size: int) -> None:
    answer = Client().answer(coap.GET, "test", token=bytes(range(200, 200 + size)))
    assert (answer.code, len(answer.token)) == (coap.CONTENT, size)


def test_td_coap_core_11_get_with_token_and_separate_response() -> None:
    client = Client()
    assert 1 <= len(separate(client).token) <= 8


def test_td_coap_core_12_get_with_empty_token() -> None:
    answer = Client().answer(coap.GET, "test", token=b"")
    assert (answer.code, answer.token) == (coap.CONTENT, b"")


def test_td_coap_core_13_get_with_several_uri_path_options() -> None:
    assert Client().answer(coap.GET, "seg1/seg2/seg3").payload == b"far down"


def test_td_coap_core_14_get_with_several_uri_query_options() -> None:
    queries = [(URI_QUERY, text) for text in (b"first=1", b"second=2", b"third=3")]
    answer = Client().answer(coap.GET, "query", *queries)
    assert (answer.code, answer.payload) == (coap.CONTENT, b"queried")


class Lossy:
    """Our own client's endpoint and the tree's server, with a link that loses what `losses` says."""

    def __init__(self, losses: Random) -> None:
        self.tree = Tree()
        self.client = Endpoint(Random(2).randrange)
        self.losses = losses
        self.dropped: set[str] = set()
        self.retransmissions = 0

    def get(self, path: str) -> coap.Message:
        """Ask until the response is there."""
        self.client.request("server", coap.GET, [(11, path.encode())], b"", self.tree.now)
        first = True
        while True:
            for data, _ in self.client.datagrams_to_send(self.tree.now):
                self.retransmissions += not first and data[0] >> 4 & 3 == coap.CON
                first = False
                self.to_server(data)
            for message in self.tree.take():
                self.to_client(message)
            event = self.client.next_event()
            if isinstance(event, Response):
                for data, _ in self.client.datagrams_to_send(self.tree.now):
                    self.to_server(data)  # the ACK of a separate response
                return event.message
            assert event is None
            self.wait()

    def wait(self) -> None:
        """Half a second; what was slow is answered meanwhile."""
        for message in self.tree.pass_time(500):
            self.to_client(message)
        while self.tree.later and self.tree.now % 3000 == 0:
            self.tree.later.pop(0)()
        self.client.handle_timer(self.tree.now)

    def lost(self, what: str) -> bool:
        if self.losses.random() < 0.25:
            self.dropped.add(what)
            return True
        return False

    def to_server(self, data: bytes) -> None:
        if not self.lost("request" if data[1] == coap.GET else "ACK of the response"):
            self.tree.receive(data, CLIENT)

    def to_client(self, message: coap.Message) -> None:
        if not self.lost("ACK of the request" if message.code == coap.EMPTY else "response"):
            self.client.receive_datagram(coap.encode(message), "server", self.tree.now)


def test_td_coap_core_15_get_in_a_lossy_context() -> None:
    link = Lossy(Random(15))
    while link.dropped != {"request", "response"}:
        answer = link.get("test")
        assert (answer.code, answer.payload) == (coap.CONTENT, b"a test")
        link.wait()
    assert link.retransmissions >= 2


def test_td_coap_core_16_separate_response_in_a_lossy_context() -> None:
    link = Lossy(Random(16))
    while link.dropped != {"request", "ACK of the request", "response", "ACK of the response"}:
        answer = link.get("separate")
        assert (answer.code, answer.payload) == (coap.CONTENT, b"took a while")
        while link.tree.server.next_deadline() is not None:  # its retransmissions meet their ACKs, or their Resets
            link.wait()
            for data, _ in link.client.datagrams_to_send(link.tree.now):
                link.to_server(data)
    assert link.retransmissions >= 2


def test_td_coap_core_17_separate_response_non_confirmable() -> None:
    client = Client()
    assert client.ask(coap.GET, "separate", type=coap.NON) == []
    assert client.tree.pass_time(2500) == [], "no empty ACK"
    client.tree.later.pop()()
    (response,) = client.tree.take()
    assert (response.type, response.code, response.token) == (coap.NON, coap.CONTENT, client.sent[-1].token)
    assert response.payload


def test_td_coap_core_18_post_with_several_location_path_options() -> None:
    answer = Client().answer(coap.POST, "test", PLAIN, payload=b"x")
    places = [value for number, value in answer.options if number == LOCATION_PATH]
    assert (answer.code, places) == (codes.CREATED, [b"location1", b"location2", b"location3"])


def test_td_coap_core_19_post_with_several_location_query_options() -> None:
    answer = Client().answer(coap.POST, "location-query", PLAIN, payload=b"x")
    places = [value for number, value in answer.options if number == LOCATION_QUERY]
    assert (answer.code, places) == (codes.CREATED, [b"first=1", b"second=2"])


def test_td_coap_core_20_get_with_accept() -> None:
    client = Client()
    text = client.answer(coap.GET, "multi-format", (ACCEPT, b""))
    assert (text.code, format_of(text), text.payload) == (coap.CONTENT, TEXT, b"x")
    xml = client.answer(coap.GET, "multi-format", (ACCEPT, bytes((XML,))))
    assert (xml.code, format_of(xml), xml.payload) == (coap.CONTENT, XML, b"<x/>")
    assert client.answer(coap.GET, "multi-format", (ACCEPT, b"\x32")).code == codes.NOT_ACCEPTABLE


def test_td_coap_core_21_get_with_etag() -> None:
    client = Client()
    first = client.answer(coap.GET, "validate")
    tag = option(first, ETAG)
    assert (first.code, bool(first.payload)) == (coap.CONTENT, True)
    assert tag is not None
    valid = client.answer(coap.GET, "validate", (ETAG, tag))
    assert (valid.code, option(valid, ETAG), valid.payload) == (codes.VALID, tag, b"")
    client.answer(codes.PUT, "validate", PLAIN, payload=b"second")
    other = client.answer(coap.GET, "validate", (ETAG, tag))
    assert (other.code, other.payload) == (coap.CONTENT, b"second")
    assert option(other, ETAG) not in (None, tag)


def test_td_coap_core_22_put_with_if_match() -> None:
    client = Client()
    tag = option(client.answer(coap.GET, "validate"), ETAG)
    assert tag is not None
    assert client.answer(codes.PUT, "validate", PLAIN, (IF_MATCH, tag), payload=b"second").code == coap.CHANGED
    second = client.answer(coap.GET, "validate")
    tag = option(second, ETAG)
    assert tag is not None
    assert second.payload == b"second"
    assert client.answer(codes.PUT, "validate", PLAIN, payload=b"third").code == coap.CHANGED
    late = client.answer(codes.PUT, "validate", PLAIN, (IF_MATCH, tag), payload=b"fourth")
    assert late.code == codes.PRECONDITION_FAILED
    assert client.answer(coap.GET, "validate").payload == b"third"


def test_td_coap_core_23_put_with_if_none_match() -> None:
    client = Client()
    assert client.answer(codes.PUT, "create1", PLAIN, (IF_NONE_MATCH, b""), payload=b"a").code == codes.CREATED
    again = client.answer(codes.PUT, "create1", PLAIN, (IF_NONE_MATCH, b""), payload=b"b")
    assert again.code == codes.PRECONDITION_FAILED
    assert client.answer(coap.GET, "create1").payload == b"a"


def test_td_coap_core_31_ping() -> None:
    (pong,) = Client().empty(coap.CON, 0x1234)
    assert coap.encode(pong) == bytes.fromhex("70001234")
