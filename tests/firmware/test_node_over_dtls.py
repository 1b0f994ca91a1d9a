"""A node with `"security": "dtls"` in virtual time: its records reach a gateway that forgets, moves and loses."""

from pathlib import Path
from typing import Any

import pytest
from comatrix_node.config import ConfigError, parse
from comatrix_node.node import Node

from comatrix.codec.record_types import Answer, Command
from tests.support.dtls_bench import PSK, Faults
from tests.support.dtls_world import DtlsWorld, VirtualClock
from tests.support.node_bench import MemoryStore

VALUES: dict[str, Any] = {
    "v": 1,
    "node": 7,
    "name": "garden",
    "enrolment": 1,
    "gateway": "192.0.2.1:5684",
    "security": "dtls",
    "psk": PSK.hex(),
    "interval_s": 3600,
    "ack_timeout_ms": 1000,
}


class Bench:
    """One node on one gateway."""

    def __init__(self, faults: Faults | None = None, seed: int = 0) -> None:
        self.world = DtlsWorld(faults, seed)
        self.store = MemoryStore()
        self.link: Any = None

    def boot(self, **more: Any) -> Node:
        self.link = self.world.link()
        config = parse({**VALUES, **more})
        return Node(config, self.link, self.store, VirtualClock(self.world), self.world.chance.randrange)

    def run(self, node: Node, until_ms: int) -> None:
        end = self.world.now + until_ms
        while self.world.now < end:
            node.step(min(500, end - self.world.now))

    def values(self) -> list[Any]:
        """The readings, in the order they were stored."""
        return [body[0] for path, _, body in self.world.records if path == "r"]


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.chdir(tmp_path)
    return Bench()


def test_readings_and_texts_arrive_in_dtls_each_behind_its_seq(bench: Bench) -> None:
    node = bench.boot()
    for value in range(5):
        node.post({"temperature": value})
    node.say("hello")
    bench.run(node, 3000)
    assert bench.values() == [0, 100, 200, 300, 400]
    assert [path for path, _, _ in bench.world.records] == ["h", "r", "r", "r", "r", "r", "m"]
    seqs = [seq for _, seq, _ in bench.world.records]
    assert seqs == sorted(set(seqs))
    assert (node.delivered, node.pending(), bench.link.handshakes) == (6, False, 1)
    assert all(one[0] in (20, 22, 23) for one in bench.world.sent)


def test_a_reading_takes_29_bytes_more_than_plain_coap(bench: Bench) -> None:
    node = bench.boot()
    bench.run(node, 1000)
    before = len(bench.world.sent)
    node.post({"temperature": 21.37, "humidity": 45.2})
    bench.run(node, 500)
    sent = bench.world.sent[before:]
    assert [len(one) for one in sent] == [18 + 29]


def test_a_gateway_that_forgot_hears_of_it_within_one_retry(bench: Bench) -> None:
    node = bench.boot()
    bench.run(node, 1000)
    bench.world.restart()
    node.post({"temperature": 1})
    began = bench.world.now
    bench.run(node, 1600)  # ACK_TIMEOUT is 1 s, times at most 1.5
    assert bench.values() == [100]
    assert bench.world.now - began <= 2000
    assert bench.link.handshakes == 2


def test_a_new_address_is_a_new_handshake_within_one_retry(bench: Bench) -> None:
    node = bench.boot()
    bench.run(node, 1000)
    bench.world.address = 2
    node.post({"temperature": 1})
    bench.run(node, 1600)
    assert bench.values() == [100]
    bench.world.address = 3
    node.post({"temperature": 2})
    bench.run(node, 1600)
    assert bench.values() == [100, 200]
    assert bench.link.handshakes == 3


def test_one_lost_answer_costs_no_association(bench: Bench) -> None:
    """Only a retry raises the question, and whatever is answered first decides it."""
    node = bench.boot()
    bench.run(node, 1000)
    bench.world.faults = Faults(loss=1)
    node.post({"temperature": 1})
    bench.run(node, 500)
    bench.world.faults = Faults()
    bench.run(node, 3000)
    assert bench.values() == [100]
    assert bench.world.handshakes == 1
    assert bench.link.session.records.next[1] > 3


@pytest.mark.parametrize("seed", range(8))
def test_at_40_percent_loss_with_copies_every_reading_arrives_once_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.chdir(tmp_path)
    bench = Bench(Faults(loss=0.4, copies=0.2, delay_ms=900, fragment=20), seed)
    node = bench.boot()
    for value in range(6):
        node.post({"temperature": value})
        bench.run(node, 10_000)
    bench.run(node, 3_600_000)
    assert bench.values() == [0, 100, 200, 300, 400, 500]
    assert node.delivered == 6


def test_an_outage_of_an_hour_ends_in_one_more_handshake(bench: Bench) -> None:
    node = bench.boot()
    bench.run(node, 1000)
    bench.world.faults = Faults(loss=1)
    node.post({"temperature": 1})
    bench.run(node, 3_600_000)
    sent = len(bench.world.sent)
    assert sent < 400
    bench.world.faults = Faults()
    bench.world.restart()
    bench.run(node, 400_000)
    assert bench.values() == [100]


def test_the_association_lives_through_light_sleep(bench: Bench) -> None:
    node = bench.boot()
    for hour in range(5):
        bench.world.now += 3_600_000  # asleep: nothing runs, memory stays
        node.post({"temperature": hour})
        bench.run(node, 1000)
    assert len(bench.values()) == 5
    assert bench.link.handshakes == 1


def test_deep_sleep_says_goodbye_and_a_wake_up_shakes_hands_anew(bench: Bench) -> None:
    node = bench.boot()
    node.post({"temperature": 1})
    bench.run(node, 1000)
    peer = bench.world.peers[1]
    bench.link.close()
    assert peer.closed
    bench.world.restart()
    node = bench.boot()
    node.post({"temperature": 2})
    bench.run(node, 1000)
    assert bench.values() == [100, 200]
    seqs = [seq for _, seq, _ in bench.world.records]
    assert len(seqs) == len(set(seqs))


def test_a_goodbye_of_the_gateway_is_answered_and_the_next_reading_shakes_hands(bench: Bench) -> None:
    node = bench.boot()
    bench.run(node, 1000)
    bench.world._out(bench.world.peers[1].shutdown())
    bench.run(node, 100)
    assert bench.link.session is None
    assert bench.world.peers[1].closed
    bench.world.restart()
    node.post({"temperature": 1})
    bench.run(node, 500)
    assert bench.values() == [100]


def test_a_node_that_lost_its_counter_goes_on_above_what_the_gateway_has(bench: Bench) -> None:
    node = bench.boot()
    for value in range(20):
        node.post({"temperature": value})
    bench.run(node, 5000)
    bench.world.highest = max(seq for _, seq, _ in bench.world.records)
    bench.store.state = None
    bench.world.restart()
    node = bench.boot()
    node.post({"temperature": 99})
    bench.run(node, 5000)
    assert bench.values()[-1] == 9900


def test_an_awake_node_is_told_at_once_through_the_association(bench: Bench) -> None:
    node = bench.boot(observe=True)
    heard: list[str] = []
    node.on_text(lambda text: heard.append(text))
    bench.run(node, 5000)
    assert bench.world.watch is not None
    bench.world.notify(Answer(item=Command(5, "water the beans")).encode())
    bench.run(node, 1000)
    assert heard == ["water the beans"]


# The configuration


def test_the_credentials_are_read_and_need_no_oscore_secret() -> None:
    config = parse({**VALUES, "psk_identity": "bed 3"})
    assert config.security is not None
    assert (config.security.identity, config.security.psk, config.port) == (b"bed 3", PSK, 5684)
    config = parse({**VALUES, "secret": "00" * 16})
    assert config.security is not None
    assert config.security.identity == b"garden"
    oscore = {name: value for name, value in VALUES.items() if name != "security"}
    assert parse({**oscore, "secret": "00" * 16}).security is None


@pytest.mark.parametrize(
    "wrong, told",
    [
        ({"security": "tls"}, "security"),
        ({"psk": "00"}, "psk"),
        ({"psk": "xy" * 16}, "psk"),
        ({"psk": None}, "psk"),
        ({"psk_identity": ""}, "psk_identity"),
        ({"psk_identity": 5}, "psk_identity"),
        ({"psk_identity": "x" * 129}, "psk_identity"),
    ],
)
def test_what_is_wrong_with_them_is_told_by_name(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        parse({**VALUES, **wrong})
