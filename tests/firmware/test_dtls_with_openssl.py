"""Our DTLS client against OpenSSL in virtual time, on links that lose, copy, delay and cut to pieces."""

import pytest
from comatrix_node.dtls import Opened, Over

from tests.support.dtls_bench import IDENTITY, OPEN, OVER, PSK, DtlsBench, Faults
from tests.support.dtls_openssl import OpenSslServer

TERRIBLE = Faults(loss=0.4, copies=0.3, delay_ms=3000)


def openssl(**how: object) -> OpenSslServer:
    return OpenSslServer({IDENTITY: PSK}, **how)  # type: ignore[arg-type]


@pytest.mark.parametrize("how", [{}, {"cookies": False}, {"hint": b"which garden?"}], ids=["cookie", "none", "hint"])
def test_it_shakes_hands_and_both_sides_read_each_other(how: dict[str, object]) -> None:
    bench = DtlsBench(openssl(**how))
    assert bench.connect()
    for word in (b"one", b"two", bytes(1000)):
        bench.say(word)
        bench.run(10)
        bench.answer(bench.server.send(b"heard " + word))
        bench.run(10)
    assert bench.server.received == [b"one", b"two", bytes(1000)]
    assert bench.received == [b"heard one", b"heard two", b"heard " + bytes(1000)]
    assert (bench.told(Opened), bench.told(Over)) == (1, 0)


def test_the_handshake_has_the_bytes_the_reference_says() -> None:
    bench = DtlsBench(openssl())
    assert bench.connect()
    assert [len(one) for one in bench.up] == [75, 91, 94 + len(IDENTITY)]
    assert [len(one) for one in bench.down] == [44, 74, 25, 14, 53]
    bench.say(bytes(17))
    assert len(bench.up[-1]) == 17 + 29


def test_another_key_opens_nothing_and_says_only_a_hint() -> None:
    bench = DtlsBench(openssl(), psk=bytes(16))
    assert not bench.connect()
    assert (bench.client.state, bench.told(Opened), bench.told(Over)) == (OVER, 0, 1)
    assert 60_000 <= bench.now <= 64_000
    assert bench.server.received == []


@pytest.mark.parametrize("fragment", [0, 11], ids=["whole", "pieces"])
@pytest.mark.parametrize("seed", range(20))
def test_it_comes_through_at_40_percent_loss_with_copies_out_of_order(seed: int, fragment: int) -> None:
    faults = Faults(TERRIBLE.loss, TERRIBLE.copies, TERRIBLE.delay_ms, fragment)
    bench = DtlsBench(openssl(hint=b"which garden?"), faults, seed)
    for _ in range(30):
        if bench.connect():
            break
        bench = DtlsBench(openssl(hint=b"which garden?"), faults, bench.chance.randrange(1 << 30))
    assert bench.client.state == OPEN
    sent = [b"%d" % i for i in range(20)]
    for word in sent:
        bench.say(word)
        bench.answer(bench.server.send(word) if bench.server.established else [])
        bench.run(4000)
    assert set(bench.server.received) <= set(sent)
    assert len(bench.server.received) == len(set(bench.server.received)) >= 4
    assert set(bench.received) <= set(sent)
    assert len(bench.received) == len(set(bench.received)) >= 4


def test_pauses_double_and_a_silent_gateway_ends_it() -> None:
    bench = DtlsBench(openssl(), Faults(loss=1))
    assert not bench.connect()
    assert len(bench.up) == 6
    assert bench.now == sum(1000 << i for i in range(6))
    assert bench.client.next_deadline() is None


def test_close_notify_is_sent_and_answered() -> None:
    bench = DtlsBench(openssl())
    assert bench.connect()
    bench.client.close()
    bench.run(10)
    assert bench.server.closed
    assert not bench.client.send(b"more")

    bench = DtlsBench(openssl())
    assert bench.connect()
    bench.answer(bench.server.shutdown())
    bench.run(10)
    assert (bench.told(Over), bench.client.state) == (1, OVER)
    assert bench.server.closed


def test_a_lost_last_flight_is_sent_again_when_theirs_comes_again() -> None:
    bench = DtlsBench(openssl())
    bench.client.timeout_ms = 5000
    bench.never = {2}
    bench.client.connect(0)
    assert bench.run(4000, lambda: bench.client.state == OPEN)
    assert len(bench.up) == 4


def test_a_lost_last_flight_is_sent_again_by_its_own_timer() -> None:
    bench = DtlsBench(openssl())
    bench.never = {2}
    bench.client.connect(0)
    bench.run(500)
    bench.due = None  # the server is silent
    assert bench.run(1500, lambda: bench.client.state == OPEN)
    assert len(bench.up) == 4


def test_a_lost_finished_of_the_server_comes_again() -> None:
    bench = DtlsBench(openssl())
    bench.client.connect(0)
    bench.run(50, lambda: len(bench.up) == 3)
    bench.queue = []
    assert bench.server.established
    assert bench.run(1500, lambda: bench.client.state == OPEN)
