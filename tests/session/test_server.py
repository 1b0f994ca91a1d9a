"""The gateway's security in virtual time: who is let in, and which nonce an answer may be sealed with."""

import pytest

from comatrix.codec import coap, codes
from comatrix.codec.option_numbers import MAX_AGE, OSCORE, PROXY_URI, URI_HOST, uint_bytes
from comatrix.errors import CounterError, LocalError, OscoreError
from comatrix.gateway.model import Node, SecurityContext
from comatrix.gateway.uplink.associations import Associations
from comatrix.session import oscore
from comatrix.session.hkdf import sha256
from comatrix.session.server import Knock, Peer, Repeated, Request, Server
from comatrix.session.serving import ServingEndpoint
from tests.session.recording import NODE, SECRET, NodeByHand, NonceReusedError, Recorder, is_protected

ADDRESS = (0, ("192.0.2.7", 5683))
PLAIN = (9, ("192.0.2.8", 5683))


class World:
    """A server that knows node 7, and node 8 which speaks plain CoAP on listener 9."""

    def __init__(self) -> None:
        self.recorder = Recorder()
        self.associations = Associations(self.recorder.aead, lambda n: 0, frozenset({9}))
        self.associations.load(Node(NODE, "garden", 1, 1), [SecurityContext(1, NODE, "u", 1, SECRET)])
        self.associations.load(Node(8, "shed", 1, 1, security="plain", address="192.0.2.8"), [])
        self.server = Server(ServingEndpoint(lambda n: 0), self.associations)
        self.node = NodeByHand(self.recorder)

    @property
    def peer(self) -> Peer:
        (peer,) = self.associations.find(bytes([NODE]), None)
        return peer

    def receive(self, datagram: bytes, addr: object = ADDRESS) -> Request | Repeated | Knock | None:
        self.server.receive_datagram(datagram, addr, 0)
        return self.server.next_event()

    def asked(self, datagram: bytes) -> Request:
        event = self.receive(datagram)
        assert isinstance(event, Request)
        return event

    def repeated(self, datagram: bytes) -> Repeated:
        event = self.receive(datagram)
        assert isinstance(event, Repeated)
        return event

    def out(self) -> list[bytes]:
        return [data for data, _ in self.server.datagrams_to_send(0)]

    def refusal(self) -> tuple[int, bytes]:
        (datagram,) = self.out()
        assert not is_protected(datagram)
        message = coap.decode_untrusted(datagram)
        return message.code, message.payload


@pytest.fixture
def world() -> World:
    return World()


def test_a_request_that_verifies_comes_out_with_its_counter_and_digest(world: World) -> None:
    datagram, _ = world.node.request(20, b"\xa1\x00\x01")
    event = world.asked(datagram)
    sealed = coap.decode_untrusted(datagram).payload
    assert (event.peer.node, event.code, event.payload) == (NODE, coap.POST, b"\xa1\x00\x01")
    assert (event.counter, event.digest) == (20, sha256(sealed)[:8])
    assert world.out() == []


def test_an_answer_to_what_is_stored_is_sealed_with_the_requests_nonce_and_says_no_counter(world: World) -> None:
    datagram, binding = world.node.request(20)
    world.server.answer_stored(world.asked(datagram), coap.CHANGED, b"", 0)
    (answer,) = world.out()
    assert world.node.open(answer, binding) == (coap.CHANGED, b"", None)
    assert any(nonce == binding.nonce for _, nonce in list(world.recorder.sealed)[1:])


def test_the_requests_nonce_is_used_at_most_once_and_nothing_follows_it_in_plain(world: World) -> None:
    datagram, _ = world.node.request(20)
    event = world.asked(datagram)
    assert world.peer.counter is not None
    world.peer.counter.granted(10)
    world.server.answer_stored(event, coap.CHANGED, b"", 0)
    world.out()
    with pytest.raises(LocalError, match="answered already"):
        world.server.answer_stored(event, coap.CHANGED, b"", 0)
    with pytest.raises(LocalError, match="answered already"):
        world.server.answer_fresh(event, codes.NOT_FOUND, b"", 0)
    assert world.out() == []


@pytest.mark.parametrize("code", [codes.SERVICE_UNAVAILABLE, codes.NOT_FOUND, codes.BAD_REQUEST, coap.CONTENT])
def test_every_other_answer_takes_a_counter_of_the_gateways_own(world: World, code: int) -> None:
    datagram, binding = world.node.request(20)
    event = world.asked(datagram)
    with pytest.raises(CounterError):
        world.server.answer_fresh(event, code, b"", 0)
    assert world.peer.counter is not None
    world.peer.counter.granted(world.peer.counter.wanted())
    world.server.answer_fresh(event, code, b"x", 0, [(MAX_AGE, uint_bytes(30))])
    (answer,) = world.out()
    assert world.node.open(answer, binding) == (code, b"x", 1)


def test_a_peer_without_a_counter_of_our_own_is_never_answered_under_the_requests_nonce(world: World) -> None:
    datagram, _ = world.node.request(20)
    event = world.asked(datagram)
    event.peer.counter = None
    with pytest.raises(CounterError):
        world.server.answer_fresh(event, codes.SERVICE_UNAVAILABLE, b"", 0)
    assert world.out() == []


def test_a_503_and_the_204_to_its_repeat_never_share_a_nonce(world: World) -> None:
    assert world.peer.counter is not None
    world.peer.counter.granted(100)
    first, _ = world.node.request(20)
    world.server.answer_fresh(world.asked(first), codes.SERVICE_UNAVAILABLE, b"", 0)
    second, _ = world.node.request(21)
    world.server.answer_stored(world.asked(second), coap.CHANGED, b"", 0)
    assert len(world.out()) == 2  # the recorder raises where a pair comes twice


def test_the_recorder_catches_a_pair_used_twice(world: World) -> None:
    world.node.request(20)
    with pytest.raises(NonceReusedError):
        world.node.request(20)


def test_a_known_counter_is_told_as_repeated_and_not_decrypted(world: World) -> None:
    datagram, binding = world.node.request(20, b"\x01")
    digest = world.asked(datagram).digest
    opened = world.recorder.opened
    moved = bytes([datagram[0], datagram[1], 0, 99]) + datagram[4:]
    event = world.repeated(moved)
    assert (event.counter, event.digest) == (20, digest)
    assert world.recorder.opened == opened
    assert world.peer.counter is not None
    world.peer.counter.granted(10)
    world.server.answer_fresh(event, coap.CHANGED, b"", 0)
    (answer,) = world.out()
    assert world.node.open(answer, binding) == (coap.CHANGED, b"", 1)


def test_other_bytes_under_a_known_counter_have_another_digest(world: World) -> None:
    datagram, _ = world.node.request(20, b"\x01")
    digest = world.asked(datagram).digest
    assert world.repeated(datagram[:-1] + b"\x00").digest != digest


def test_a_wrong_tag_earns_400_and_moves_nothing(world: World) -> None:
    datagram, _ = world.node.request(20)
    damaged = datagram[:-1] + bytes([datagram[-1] ^ 1])
    knock = world.receive(damaged)
    assert isinstance(knock, Knock)
    assert (knock.reason, knock.node) == ("wrong key", NODE)
    assert world.refusal() == (codes.BAD_REQUEST, b"Decryption failed")
    assert world.asked(datagram).counter == 20


def test_an_inner_message_that_is_no_request_is_refused(world: World) -> None:
    datagram, _ = world.node.request(20, code=coap.CONTENT)
    world.receive(datagram)
    assert world.refusal() == (codes.BAD_REQUEST, b"Decryption failed")


@pytest.mark.parametrize(
    ("number", "knock"), [(8, "unknown node"), (300, "unknown node")], ids=["plain node", "nobody"]
)
def test_a_kid_without_context_earns_401(world: World, number: int, knock: str) -> None:
    datagram, _ = NodeByHand(world.recorder, number).request(20)
    event = world.receive(datagram)
    assert isinstance(event, Knock)
    assert event.reason == knock
    assert world.refusal() == (coap.UNAUTHORIZED, b"Security context not found")


def test_without_oscore_only_a_declared_node_on_a_declared_listener_is_heard(world: World) -> None:
    request = coap.encode(coap.Message(coap.CON, coap.POST, 5, b"\x01", [(11, b"r")], b"\xa1\x00\x01"))
    strangers = {
        ADDRESS: ("no security", None),
        (0, PLAIN[1]): ("wrong listener", 8),
        (9, ADDRESS[1]): ("wrong address", None),
    }
    for addr, told in strangers.items():
        knock = world.receive(request, addr)
        assert isinstance(knock, Knock)
        assert (knock.reason, knock.node) == told
        assert world.refusal() == (coap.UNAUTHORIZED, b"")
    event = world.receive(request, PLAIN)
    assert isinstance(event, Request)
    assert (event.peer.node, event.counter) == (8, None)
    world.server.answer_stored(event, coap.CHANGED, b"", 0)
    assert [coap.decode_untrusted(answer).code for answer in world.out()] == [coap.CHANGED]


@pytest.mark.parametrize(
    "value",
    ["", "01", "0114", "0814", "e914 07", "00", "0700000000000000", "0a000107", "1914 ff07", "19", "1914"],
)
def test_an_option_that_cannot_be_read_earns_402(world: World, value: str) -> None:
    message = coap.Message(coap.CON, coap.POST, 5, b"\x01", [(OSCORE, bytes.fromhex(value))], bytes(12))
    assert malformed(world, coap.encode(message))
    assert world.refusal() == (codes.BAD_OPTION, b"Failed to decode COSE")


def malformed(world: World, datagram: bytes) -> bool:
    event = world.receive(datagram)
    return isinstance(event, Knock) and event.reason == "malformed"


def test_a_critical_option_outside_is_refused_when_confirmable_and_else_dropped(world: World) -> None:
    confirmable, _ = world.node.request(20, outside=((259, b""),))
    assert malformed(world, confirmable)
    assert world.refusal() == (codes.BAD_OPTION, b"")
    other, _ = world.node.request(21, outside=((259, b""),), type=coap.NON)
    assert malformed(world, other)
    assert world.out() == []


def test_uri_host_may_stand_outside_and_a_proxy_option_may_not(world: World) -> None:
    datagram, _ = world.node.request(20, outside=((URI_HOST, b"gateway.local"),))
    world.asked(datagram)
    datagram, _ = world.node.request(21, outside=((PROXY_URI, b"coap://elsewhere/"),))
    assert world.receive(datagram) is None
    assert world.refusal() == (codes.NO_PROXYING, b"")


def test_the_whole_id_context_or_its_bytes_may_be_named_and_no_other(world: World) -> None:
    for counter, name in ((20, b"u"), (21, b"\x40")):
        datagram, _ = world.node.request(counter, kid_context=name)
        world.asked(datagram)
    datagram, _ = world.node.request(22, kid_context=b"l")
    assert isinstance(world.receive(datagram), Knock)
    assert world.refusal()[0] == coap.UNAUTHORIZED


def test_during_rotation_both_secrets_are_heard_until_the_new_one_spoke(world: World) -> None:
    new = bytes(16)
    contexts = [SecurityContext(2, NODE, "u", 2, new), SecurityContext(1, NODE, "u", 1, SECRET, state="retiring")]
    world.associations.load(Node(NODE, "garden", 1, 1), contexts)
    old_datagram, _ = world.node.request(20)
    event = world.asked(old_datagram)
    assert event.peer.key == 1
    assert not world.associations.superseded(event.peer)
    new_datagram, _ = NodeByHand(world.recorder, secret=new).request(21)
    event = world.asked(new_datagram)
    assert event.peer.key == 2
    assert world.associations.superseded(event.peer)
    late, _ = world.node.request(22)
    assert isinstance(world.receive(late), Knock)


def test_a_revoked_node_is_nobody(world: World) -> None:
    world.associations.load(Node(NODE, "garden", 1, 1, revoked=True), [])
    datagram, _ = world.node.request(20)
    knock = world.receive(datagram)
    assert isinstance(knock, Knock)
    assert knock.reason == "unknown node"


def test_options_are_written_and_read_back() -> None:
    for counter in (None, 0, 255, 256, (1 << 40) - 1):
        for kid in (None, b"", b"\x07", b"\x01\x2c"):
            for kid_context in (None, b"", b"u", bytes(17)):
                value = oscore.option_value(counter, kid, kid_context)
                assert oscore.read_option_untrusted(value) == (counter, kid, kid_context)


def test_an_inner_message_that_is_no_response_is_no_answer(world: World) -> None:
    datagram, binding = world.node.request(20)
    event = world.asked(datagram)
    assert event.peer.context is not None
    assert event.binding is not None
    _, _, sealed = oscore.protect_response(event.peer.context, event.binding, None, coap.POST, (), b"")
    with pytest.raises(OscoreError, match="Decryption failed"):
        oscore.unprotect_response_untrusted(world.node.context, binding, None, sealed)
