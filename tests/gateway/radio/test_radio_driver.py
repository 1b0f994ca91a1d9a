"""A driver against an emulated module, in virtual time."""

import itertools

import pytest

from comatrix.gateway.radio.dialect import Line
from comatrix.gateway.radio.events import Lost, Ready, Received, Refused, Sent, Unknown
from comatrix.gateway.radio.machine import QUEUED, STALE_MS, Driver
from comatrix.gateway.radio.rylr import Rylr, next_untrusted
from comatrix.gateway.radio.settings import RadioSettings
from comatrix.gateway.radio.states import TABLE, Do, State, What
from tests.gateway.radio.bench import KINDS, SETTINGS, Bench

RYLRS = ["rylr998", "rylr896"]
HOSTILE = b"\r\n+OK\r\n+RCV=1,2,ab,-1,1\r\n+READY\r\n\x00,,\xff"


def opened(kind: str, **how: object) -> Bench:
    bench = Bench(kind, **how)  # type: ignore[arg-type]
    bench.open()
    bench.run(8000)
    assert [side.driver.state for side in bench.sides] == [State.READY] * 2
    return bench


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_module_is_set_as_wanted_and_then_listens(kind: str) -> None:
    bench = opened(kind)
    for side in bench.sides:
        ((ready,), settings) = side.of(Ready), side.module.settings
        assert isinstance(ready, Ready) and ready.identity.settings == settings == SETTINGS


@pytest.mark.parametrize("kind", RYLRS)
def test_what_is_set_already_is_not_written_to_flash_again(kind: str) -> None:
    bench = opened(kind)
    side = bench.sides[0]
    written: list[bytes] = []
    side.garble = lambda data: (written.append(data), data)[1]  # type: ignore[func-returns-value]
    side.driver.closed("unplugged", bench.now)
    side.driver.opened(bench.now)
    bench.run(3000)
    assert len(side.of(Ready)) == 2 and not any(b"=" in line for line in written if line.startswith(b"AT"))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("piece", [0, 1, 7])
def test_frames_arrive_as_they_were_sent_in_order_and_one_at_a_time(kind: str, piece: int) -> None:
    bench = opened(kind, most_bytes=piece)
    frames = [HOSTILE, b"\x00", bytes(range(180)), b"AT+RESET\r\n", b"last"]
    for number, frame in enumerate(frames):
        bench.sides[0].driver.send(frame, number, bench.now)
    assert bench.sides[0].driver.waiting == len(frames)
    bench.run(6000)
    assert bench.sides[1].heard() == frames
    assert bench.sides[0].of(Sent) == [Sent(number) for number in range(len(frames))]
    assert bench.sides[0].driver.waiting == 0 and bench.wire.carried == len(frames)


def test_a_binary_safe_rylr_sends_bytes_as_they_are_and_longer_frames() -> None:
    bench = opened("rylr998", binary_safe=True)
    frames = [HOSTILE, bytes(range(240))]
    for frame in frames:
        bench.sides[0].driver.send(frame, 0, bench.now)
    bench.run(3000)
    assert bench.sides[1].heard() == frames


@pytest.mark.parametrize("stops_at", [b"\0", b"\r\n"])
def test_base64_passes_a_rylr_that_is_not_binary_safe(stops_at: bytes) -> None:
    bench = opened("rylr998", stops_at=stops_at)
    bench.sides[0].driver.send(HOSTILE, 0, bench.now)
    bench.run(3000)
    assert bench.sides[1].heard() == [HOSTILE]
    bare = opened("rylr998", stops_at=stops_at, binary_safe=True)
    bare.sides[0].driver.send(HOSTILE, 0, bare.now)
    bare.run(20_000)
    assert HOSTILE not in bare.sides[1].heard()


def test_what_is_no_base64_is_handed_on_as_it_came() -> None:
    dialect = Rylr(SETTINGS)
    for payload in (b"HELLO", b"\x00\x01", b"QUJ=", b"QUI"):
        assert dialect.frame_of(payload) == payload
    assert dialect.frame_of(b"QUJD") == b"ABC"


@pytest.mark.parametrize(("kind", "most"), [("rylr998", 180), ("rui3", 250)])
def test_a_frame_too_long_is_refused_in_words(kind: str, most: int) -> None:
    bench = opened(kind)
    driver = bench.sides[0].driver
    for size in (0, most, most + 1):
        driver.send(bytes(size), size, bench.now)
    bench.run(3000)
    words = f"bytes: this radio takes 1 to {most}"
    assert bench.sides[0].of(Refused) == [Refused(f"0 {words}", 0), Refused(f"{most + 1} {words}", most + 1)]
    assert bench.sides[0].of(Sent) == [Sent(most)]


def test_frames_beyond_the_queue_are_refused() -> None:
    driver = Driver(Rylr(SETTINGS))
    for number in range(QUEUED + 1):
        driver.send(b"a", number, 0)
    assert driver.next_event() == Refused(f"{QUEUED} frames wait already", QUEUED)
    assert driver.next_event() is None and driver.waiting == QUEUED


@pytest.mark.parametrize("kind", KINDS)
def test_a_frame_is_told_sent_when_its_airtime_is_over_and_not_before(kind: str) -> None:
    bench = opened(kind)
    side = bench.sides[0]
    side.driver.send(bytes(100), 1, bench.now)
    began = bench.now
    airtime_ms = side.driver.dialect.airtime_ms(bytes(100))
    while not side.of(Sent):
        bench.run(5)
    assert airtime_ms <= bench.now - began <= 3 * airtime_ms + 1000
    assert not side.module._transmits(bench.now)


@pytest.mark.parametrize("kind", KINDS)
def test_what_arrives_while_it_sends_is_lost_half_duplex(kind: str) -> None:
    bench = opened(kind)
    for side in bench.sides:
        side.driver.send(bytes(60), 1, bench.now)
    bench.run(4000)
    assert [side.heard() for side in bench.sides] == [[], []]
    assert [side.module.missed for side in bench.sides] == [1, 1]


@pytest.mark.parametrize("kind", KINDS)
def test_a_module_that_starts_anew_on_air_leaves_the_frame_unknown_and_the_rest_is_sent(kind: str) -> None:
    bench = opened(kind)
    side = bench.sides[0]
    for number in range(3):
        side.driver.send(bytes(80), number, bench.now)
    while side.driver.state is not State.ON_AIR and side.driver.state is not State.SENDING:
        bench.run(1)
    bench.run(30)
    taken = side.driver.state is State.ON_AIR
    side.module.restart(bench.now)
    bench.run(9000)
    ends = [*side.of(Sent), *side.of(Unknown)]
    assert sorted(str(end.token) for end in ends if isinstance(end, Sent | Unknown)) == ["0", "1", "2"]
    assert [event.token for event in side.of(Unknown) if isinstance(event, Unknown)] == ([0] if taken else [])
    assert len(side.of(Ready)) == 2 and side.module.settings == SETTINGS


def test_a_module_that_starts_anew_at_every_frame_is_not_fed_the_frame_for_ever() -> None:
    bench = opened("rylr998")
    side = bench.sides[0]
    side.driver.send(b"too much current", 1, bench.now)
    side.driver.send(b"x", 2, bench.now)
    for _ in range(6):
        while side.driver.state is not State.SENDING and side.driver.waiting:
            bench.run(1)
        side.driver.receive(b"+READY\r\n", bench.now)
    bench.run(2000)
    assert [type(event) for event in side.events if not isinstance(event, Ready)] == [Refused, Refused]


@pytest.mark.parametrize("kind", KINDS)
def test_a_lost_port_keeps_what_waits_and_is_told_once(kind: str) -> None:
    bench = opened(kind)
    side = bench.sides[0]
    for number in range(3):
        side.driver.send(bytes(80), number, bench.now)
    while side.driver.state is not State.ON_AIR and side.driver.state is not State.SENDING:
        bench.run(1)
    side.driver.closed("it was unplugged", bench.now)
    side.driver.closed("there is no such port", bench.now)
    side.module.restart(bench.now)
    bench.run(500)
    assert side.of(Unknown) == [Unknown("it was unplugged", 0)]
    assert side.of(Lost) == [Lost("it was unplugged")]
    side.driver.opened(bench.now)
    bench.run(9000)
    assert side.of(Sent) == [Sent(1), Sent(2)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_silent_module_is_lost_once_and_back_when_it_answers(kind: str) -> None:
    bench = Bench(kind)
    side = bench.sides[0]
    side.unplugged = True
    side.driver.send(b"patient", 1, 0)
    bench.open()
    bench.run(300_000)
    assert side.of(Lost) == [Lost("no answer to AT")]
    side.unplugged = False
    bench.run(70_000)
    assert [type(event) for event in side.events] == [Lost, Ready, Sent]


def test_a_refused_setting_is_told_with_the_module_s_reason() -> None:
    bench = Bench("rylr896")
    bench.sides[0].driver = Driver(Rylr(RadioSettings(868_100_000, power_dbm=22)))
    bench.open()
    bench.run(20_000)
    assert bench.sides[0].of(Lost) == [Lost("AT+CRFOP=22: unknown command, or a value out of range")]


@pytest.mark.parametrize("kind", KINDS)
def test_a_restart_nobody_saw_is_found_by_the_watch(kind: str) -> None:
    bench = opened(kind)
    side = bench.sides[0]
    side.module.settings = RadioSettings(433_000_000)
    if hasattr(side.module, "listening"):
        side.module.listening = 0
    bench.run(305_000)
    bench.sides[1].driver.send(b"there?", 1, bench.now)
    bench.run(3000)
    assert side.module.settings == SETTINGS and side.heard() == [b"there?"]
    assert len(side.of(Ready)) == 1


def test_the_watch_does_not_stop_a_rak_from_listening() -> None:
    bench = opened("rui3")
    side = bench.sides[0]
    written: list[bytes] = []
    side.garble = lambda data: (written.append(data), data)[1]  # type: ignore[func-returns-value]
    bench.run(305_000)
    assert b"AT+P2P=?\r\n" in written and b"AT+PRECV=0\r\n" not in written


@pytest.mark.parametrize("kind", ["rui3", "rak-old"])
def test_the_watch_makes_a_deaf_rak_listen_and_takes_no_time(kind: str) -> None:
    bench = opened(kind)
    side, other = bench.sides
    setattr(side.module, "listening", 0)  # noqa: B010
    for one in (side, other):
        bench.run((one.driver.next_deadline() or 0) - bench.now + 100)
        assert one.driver.state is State.READY
    other.driver.send(b"there?", 1, bench.now)
    bench.run(3000)
    assert side.heard() == [b"there?"]


def test_a_module_that_starts_anew_again_and_again_is_lost_with_a_guess_why() -> None:
    bench = Bench("rylr998")
    bench.open()
    side = bench.sides[0]
    for _ in range(10):
        side.driver.receive(b"+READY\r\n", bench.now)
        bench.run(10)
    words = "the module starts anew again and again: is its power supply strong enough?"
    assert side.events == [Lost(words)]
    bench.run(3000)
    assert [type(event) for event in side.events] == [Lost, Ready]


def test_a_module_busy_in_a_script_is_asked_again_later_and_not_started_anew() -> None:
    bench = opened("rak-old")
    side = bench.sides[0]
    side.driver.send(b"x", 1, bench.now)
    while side.driver.state is not State.ON_AIR:
        bench.run(1)
    side.module._air_until += 500  # longer on air than was computed
    bench.run(3000)
    assert getattr(side.module, "listening") == 65534 and len(side.of(Ready)) == 1  # noqa: B009
    assert side.module._up and not side.of(Lost)


def test_a_frame_whose_answer_is_lost_is_unknown_and_not_sent_twice() -> None:
    bench = opened("rylr998")
    side = bench.sides[0]
    side.garble = lambda data: b"" if data == b"+OK\r\n" and side.driver.state is State.SENDING else data
    side.driver.send(b"once", 1, bench.now)
    bench.run(6000)
    assert [type(event) for event in side.events] == [Ready, Unknown]
    assert bench.wire.carried == 1 and side.driver.state is State.READY


def test_a_busy_module_gets_the_frame_again() -> None:
    bench = opened("rylr998")
    side = bench.sides[0]
    side.module._air_until = bench.now + 400
    side.driver.send(b"later", 1, bench.now)
    bench.run(2000)
    assert side.of(Sent) == [Sent(1)] and bench.sides[1].heard() == [b"later"]


def test_errors_about_reception_answer_no_command() -> None:
    bench = opened("rylr998")
    side = bench.sides[0]
    side.driver.send(b"x", 1, bench.now)
    side.driver.receive(b"+ERR=12\r\n+ERR=19\r\n", bench.now)
    bench.run(1000)
    assert side.of(Sent) == [Sent(1)] and side.of(Refused) == []


def test_data_that_ends_too_early_holds_nothing_up_for_long() -> None:
    bench = opened("rylr998", binary_safe=True)
    side = bench.sides[0]
    side.driver.receive(b"+RCV=7,200,cut short", bench.now)
    bench.run(STALE_MS + 10)
    side.driver.receive(b"+RCV=7,3,abc,-50,9\r\n", bench.now)
    bench.run(10)
    assert side.events[-1] == Received(b"abc", -50, 9)


def test_two_such_are_given_up_one_after_the_other() -> None:
    bench = opened("rylr998", binary_safe=True)
    side = bench.sides[0]
    side.driver.receive(b"+RCV=7,200,cut short+RCV=7,200,again", bench.now)
    bench.run(2 * STALE_MS + 10)
    side.driver.receive(b"+RCV=7,3,abc,-50,9\r\n", bench.now)
    bench.run(10)
    assert side.events[-1] == Received(b"abc", -50, 9)


def test_more_data_than_a_module_can_send_is_noise_at_once() -> None:
    assert next_untrusted(b"+RCV=1,241,") == (Line("+RCV?"), len(b"+RCV="))
    assert next_untrusted(b"+RCV=1,240,") == (None, 0)


def test_an_older_rak_that_stopped_listening_is_made_to_listen_otherwise() -> None:
    bench = opened("rui3")
    side = bench.sides[0]
    side.driver.receive(b"+EVT:RXP2P RECEIVE TIMEOUT\r\n", bench.now)
    bench.run(1000)
    assert getattr(side.module, "listening") == 65534  # noqa: B009 - the attribute is the RAK's alone
    side.driver.send(b"still sends", 1, bench.now)
    bench.run(2000)
    assert bench.sides[1].heard() == [b"still sends"] and getattr(side.module, "listening") == 65534  # noqa: B009


def test_every_state_is_reached_and_left_and_every_action_is_somebody_s() -> None:
    assert {state for state, _ in TABLE} == {state for state, _ in TABLE.values()} == set(State)
    assert {what for _, what in TABLE} == set(What)
    assert {action for _, action in TABLE.values()} == set(Do)


def test_a_lost_port_and_a_banner_mean_the_same_in_every_open_state() -> None:
    for state, what in itertools.product(State, (What.PORT_LOST, What.BOOTED)):
        row = TABLE.get((state, what))
        assert (row is None) == (state is State.CLOSED and what is What.BOOTED)
