"""Who registers non-confirmable is told so, and shows now and then that it is there (RFC 7641 section 4.5)."""

import pytest

from comatrix.codec import coap
from comatrix.codec.option_numbers import OBSERVE, uint
from comatrix.gateway.downlink import states
from tests.gateway.test_mail_in_answers import SHED_ADDRESS
from tests.gateway.test_observing import MINUTES_MS, OBSERVED, Observed, item, plain, tell_shed


@pytest.fixture
def scene() -> Observed:
    return Observed()


class NonConfirmable:
    """The plain node observes by a non-confirmable registration. `tell` -> the message it is told by."""

    def __init__(self, scene: Observed) -> None:
        self.scene = scene
        self.id = 3
        scene.mail.items.pop(8)
        (echo,) = list(plain(scene, 1, *OBSERVED, type=coap.NON).options)
        answer = plain(scene, 2, *OBSERVED, echo, type=coap.NON)
        assert (answer.type, list(answer.options)) == (coap.NON, OBSERVED)

    def tell(self, acknowledged: bool = True) -> coap.Message | None:
        self.id += 1
        told = tell_shed(self.scene, self.id)
        self.scene.mail.items.pop(8)
        if told and told[0].type == coap.CON and acknowledged:
            self.empty(coap.ACK, told[0].mid)
        self.scene.world.receiver.observers.changed(item(states.NOT_CONFIRMED, self.id, node=8))
        return told[0] if told else None

    def empty(self, type: int, mid: int) -> None:
        self.scene.world.receive(coap.encode(coap.Message(type, coap.EMPTY, mid)), SHED_ADDRESS)


def types(told: list[coap.Message | None]) -> list[int | None]:
    return [None if message is None else message.type for message in told]


def test_who_registers_non_confirmable_is_told_so_and_every_eighth_time_asked_whether_it_is_there(
    scene: Observed,
) -> None:
    client = NonConfirmable(scene)
    told = [client.tell() for _ in range(17)]
    assert types(told) == ([coap.NON] * 7 + [coap.CON]) * 2 + [coap.NON]
    assert [uint(dict(message.options)[OBSERVE]) for message in told if message] == list(range(1, 18))
    assert [data for _ in range(5) for data in scene.pass_time(5_000)] == [], "none is repeated"


def test_a_day_after_it_was_last_asked_it_is_asked_again(scene: Observed) -> None:
    client = NonConfirmable(scene)
    scene.pass_time(24 * 60 * MINUTES_MS - 1)
    assert types([client.tell()]) == [coap.NON]
    scene.pass_time(1)
    assert types([client.tell(), client.tell()]) == [coap.CON, coap.NON]


def test_one_that_is_asked_and_silent_is_asked_again_and_told_no_more_when_time_ran_out(scene: Observed) -> None:
    client = NonConfirmable(scene)
    told = [client.tell() for _ in range(7)]
    assert types([*told, client.tell(acknowledged=False)]) == [coap.NON] * 7 + [coap.CON]
    assert types([client.tell(acknowledged=False)]) == [coap.CON]
    tell_shed(scene, 50)
    for _ in range(40):
        scene.pass_time(5_000)
    scene.mail.items.pop(8)
    scene.world.receiver.observers.changed(item(states.NOT_CONFIRMED, 50, node=8))
    assert client.tell() is None
    assert len(scene.world.receiver.observers) == 0


def test_a_reset_of_one_that_was_not_confirmable_ends_it_too(scene: Observed) -> None:
    client = NonConfirmable(scene)
    message = client.tell()
    assert message is not None
    client.empty(coap.RST, message.mid)
    assert client.tell() is None
    assert len(scene.world.receiver.observers) == 0
