"""A node that stays awake observes `c`: told at once, proven first, under a counter of its own, one at a time."""

from dataclasses import replace

import pytest

from comatrix.codec import coap
from comatrix.codec.option_numbers import ECHO, MAX_AGE, OBSERVE, OSCORE, uint
from comatrix.codec.records import Command, Hello, Readings, read_answer_untrusted
from comatrix.gateway.downlink import states
from comatrix.gateway.downlink.items import Item, NewItem, Order
from comatrix.session import oscore
from tests.gateway.test_mail_in_answers import ELSEWHERE, SHED_ADDRESS, Scene
from tests.support.gateway_world import NODE_ADDRESS

READING = Readings({0: 2137})
OBSERVED = [(OBSERVE, b"")]
MINUTES_MS = 60_000


def item(state: str, id: int | None = None, node: int = 7) -> Item:
    """One that changed."""
    return Item(1, NewItem(node, Order("set", "interval", (600,), "interval = 600 s"), "@ann:x", 0, 9), state, id)


class Observed(Scene):
    """A node at its proven address, with nothing waiting for it, that may observe."""

    def __init__(self) -> None:
        super().__init__()
        self.over(3, states.CONFIRMED)

    def observe(self, **parts: object) -> list[tuple[int, bytes]]:
        """A registration -> the options of its answer."""
        code, options, _ = self.ask("c", code=coap.GET, options=OBSERVED, **parts)
        assert code == coap.CONTENT
        self.registered = self.counter
        return options

    def queue(self, id: int) -> None:
        """A person asks for something, and where nothing was on air it will be this."""
        self.mail.items.setdefault(7, Command(id, 0, [600]))
        self.world.receiver.observers.changed(item(states.QUEUED))

    def over(self, id: int, state: str) -> None:
        """What stood is over."""
        self.mail.items.pop(7, None)
        self.world.receiver.observers.changed(item(state, id))

    def notified(self) -> list[tuple[coap.Message, Command | None, int]]:
        """The notifications since the last call: each message, what it tells, under which counter."""
        found = []
        for data in self.world.take():
            code, _, payload, own = self.sender.answer(self.registered, data)
            assert code == coap.CONTENT
            assert own is not None
            found.append((coap.decode_untrusted(data), read_answer_untrusted(payload).item, own))
        return found

    def empty(self, type: int, mid: int) -> None:
        """The node's ACK or RST."""
        self.world.receive(coap.encode(coap.Message(type, coap.EMPTY, mid)))

    def pass_time(self, ms: int) -> list[bytes]:
        """Timers run."""
        self.world.now += ms
        self.world.server.handle_timer(self.world.now)
        return [data for data, _ in self.world.server.datagrams_to_send(self.world.now)]


@pytest.fixture
def scene() -> Observed:
    return Observed()


def test_an_item_is_told_at_once_confirmable_with_the_registrations_token(scene: Observed) -> None:
    assert scene.observe() == OBSERVED
    scene.queue(4)
    ((message, told, _),) = scene.notified()
    assert (message.type, message.code, message.token, told) == (coap.CON, coap.CONTENT, b"\x01", Command(4, 0, [600]))
    assert OBSERVE in dict(message.options)


def test_what_stands_at_the_registration_is_in_its_answer_and_not_told_again(scene: Observed) -> None:
    scene.mail.items[7] = Command(3, 0, [600])
    assert scene.ask("c", code=coap.GET, options=OBSERVED)[2].item == Command(3, 0, [600])
    scene.queue(4)
    assert scene.notified() == []


def test_the_inner_option_is_empty_and_every_notification_has_a_counter_of_its_own(scene: Observed) -> None:
    scene.observe()
    assert scene.own is not None
    counters = [scene.own]
    for id in (4, 5, 6):
        scene.queue(id)
        ((message, _, own),) = scene.notified()
        code, options, _, _ = scene.sender.answer(scene.registered, coap.encode(message))
        assert (code, options) == (coap.CONTENT, OBSERVED)
        counters.append(own)
        scene.over(id, states.NOT_CONFIRMED)
    assert counters == sorted(set(counters))


def test_counters_of_notifications_are_reserved_before_use(scene: Observed) -> None:
    scene.observe()
    counter = scene.world.associations.find(b"\x07", None)[0].counter
    assert counter is not None
    while counter.ready():
        counter.take()
    scene.disk.broken = True
    scene.queue(4)
    assert scene.notified() == []
    scene.disk.broken = False
    scene.over(4, states.NOT_CONFIRMED)
    scene.queue(5)
    ((_, told, own),) = scene.notified()
    assert told == Command(5, 0, [600])
    assert own < next(iter(scene.disk.contexts.values())).tx_reserved


def test_max_age_is_the_wake_interval_and_left_out_where_it_is_the_default(scene: Observed) -> None:
    scene.world.intervals[7] = 20
    assert scene.observe() == OBSERVED
    scene.world.intervals[7] = 900
    options = scene.observe()
    assert uint(dict(options)[MAX_AGE]) == 900


def test_a_registration_counts_once_its_counter_is_on_disk(scene: Observed) -> None:
    scene.disk.hold = True
    assert scene.post("c", code=coap.GET, options=OBSERVED) == []
    scene.queue(4)
    assert scene.world.take() == []
    scene.disk.sync()
    (answer,) = scene.world.take()
    assert scene.sender.answer(scene.counter, answer)[1] == OBSERVED


def test_from_an_unproven_address_there_is_an_echo_and_no_observation(scene: Observed) -> None:
    code, options, _ = scene.ask("c", code=coap.GET, options=OBSERVED, addr=ELSEWHERE)
    assert (code, [number for number, _ in options]) == (coap.UNAUTHORIZED, [ECHO])
    assert len(scene.world.receiver.observers) == 0
    code, options, _ = scene.ask("c", code=coap.GET, options=[*OBSERVED, *options], addr=ELSEWHERE)
    assert (code, options) == (coap.CONTENT, OBSERVED)
    scene.registered = scene.counter
    scene.queue(4)
    assert [addr for _, addr in scene.world.sent] == [ELSEWHERE]


def plain(scene: Observed, mid: int, *options: tuple[int, bytes], type: int = coap.CON) -> coap.Message:
    """GET c of the node that speaks plain CoAP, and the answer."""
    given = sorted([(11, b"c"), *options])
    scene.world.receive(coap.encode(coap.Message(type, coap.GET, mid, b"\x05", given)), SHED_ADDRESS)
    (answer,) = [coap.decode_untrusted(data) for data in scene.world.take()]
    return answer


def tell_shed(scene: Observed, id: int) -> list[coap.Message]:
    """An item comes to stand for the plain node: what it is sent."""
    scene.mail.items[8] = Command(id, 0, [600])
    scene.world.receiver.observers.changed(item(states.QUEUED, node=8))
    return [coap.decode_untrusted(data) for data in scene.world.take()]


def test_a_plain_node_whose_address_nobody_proved_is_asked_to_prove_it_and_observes_nothing(scene: Observed) -> None:
    scene.mail.items.pop(8)
    answer = plain(scene, 1, *OBSERVED)
    assert (answer.code, [number for number, _ in answer.options]) == (coap.UNAUTHORIZED, [ECHO])
    assert tell_shed(scene, 4) == []


def test_a_plain_node_that_proves_its_address_observes_with_numbers_that_grow(scene: Observed) -> None:
    scene.mail.items.pop(8)
    (echo,) = list(plain(scene, 1, *OBSERVED).options)
    answer = plain(scene, 2, *OBSERVED, echo)
    assert (answer.code, list(answer.options)) == (coap.CONTENT, OBSERVED)
    found = []
    for id in (4, 5, 6):
        (notification,) = tell_shed(scene, id)
        assert (notification.type, notification.token) == (coap.CON, b"\x05")
        found.append(uint(dict(notification.options)[OBSERVE]))
        scene.world.receive(coap.encode(coap.Message(coap.ACK, coap.EMPTY, notification.mid)), SHED_ADDRESS)
        scene.mail.items.pop(8)
        scene.world.receiver.observers.changed(item(states.NOT_CONFIRMED, id, node=8))
    assert found == [1, 2, 3]
    scene.world.restart()
    assert tell_shed(scene, 7) == []
    scene.mail.items.pop(8)
    (echo,) = list(plain(scene, 3, *OBSERVED).options)
    assert plain(scene, 4, *OBSERVED, echo).code == coap.CONTENT
    assert len(tell_shed(scene, 8)) == 1


def test_the_next_registration_takes_the_place_of_the_one_before(scene: Observed) -> None:
    scene.observe()
    first = scene.registered
    scene.observe()
    scene.queue(4)
    (data,) = scene.world.take()
    assert scene.sender.answer(scene.registered, data)[0] == coap.CONTENT
    with pytest.raises(Exception, match="Decryption failed"):
        scene.sender.answer(first, data)
    assert len(scene.world.receiver.observers) == 1


def test_what_an_older_registration_was_told_is_not_repeated_to_it(scene: Observed) -> None:
    scene.observe()
    scene.queue(4)
    scene.notified()
    scene.observe()
    assert [data for _ in range(5) for data in scene.pass_time(5_000)] == []


def test_a_plain_question_leaves_the_observation_and_a_cancellation_ends_it(scene: Observed) -> None:
    scene.observe()
    scene.ask("c", code=coap.GET)
    scene.queue(4)
    assert len(scene.notified()) == 1
    scene.over(4, states.NOT_CONFIRMED)
    assert scene.ask("c", code=coap.GET, options=[(OBSERVE, b"\x01")])[1] == []
    scene.queue(5)
    assert scene.world.take() == []


def test_a_notification_that_is_not_acknowledged_is_sent_again_and_at_last_ends_the_observation(
    scene: Observed,
) -> None:
    scene.observe()
    scene.queue(4)
    ((message, _, _),) = scene.notified()
    copies = [data for _ in range(40) for data in scene.pass_time(5_000)]
    assert copies == [coap.encode(message)] * 4
    scene.over(4, states.NOT_CONFIRMED)
    scene.queue(5)
    assert scene.world.take() == []
    assert len(scene.world.receiver.observers) == 0


def test_what_is_over_is_not_repeated(scene: Observed) -> None:
    scene.observe()
    scene.queue(4)
    scene.notified()
    scene.over(4, states.CONFIRMED)
    assert [data for _ in range(5) for data in scene.pass_time(5_000)] == []


def test_a_reset_ends_it_and_an_acknowledgement_does_not(scene: Observed) -> None:
    scene.observe()
    for id, type in ((4, coap.ACK), (5, coap.RST), (6, coap.RST)):
        scene.queue(id)
        for message, _, _ in scene.notified():
            scene.empty(type, message.mid)
            assert id < 6
        assert scene.pass_time(100_000) == []
        scene.over(id, states.NOT_CONFIRMED)
    assert len(scene.world.receiver.observers) == 0


def test_what_is_on_air_is_told_once_and_the_next_rides_in_the_answer_to_its_result(scene: Observed) -> None:
    scene.observe()
    scene.queue(4)
    scene.queue(5)
    assert [told for _, told, _ in scene.notified()] == [Command(4, 0, [600])]
    scene.mail.items[7] = Command(5, 0, [600])
    scene.world.receiver.observers.changed(item(states.CONFIRMED, 4))
    assert scene.world.take() == []
    assert scene.ask(record=READING)[2].item == Command(5, 0, [600])
    scene.queue(6)
    assert scene.world.take() == []


def test_when_what_stood_is_over_without_a_word_the_next_is_told_and_the_old_no_more(scene: Observed) -> None:
    scene.observe()
    scene.queue(4)
    scene.notified()
    scene.mail.items[7] = Command(5, 0, [600])
    scene.world.receiver.observers.changed(item(states.NOT_CONFIRMED, 4))
    ((message, told, _),) = scene.notified()
    assert told == Command(5, 0, [600])
    assert set(scene.pass_time(5_000)) == {coap.encode(message)}


def test_what_is_withdrawn_before_it_went_on_air_changes_nothing(scene: Observed) -> None:
    scene.observe()
    scene.world.receiver.observers.changed(item(states.WITHDRAWN))
    scene.queue(4)
    scene.notified()
    scene.world.receiver.observers.changed(item(states.CANCELLED))
    assert scene.pass_time(5_000) != []


def test_a_node_that_is_blocked_or_enrolled_anew_is_told_nothing(scene: Observed) -> None:
    for changed in ({"blocked": True}, {"enrolment": 2}):
        scene.observe()
        node = scene.world.nodes[7]
        scene.world.nodes[7] = replace(node, **changed)
        scene.queue(4)
        assert scene.world.take() == []
        scene.over(4, states.EXPIRED)
        scene.world.nodes[7] = node


def test_keys_that_are_gone_end_it(scene: Observed) -> None:
    scene.observe()
    scene.world.associations.load(scene.world.nodes[7], [])
    scene.queue(4)
    assert scene.world.take() == []
    assert len(scene.world.receiver.observers) == 0


def test_where_its_node_proved_another_address_meanwhile_it_ends(scene: Observed) -> None:
    scene.observe()
    _, options, _ = scene.ask("c", code=coap.GET, addr=ELSEWHERE)
    scene.ask("c", code=coap.GET, options=[(ECHO, dict(options)[ECHO])], addr=ELSEWHERE)
    scene.queue(4)
    assert scene.world.take() == []


def test_a_node_that_rests_is_told_under_counters_that_go_on(scene: Observed) -> None:
    scene.observe()
    scene.world.associations.rest()
    scene.world.associations.rest()
    scene.queue(4)
    ((_, _, own),) = scene.notified()
    assert scene.own is not None
    assert own > scene.own


def test_after_a_restart_it_is_told_nothing_until_it_registers_again(scene: Observed) -> None:
    scene.observe()
    scene.world.restart()
    scene.queue(4)
    assert scene.world.take() == []
    scene.prove()
    _, options, answer = scene.ask("c", code=coap.GET, options=OBSERVED)
    assert (options, answer.item) == (OBSERVED, Command(4, 0, [600]))


def test_a_hello_or_a_reading_does_not_register(scene: Observed) -> None:
    scene.ask("h", Hello(firmware="x"), options=OBSERVED)
    scene.ask(record=READING, options=OBSERVED)
    assert len(scene.world.receiver.observers) == 0
    assert NODE_ADDRESS in [addr for _, addr in scene.world.receiver.seen.values()]


def test_an_outer_observe_alone_registers_nothing(scene: Observed) -> None:
    scene.counter += 1
    message = coap.decode_untrusted(scene.sender.request(scene.counter, "c", code=coap.GET))
    outside = sorted([*message.options, (OBSERVE, b"")])
    forged = coap.Message(coap.CON, coap.FETCH, message.mid, message.token, outside, message.payload)
    scene.world.receive(coap.encode(forged))
    (answer,) = scene.world.take()
    assert scene.sender.answer(scene.counter, answer)[1] == []
    assert oscore.read_option_untrusted(dict(coap.decode_untrusted(answer).options)[OSCORE])[0] is not None
    assert len(scene.world.receiver.observers) == 0


def test_what_stands_outside_oscore_grows_too_for_clients_that_look_there_first(scene: Observed) -> None:
    (answer,) = scene.post("c", code=coap.GET, options=OBSERVED)
    found = [uint(dict(coap.decode_untrusted(answer).options)[OBSERVE])]
    scene.registered = scene.counter
    for id in (4, 5, 6):
        scene.queue(id)
        ((message, _, own),) = scene.notified()
        found.append(uint(dict(message.options)[OBSERVE]))
        assert found[-1] == own
        scene.empty(coap.ACK, message.mid)
        scene.over(id, states.NOT_CONFIRMED)
    assert found == sorted(set(found))
