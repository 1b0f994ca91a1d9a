"""What waits for a node leaves in an answer to it: on air first, once a request, and only to where it proved to be."""

from dataclasses import replace

import pytest

from comatrix.codec import coap, codes
from comatrix.codec.option_numbers import ECHO, MAX_AGE, OSCORE, URI_PATH, uint
from comatrix.codec.records import Answer, Command, Hello, Readings, Result, Text, encode, read_answer_untrusted
from comatrix.gateway.aead import aead
from comatrix.gateway.model import Node
from comatrix.gateway.uplink.address_proof import LIFETIME_MS
from comatrix.session import keys as naming
from comatrix.session import oscore
from comatrix.session.keys import Keys, node_id
from tests.gateway.test_receiver import PLAIN_LISTENER, SECRET, Sender, unprotected
from tests.support.gateway_world import NODE_ADDRESS, GatewayWorld, MemoryDisk
from tests.support.written_mail import WrittenMail

READING = Readings({0: 2137, 1: 452})
ITEM = Command(3, 0, [600])
GARDEN = Node(7, "garden", 1, 1)
ELSEWHERE = (0, ("203.0.113.66", 4000))
SHED_ADDRESS = (PLAIN_LISTENER, ("192.0.2.8", 1))


class Scene:
    """A node with an address it proved, a mailbox with one item for it, and the gateway between."""

    def __init__(self, *, proven: bool = True) -> None:
        self.disk = MemoryDisk()
        self.disk.provision(7, SECRET)
        self.mail = WrittenMail({7: ITEM, 8: ITEM})
        nodes = {7: GARDEN, 8: Node(8, "shed", 1, 1, security="plain", address="192.0.2.8")}
        self.world = GatewayWorld(self.disk, nodes, mail=self.mail)
        self.sender = Sender()
        self.counter = 0
        self.own: int | None = None
        if proven:
            self.prove()
            self.mail.calls.clear()

    def prove(self) -> None:
        """The node's address is proven to be its own."""
        _, options, _ = self.ask("c", code=coap.GET)
        self.ask("c", code=coap.GET, options=[(ECHO, dict(options)[ECHO])])

    def ask(
        self, path: str = "r", record: object = None, **parts: object
    ) -> tuple[int, list[tuple[int, bytes]], Answer]:
        """A request of the node's, and the answer to it."""
        (answer,) = self.post(path, record, **parts)
        code, options, payload, self.own = self.sender.answer(self.counter, answer)
        return code, options, read_answer_untrusted(payload) if code < codes.BAD_REQUEST else Answer()

    def post(self, path: str = "r", record: object = None, **parts: object) -> list[bytes]:
        """A request of the node's, and the datagrams that come of it."""
        addr = parts.pop("addr", NODE_ADDRESS)
        self.counter += 1
        self.world.receive(self.sender.request(self.counter, path, record, **parts), addr)  # type: ignore[arg-type]
        return self.world.take()


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.mark.parametrize(
    ("path", "record", "under_its_own"),
    [
        ("r", READING, False),
        ("m", Text("hot"), False),
        ("c", Result(2), False),
        ("h", Hello(firmware="x"), True),
    ],
)
def test_an_item_rides_in_the_answer_to_what_was_stored(
    scene: Scene, path: str, record: object, under_its_own: bool
) -> None:
    code, options, answer = scene.ask(path, record)
    assert (code, options) == (coap.CHANGED, [])
    assert answer.item == ITEM
    assert (scene.own is not None) == under_its_own


def test_the_time_that_is_due_goes_along(scene: Scene) -> None:
    answers = [scene.ask(record=READING)[2] for _ in range(2)]
    assert [(answer.time_s is None, answer.item) for answer in answers] == [(False, ITEM), (True, ITEM)]


def test_an_item_is_on_air_before_the_answer_leaves_and_after_the_record_is_on_disk(scene: Scene) -> None:
    seen = []
    scene.mail.meanwhile = lambda: seen.append((len(scene.disk.records), scene.world.server.pending()))
    assert scene.ask(record=READING)[2].item == ITEM
    assert seen == [(1, 0)]


def test_nothing_goes_on_air_before_the_record_is_on_disk(scene: Scene) -> None:
    scene.disk.hold = True
    assert scene.post(record=READING) == []
    assert scene.mail.calls == []
    scene.disk.sync()
    assert scene.mail.calls == [("air", 7)]
    assert len(scene.world.take()) == 1


def test_every_answer_carries_the_item_until_something_else_stands(scene: Scene) -> None:
    assert [scene.ask(record=READING)[2].item for _ in range(3)] == [ITEM] * 3
    del scene.mail.items[7]
    assert scene.ask(record=READING)[2].item is None
    assert len(scene.mail.calls) == 3


def test_a_duplicate_gets_the_same_bytes_and_puts_nothing_on_air(scene: Scene) -> None:
    request = scene.sender.request(50, record=READING)
    for _ in range(3):
        scene.world.receive(request)
    assert len(set(scene.world.take())) == 1
    assert scene.mail.calls == [("air", 7)]


def test_a_copy_under_another_message_id_gets_a_bare_204(scene: Scene) -> None:
    scene.world.receive(scene.sender.request(50, record=READING))
    scene.world.take()
    scene.world.receive(scene.sender.request(50, record=READING, mid=1))
    (answer,) = scene.world.take()
    code, options, payload, own = scene.sender.answer(50, answer)
    assert (code, options, payload) == (coap.CHANGED, [], b"")
    assert own is not None
    assert scene.mail.calls == [("air", 7)]


def test_a_repeat_of_a_record_is_a_fresh_request_and_gets_the_item(scene: Scene) -> None:
    scene.ask(record=READING, seq=9)
    assert scene.ask(record=READING, seq=9)[2].item == ITEM
    assert len(scene.disk.records) == 1


def test_an_unproven_address_gets_an_echo_and_fetches_with_it() -> None:
    scene = Scene(proven=False)
    code, options, answer = scene.ask(record=READING)
    assert (code, answer.item, answer.more) == (coap.CHANGED, None, True)
    assert scene.mail.calls == []
    code, _, answer = scene.ask("c", code=coap.GET, options=[(ECHO, dict(options)[ECHO])])
    assert (code, answer.item, answer.more) == (coap.CONTENT, ITEM, False)
    assert scene.mail.calls == [("air", 7)]
    assert scene.ask(record=READING)[2].item == ITEM


@pytest.mark.parametrize(("path", "record"), [("r", READING), ("h", Hello(firmware="x"))])
def test_where_nothing_waits_nothing_is_said_of_it(path: str, record: object) -> None:
    scene = Scene(proven=False)
    scene.mail.items.clear()
    code, options, answer = scene.ask(path, record)
    assert (code, options, answer.item, answer.more) == (coap.CHANGED, [], None, False)
    assert scene.mail.calls == []


def test_any_request_may_carry_the_echo() -> None:
    scene = Scene(proven=False)
    _, options, _ = scene.ask(record=READING)
    assert scene.ask(record=READING, options=[(ECHO, dict(options)[ECHO])])[2].item == ITEM


def test_who_fetches_from_an_unproven_address_is_challenged_protected() -> None:
    scene = Scene(proven=False)
    code, options, _ = scene.ask("c", code=coap.GET)
    assert (code, len(dict(options)[ECHO])) == (coap.UNAUTHORIZED, 8)
    assert scene.own is not None
    code, others, _ = scene.ask("c", code=coap.GET, options=[(ECHO, bytes(8))])
    assert (code, scene.mail.calls) == (coap.UNAUTHORIZED, [])
    assert scene.ask("c", code=coap.GET, options=[(ECHO, dict(others)[ECHO])])[0] == coap.CONTENT


def test_an_echo_is_too_old_after_five_minutes() -> None:
    scene = Scene(proven=False)
    _, options, _ = scene.ask("c", code=coap.GET)
    scene.world.now += LIFETIME_MS
    assert scene.ask("c", code=coap.GET, options=[(ECHO, dict(options)[ECHO])])[0] == coap.UNAUTHORIZED


def test_from_a_new_address_no_item_goes_out_until_that_is_proven(scene: Scene) -> None:
    code, options, answer = scene.ask(record=READING, addr=ELSEWHERE)
    assert (code, answer.item, answer.more) == (coap.CHANGED, None, True)
    echo = [(ECHO, dict(options)[ECHO])]
    assert scene.ask("c", code=coap.GET, options=echo)[2].item == ITEM  # where it was proven all along, the Echo unused
    assert scene.ask("c", code=coap.GET, options=echo, addr=ELSEWHERE)[2].item == ITEM
    assert scene.ask(record=READING)[2].more


def test_a_datagram_held_back_and_sent_from_a_forged_address_brings_no_item_there(scene: Scene) -> None:
    _, options, _ = scene.ask("c", code=coap.GET, addr=ELSEWHERE)
    scene.mail.calls.clear()
    for path, code, record in (("r", coap.POST, READING), ("c", coap.GET, None)):
        forged = (0, ("198.51.100.9", 1))
        echo = [(ECHO, dict(options)[ECHO])]
        code, _, answer = scene.ask(path, record, code=code, options=echo, addr=forged)
        assert (code in (coap.CHANGED, coap.UNAUTHORIZED), answer.item) == (True, None)
    assert scene.mail.calls == []


def test_after_a_restart_every_address_is_proven_anew(scene: Scene) -> None:
    scene.world.restart()
    code, _, answer = scene.ask(record=READING)
    assert (code, answer.item, answer.more) == (coap.CHANGED, None, True)


def test_a_fetch_is_on_disk_before_the_item_is_on_air(scene: Scene) -> None:
    scene.disk.hold = True
    assert scene.post("c", code=coap.GET) == []
    assert scene.mail.calls == []
    scene.disk.sync()
    (answer,) = scene.world.take()
    code, _, payload, own = scene.sender.answer(scene.counter, answer)
    assert (code, read_answer_untrusted(payload).item) == (coap.CONTENT, ITEM)
    assert own is not None
    (context,) = scene.disk.contexts.values()
    assert context.highest == scene.counter


def test_a_copy_of_a_fetch_puts_nothing_on_air_after_a_crash(scene: Scene) -> None:
    _, options, _ = scene.ask("c", code=coap.GET, addr=ELSEWHERE)
    fetched = scene.sender.request(90, "c", code=coap.GET, options=[(ECHO, dict(options)[ECHO])])
    scene.world.receive(fetched, ELSEWHERE)
    scene.world.take()
    scene.mail.calls.clear()
    scene.world.restart()
    scene.world.receive(fetched, ELSEWHERE)
    assert [unprotected(answer) for answer in scene.world.take()] == [coap.UNAUTHORIZED]
    assert scene.mail.calls == []


def test_a_fetch_of_nothing_is_answered_empty(scene: Scene) -> None:
    scene.mail.items.clear()
    (answer,) = scene.post("c", code=coap.GET)
    assert scene.sender.answer(scene.counter, answer)[:3] == (coap.CONTENT, [], b"")


def test_the_time_can_be_asked_for_and_carries_no_item(scene: Scene) -> None:
    """The counter of GET t is not on disk: it changes nothing beyond its answer."""
    code, _, answer = scene.ask("t", code=coap.GET)
    assert (code, answer.item, answer.more) == (coap.CONTENT, None, False)
    assert scene.mail.calls == []


def test_what_cannot_go_on_air_stays_and_the_record_is_acknowledged(scene: Scene) -> None:
    scene.mail.broken = True
    code, options, answer = scene.ask(record=READING)
    assert (code, options, answer.item, answer.more) == (coap.CHANGED, [], None, False)
    assert scene.own is None
    code, options, _ = scene.ask("c", code=coap.GET)
    assert (code, uint(dict(options)[MAX_AGE])) == (codes.SERVICE_UNAVAILABLE, 30)


def test_a_fetch_that_is_not_on_disk_is_answered_503(scene: Scene) -> None:
    scene.disk.broken = True
    assert scene.ask("c", code=coap.GET)[0] == codes.SERVICE_UNAVAILABLE
    assert scene.mail.calls == []


@pytest.mark.parametrize(("path", "code", "record"), [("r", coap.POST, READING), ("c", coap.GET, None)])
@pytest.mark.parametrize("fate", [None, replace(GARDEN, blocked=True), replace(GARDEN, enrolment=2)])
class TestANodeThatIsNoLongerHeard:
    """A person revoked or blocked it, or provisioned another in its place, while the disk worked."""

    def ends(self, scene: Scene, fate: Node | None) -> None:
        """The person does."""
        scene.world.nodes.pop(7)
        if fate is not None:
            scene.world.nodes[7] = fate

    def test_gets_nothing_after_the_commit(
        self, scene: Scene, path: str, code: int, record: object, fate: Node | None
    ) -> None:
        scene.disk.hold = True
        scene.post(path, record, code=code)
        self.ends(scene, fate)
        scene.disk.sync()
        assert self.silence(scene)
        assert scene.mail.calls == []

    def test_gets_nothing_after_the_item_is_on_air(
        self, scene: Scene, path: str, code: int, record: object, fate: Node | None
    ) -> None:
        scene.mail.meanwhile = lambda: self.ends(scene, fate)
        assert scene.post(path, record, code=code) == []
        assert self.silence(scene)

    def silence(self, scene: Scene) -> bool:
        """Whether nothing is sent, not even the empty ACK that takes its time."""
        scene.world.now += 10_000
        scene.world.server.handle_timer(scene.world.now)
        return scene.world.take() + scene.world.server.datagrams_to_send(scene.world.now) == []


def test_a_node_blocked_meanwhile_is_not_even_told_that_something_waits() -> None:
    scene = Scene(proven=False)
    scene.disk.hold = True
    scene.post(record=READING)
    scene.world.nodes[7] = replace(GARDEN, blocked=True)
    scene.disk.sync()
    assert scene.world.take() == []


def plain(mid: int, code: int, path: bytes, payload: bytes = b"", echo: bytes | None = None) -> bytes:
    """A request of the plain node's."""
    options = [(URI_PATH, path)] + ([] if echo is None else [(ECHO, echo)])
    return coap.encode(coap.Message(coap.CON, code, mid, b"\x01", options, payload))


def heard(scene: Scene, datagram: bytes) -> tuple[int, dict[int, bytes], Answer]:
    """What it gets for it."""
    scene.world.receive(datagram, SHED_ADDRESS)
    (data,) = scene.world.take()
    message = coap.decode_untrusted(data)
    return message.code, dict(message.options), read_answer_untrusted(message.payload)


def test_a_plain_node_gets_its_item_where_it_is_declared_to_be(scene: Scene) -> None:
    assert heard(scene, plain(1, coap.POST, b"r", encode(READING)))[2].item == ITEM
    code, _, answer = heard(scene, plain(2, coap.GET, b"c"))
    assert (code, answer.item) == (coap.CONTENT, ITEM)


def test_an_item_too_long_to_be_safe_goes_to_a_plain_node_that_answered_an_echo(scene: Scene) -> None:
    """Anyone can forge its address; what that brings there stays within three times what it cost."""
    scene.mail.items[8] = Command(3, "x" * 100)
    code, options, answer = heard(scene, plain(1, coap.POST, b"r", encode(READING)))
    assert (code, answer.item, answer.more, ECHO in options) == (coap.CHANGED, None, True, True)
    code, options, _ = heard(scene, plain(2, coap.GET, b"c"))
    assert code == coap.UNAUTHORIZED
    code, _, answer = heard(scene, plain(3, coap.GET, b"c", echo=options[ECHO]))
    assert (code, answer.item) == (coap.CONTENT, Command(3, "x" * 100))


def test_where_even_an_echo_would_be_too_much_a_plain_node_is_told_of_nothing(scene: Scene) -> None:
    """The shortest hello there is; an empty ACK of four bytes may have gone before."""
    scene.mail.items[8] = Command(3, "x" * 100)
    code, options, answer = heard(scene, plain(1, coap.POST, b"h", encode(Hello())))
    assert (code, options, answer.item, answer.more) == (coap.CHANGED, {}, None, False)


def test_a_node_that_makes_new_keys_is_told_to_the_mailbox_before_it_is_answered() -> None:
    disk, mail = MemoryDisk(), WrittenMail()
    disk.provision(7, SECRET)
    world = GatewayWorld(disk, {7: GARDEN}, mail=mail)
    keys, first = Keys(SECRET, node_id(7), b"", aead), bytes(range(8))

    def send(extra: bytes, counter: int, code: int, payload: bytes) -> None:
        sealed = oscore.protect_request(
            keys.context(extra), counter, code, [(URI_PATH, b"r")], payload, naming.wrap(extra)
        )
        world.receive(coap.encode(coap.Message(coap.CON, sealed[0], counter, b"\x01", sealed[1], sealed[2])))

    send(first, 30, coap.GET, b"")
    (offered,) = world.take()
    (value,) = [value for number, value in coap.decode_untrusted(offered).options if number == OSCORE]
    second = naming.unwrap_untrusted(oscore.read_option_untrusted(value)[2] or b"", naming.NONCE)
    send(second + first, 31, coap.POST, encode(READING))
    assert mail.calls == [("rekeyed", 7)] and [record.seq for record in disk.records] == [31]
