"""A node that observes what waits for it, in virtual time on the gateway's own receiving side."""

from random import Random
from typing import Any

import pytest

from comatrix.codec import coap
from comatrix.codec.records import Command, open_untrusted, read_result
from comatrix.gateway.downlink import states
from comatrix.gateway.downlink.items import Item, NewItem, Order
from tests.support.gateway_world import NODE_ADDRESS
from tests.support.node_bench import Bench
from tests.support.written_mail import WrittenMail


class Awake(Bench):
    """A node that reads nothing, and what it was told in `heard`."""

    def __init__(self, seed: int = 1, loss: float = 0.0, **more: Any) -> None:
        super().__init__()
        self.random = Random(seed)
        self.loss = loss
        self.mail = WrittenMail()
        self.mail.meanwhile = self._settle  # a result counts before the next item goes on air
        self.world.mail = self.mail
        self.world.restart()
        self.wire.send = self.send  # type: ignore[method-assign]
        self.sent: list[bytes] = []
        self.queued = 0
        self.heard: list[str] = []
        self.more = {"observe": True, **more}
        self.start()

    def start(self) -> None:
        """The node's program, as after a reset."""
        self.node = self.boot(**self.more)
        self.node.on_text(self.heard.append)

    def send(self, data: bytes) -> None:
        """A datagram of the node's goes out, or is lost."""
        self.sent.append(data)
        if self.random.random() >= self.loss:
            self.world.receive(data)

    def say(self, text: str) -> None:
        """A person says something to it."""
        self.queued += 1
        self.mail.items[7] = Command(self.queued, text, [])
        self.world.receiver.observers.changed(self.item(states.QUEUED, None))

    def item(self, state: str, id: int | None) -> Item:
        return Item(self.queued, NewItem(7, Order("say", "", ("x",), "x"), "@ann:x", 0, 9), state, id)

    def live(self, ms: int) -> None:
        """Time passes on both sides; what the node confirms leaves the mailbox."""
        end = self.world.now + ms
        while self.world.now < end:
            self.node.step(min(500, end - self.world.now))
            self.world.server.handle_timer(self.world.now)
            self.world.sent += self.world.server.datagrams_to_send(self.world.now)
            kept = [one for one in self.world.sent if self.random.random() >= self.loss]
            self.world.sent[:] = kept

    def _settle(self) -> None:
        standing = self.mail.items.get(7)
        results = [read_result(open_untrusted(one.body)[1]) for one in self.disk.records if one.kind == "result"]
        if standing is not None and any(result.id == standing.id for result in results):
            del self.mail.items[7]
            self.world.receiver.observers.changed(self.item(states.CONFIRMED, standing.id))

    def questions(self) -> int:
        """How often it asked for what waits."""
        return sum(coap.decode_untrusted(data).code == coap.FETCH for data in self.sent)


def test_what_a_person_says_is_heard_in_the_same_second_without_a_poll() -> None:
    world = Awake()
    world.live(5_000)
    asked = world.questions()
    for word in ("one", "two", "three"):
        world.live(10_000)
        world.say(word)
        world.live(1_000)
        assert world.heard[-1] == word
    assert world.heard == ["one", "two", "three"]
    assert world.questions() == asked


def test_it_registers_anew_when_max_age_is_over_and_not_before() -> None:
    world = Awake()
    world.live(5_000)
    first = world.questions()
    world.live(50_000)
    assert world.questions() == first
    world.live(10_000)
    assert world.questions() == first + 1


def test_poll_s_asks_more_often_which_keeps_a_way_through_nat_open() -> None:
    world = Awake(poll_s=20)
    world.live(5_000)
    first = world.questions()
    world.live(61_000)
    assert world.questions() == first + 3


def test_after_the_gateway_was_restarted_it_is_told_again_within_max_age() -> None:
    world = Awake()
    world.live(5_000)
    world.world.restart()
    world.say("back")
    world.live(70_000)
    assert world.heard == ["back"]


def test_after_its_own_reset_a_notification_is_rejected_and_it_registers_at_once() -> None:
    world = Awake()
    world.live(5_000)
    world.start()
    world.say("hello again")
    world.live(5_000)
    assert world.heard == ["hello again"]


def test_a_copy_of_a_notification_is_acknowledged_and_told_once() -> None:
    world = Awake()
    world.live(5_000)
    world.say("once")
    ((data, _),) = world.world.sent
    world.live(1_000)
    sent = len(world.sent)
    for _ in range(3):
        world.world.sent.append((data, NODE_ADDRESS))
        world.live(1_000)
    assert [coap.decode_untrusted(one).type for one in world.sent[sent:]] == [coap.ACK] * 3
    assert world.heard == ["once"]
    assert len([one for one in world.disk.records if one.kind == "result"]) == 1


def test_the_answer_to_its_registration_is_no_notification() -> None:
    world = Awake()
    world.say("first")
    answers: list[bytes] = []
    while not world.heard:
        world.node.step(0)
        answers += [data for data, _ in world.world.sent]
    (message,) = [one for one in map(coap.decode_untrusted, dict.fromkeys(answers)) if one.code == coap.CONTENT]
    again = coap.Message(coap.NON, message.code, 9, message.token, message.options, message.payload)
    world.live(2_000)
    world.world.sent.append((coap.encode(again), NODE_ADDRESS))
    world.live(2_000)
    assert world.heard == ["first"]
    assert len([one for one in world.disk.records if one.kind == "result"]) == 1


def test_with_new_keys_it_registers_anew_at_once() -> None:
    world = Awake()
    world.live(5_000)
    known = set(world.disk.contexts)
    world.node.client.renew_at = world.node.client.rekey_at = 0
    world.node.post({"temperature": 20})
    world.live(5_000)
    assert known.isdisjoint(world.disk.contexts)
    world.say("under new keys")
    world.live(1_000)
    assert world.heard == ["under new keys"]


@pytest.mark.parametrize("part", ["token", "payload", "code", "option"])
def test_a_forged_notification_tells_nothing_and_the_true_one_is_still_heard(part: str) -> None:
    world = Awake()
    world.live(5_000)
    world.say("true")
    ((data, _),) = world.world.sent
    message = coap.decode_untrusted(data)
    options = list(message.options)
    payload = message.payload
    token = message.token
    code = message.code
    if part == "token":
        token = bytes((token[0] ^ 1,))
    elif part == "payload":
        payload = payload[:-1] + bytes((payload[-1] ^ 1,))
    elif part == "code":
        code = coap.UNAUTHORIZED
        options = []
    else:
        options = [(number, value if number == 6 else b"") for number, value in options]
    forged = coap.encode(coap.Message(coap.NON, code, message.mid ^ 1, token, options, payload))
    world.world.sent[:] = [(forged, NODE_ADDRESS), (data, NODE_ADDRESS)]
    world.node.step(0)
    assert world.heard == []
    world.live(1_000)
    assert world.heard == ["true"]


def test_over_a_link_that_loses_half_of_all_each_text_is_heard_once_and_in_order() -> None:
    world = Awake(seed=3, loss=0.5, poll_s=60)
    for number in range(20):
        world.say(str(number))
        while 7 in world.mail.items:
            world.live(1_000)
    assert world.heard == [str(number) for number in range(20)]


def test_a_node_that_measures_goes_on_observing_through_its_readings() -> None:
    world = Awake()
    world.node.sensor("count", every_s=7)(lambda: 1)
    world.live(120_000)
    world.say("now")
    world.live(500)
    assert world.heard == ["now"]
    assert len(world.readings()) == 18
