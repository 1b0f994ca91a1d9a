"""What strangers, mirrors and broken radios send: silence and a count; nothing else changes, nothing grows."""

import random
from collections.abc import Callable

import pytest
from comatrix_lora import hub as hub_module
from comatrix_lora import rules
from comatrix_lora.fragment_receiver import Limits
from comatrix_lora.frame import Peer
from comatrix_lora.hub import Hub
from comatrix_lora.hub_answers import MOST_ANSWERS
from comatrix_lora.hub_node import Profile
from comatrix_lora.ledger import Ledger
from comatrix_lora.mac import Channel, Mac
from comatrix_lora.schema import climate

from comatrix.session.counter import Counter
from comatrix.session.keys import node_id
from tests.lora.frame_sides import peer
from tests.lora.link_by_hand import Link
from tests.session.recording import Recorder

VALUES = climate().pack({0: 2137, 1: 452})
UP = {
    "data": rules.Data(0, VALUES, True),
    "history": rules.History(0, 0, 0, VALUES + bytes(2), True),
    "aged": rules.Aged(0, 1, [7], VALUES, ack=True),
    "record": rules.Record("m", b"\x81\x63hey", True),
    "record again": rules.Record("m", b"\x81\x63hey", True, 1),
    "fragment": rules.Fragment("d", 1, 0, 2, 0, bytes(20), True),
}
COMMAND = rules.Command(5, 1, b"\x18\x1e")
DOWN = {
    "ack": rules.Ack(4, 0, 1_800_000_000, COMMAND, True, 0x72),
    "command": COMMAND,
    "feedback": rules.Feedback(b"\x01\x02\x03"),
    "fragment": rules.Fragment("c", 9, 0, 2, 0, bytes(20), True),
    "new keys": rules.Rekey(9_000),
}


def frame(link: Link, up: bool, rule: rules.Rule) -> bytes:
    if up:
        return link.node.seal_request(link.station.counter.take(), rule.encode())
    return link.gateway.seal_response(link.gateway.window.highest, rule.encode(), 9_000)


ALL = [(True, name) for name in UP] + [(False, name) for name in DOWN]


@pytest.mark.parametrize(("up", "name"), ALL)
def test_a_frame_cut_flipped_reflected_or_for_a_neighbour_changes_nothing(up: bool, name: str) -> None:
    link, neighbour = Link(), Link(7, bytes(16))
    data = frame(link, up, (UP if up else DOWN)[name])
    before, theirs = link.state(), neighbour.state()
    wrong = [data[:end] for end in range(len(data))]
    wrong += [data[: i // 8] + bytes((data[i // 8] ^ 1 << i % 8,)) + data[i // 8 + 1 :] for i in range(8 * len(data))]
    wrong += [data + b"\x00", data * 2, bytes(len(data)), b"\xff" * 255, b"\xff" * 300]
    count = link.ignored()
    for one in wrong:
        assert link.hear(up, one) == []
    assert link.hear(not up, data) == []
    assert neighbour.hear(up, data) == [] and neighbour.hear(not up, data) == []
    assert link.state() == before and neighbour.state() == theirs
    assert link.ignored() == count + len(wrong) + 1
    assert len(link.hear(up, data)) == up, "the frame itself is heard"


@pytest.mark.parametrize(("up", "name"), ALL)
def test_a_replay_changes_nothing(up: bool, name: str) -> None:
    link = Link()
    data = frame(link, up, (UP if up else DOWN)[name])
    for heard in link.hear(up, data):
        link.hub.committed(heard, link.now)
    before = link.state()
    for later in (0, 1, 60_000):
        link.now += later
        count = link.ignored()
        assert link.hear(up, data) == [] and link.ignored() == count + 1
    while link.station.next_event():
        pass
    assert link.state()[1]["counter"] == before[1]["counter"]
    link.hear(up, data, "b")
    assert link.hub.answers_waiting <= 1


@pytest.mark.parametrize("name", DOWN)
def test_what_the_gateway_says_of_nothing_we_sent_confirms_nothing(name: str) -> None:
    link = Link()
    link.station.readings(0, {0: 1, 1: 2}, link.now, link.now)
    link.station.datagrams_to_send(link.now + 1000)
    count = len(link.station.readings_open.open())
    link.hear(False, frame(link, False, DOWN[name]))
    assert len(link.station.readings_open.open()) == count


def test_authentic_nonsense_is_told_and_never_answered() -> None:
    link = Link()
    for rule in (rules.Ack(1, 1, 5), COMMAND, rules.History(0, 250, 255, VALUES), rules.Data(0, b"\xff", True)):
        [heard] = link.hub.receive_datagram(frame(link, True, rule), -80, 9, "a", link.now)
        assert heard.problem is not None and heard.records == [] and not heard.ack_wanted
        link.hub.committed(heard, link.now, COMMAND)
        assert link.hub.datagrams_to_send(link.now + 100) == []


def test_nothing_is_answered_before_the_commit_nor_twice_nor_too_late() -> None:
    link = Link()
    [heard] = link.hear(True, frame(link, True, UP["record"]))
    assert link.hub.datagrams_to_send(link.now + 500) == []
    link.hub.committed(heard, link.now + 500)
    assert len(link.hub.datagrams_to_send(link.now + 500)) == 1
    link.hub.committed(heard, link.now + 700)
    assert link.hub.datagrams_to_send(link.now + 800) == []
    link.now += 5_000
    [heard] = link.hear(True, frame(link, True, UP["data"]))
    link.hub.committed(heard, link.now + 1500)
    assert link.hub.datagrams_to_send(link.now + 1500) == [] and link.hub.late == 1


def test_an_item_that_comes_again_is_told_once() -> None:
    link = Link()
    for own in (9_000, 9_001):
        link.hear(False, link.gateway.seal_response(link.gateway.window.highest, COMMAND.encode(), own))
    told = [event.id for event in iter(link.station.next_event, None) if type(event).__name__ == "Item"]
    assert told == [5]


def test_a_record_or_reading_that_comes_again_is_acknowledged_and_not_told() -> None:
    link = Link()
    for first, again in ((UP["record"], UP["record again"]), (UP["data"], rules.Aged(0, 1, [7], VALUES, ack=True))):
        told = []
        for rule in (first, again):
            [heard] = link.hear(True, frame(link, True, rule))
            told.append(len(heard.records))
            link.hub.committed(heard, link.now)
            link.now += 500
            assert len(link.hub.datagrams_to_send(link.now)) == 1
            link.now += 1_000
        assert told == [1, 0]


def test_what_only_the_store_remembers_is_acknowledged_and_not_posted_again() -> None:
    link = Link()
    [heard] = link.hear(True, frame(link, True, UP["data"]))
    heard.records = []  # the store had it
    link.hub.committed(heard, link.now)
    assert len(link.hub.datagrams_to_send(link.now + 100)) == 1
    assert link.hub.posted(link.now + 10**9) == []


def test_the_better_radio_answers() -> None:
    link = Link()
    data = frame(link, True, UP["data"])
    [heard] = link.hub.receive_datagram(data, -120, -5, "a", link.now)
    [reception] = link.hub.receive_datagram(data, -90, 6, "b", link.now)
    assert reception.heard is heard and len(heard.receptions) == 2
    link.hub.committed(heard, link.now)
    assert [name for name, _ in link.hub.datagrams_to_send(link.now + 100)] == ["b"]


def test_a_record_that_could_not_be_stored_comes_again() -> None:
    link = Link()
    body = bytes(300)
    link.station.record("d", body, link.now)
    stored, refusals = [], 0
    for _ in range(30):
        for data in link.station.datagrams_to_send(link.now):
            link.now += 400
            [heard] = link.hub.receive_datagram(data, -80, 9, "a", link.now)
            if heard.records and not refusals:
                refusals += 1
                link.hub.failed(heard)
                continue
            stored += heard.records
            link.hub.committed(heard, link.now)
        link.now += 100
        for _, answer in link.hub.datagrams_to_send(link.now):
            link.station.receive_datagram(answer, link.now)
        link.now += 2_000
    assert refusals == 1 and [record.body for record in stored] == [body]
    assert not link.station.records_open.open


def test_a_frame_of_an_unknown_schema_is_kept_whole_and_its_description_asked_for() -> None:
    link = Link()
    [heard] = link.hear(True, frame(link, True, rules.Data(9, b"abcd", True)))
    [record] = heard.records
    assert (record.schema, record.values, record.body, record.seqs) == (9, None, b"abcd", (heard.counter,))
    link.hub.committed(heard, link.now)
    [(_, answer)] = link.hub.datagrams_to_send(link.now + 100)
    link.station.receive_datagram(answer, link.now + 100)
    assert "DescriptionWanted" in [type(event).__name__ for event in iter(link.station.next_event, None)]


@pytest.mark.slow
def test_a_hundred_thousand_frames_of_chance_change_nothing() -> None:
    link, noise = Link(), random.Random(3)
    before = link.state()
    for _ in range(100_000):
        head = bytes((0x40 | noise.randrange(64), 7)) if noise.randrange(2) else b""
        data = head + noise.randbytes(noise.randrange(60))
        assert link.hear(True, data) == [] and link.hear(False, data) == []
    assert link.state() == before


def _many(nodes: int, limits: Limits | None = None) -> tuple[Hub, Callable[[int], Peer]]:
    recorder, gateways, stations = Recorder(), {}, {}
    for number in range(1, nodes + 1):
        gateways[number] = peer(recorder, b"", node_id(number))
        stations[number] = peer(recorder, node_id(number), b"")
    hub = Hub(
        lambda number: [gateways[number]] if number in gateways else [],
        lambda number: Profile(600_000, {0: climate()}),
        {"a": Mac(Channel(7), Ledger(0), lambda n: 0, True)},
        lambda number: Counter(1, 256),
        limits,
    )
    return hub, stations.__getitem__


def test_open_transfers_of_all_nodes_together_have_a_limit() -> None:
    hub, station = _many(80)
    most = 0
    counters = dict.fromkeys(range(1, 81), 0)
    for block in range(16):
        for number in range(1, 81):
            counters[number] += 1
            rule = rules.Fragment("d", 1, block, 32, 0, bytes(230))
            data = station(number).seal_request(counters[number], rule.encode())
            for heard in hub.receive_datagram(data, -80, 9, "a", 1000 * block + number):
                hub.committed(heard, 1000 * block + number)
            most = max(most, sum(node.receiver.held for node in hub._nodes.values()))
    assert 6_000_000 < most <= hub_module.MOST_HELD


def test_answers_and_frames_remembered_have_a_limit() -> None:
    hub, station = _many(100)
    for number in range(1, 101):
        data = station(number).seal_request(1, UP["data"].encode())
        [heard] = hub.receive_datagram(data, -80, 9, "a", 0)
        hub.committed(heard, 0)
    assert hub.answers_waiting == MOST_ANSWERS
    assert len(hub._recent) == hub_module.MOST_RECENT


def test_nodes_remembered_have_a_limit_and_come_back_from_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "MOST_NODES", 10)
    hub, station = _many(30)
    for number in range(1, 31):
        [heard] = hub.receive_datagram(station(number).seal_request(1, UP["data"].encode()), -80, 9, "a", number)
        hub.committed(heard, number)
        hub.posted(number)
    assert sorted(hub._nodes) == list(range(21, 31))
    [heard] = hub.receive_datagram(station(1).seal_request(2, UP["data"].encode()), -80, 9, "a", 99)
    assert heard.node == 1
