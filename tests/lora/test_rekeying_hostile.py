"""Appendix B.2 under attack: what is flipped, cut, mirrored or said again changes nothing, and nothing grows."""

from typing import Any

import pytest
from comatrix_lora import hub_rekeying, rules
from comatrix_lora.errors import FrameError, LoraError
from comatrix_lora.fragment_receiver import Limits
from comatrix_lora.frame import Peer
from comatrix_lora.header import parse_untrusted
from comatrix_lora.hub import LATELY
from comatrix_lora.hub_answers import Answers
from comatrix_lora.hub_events import Heard, Reception
from comatrix_lora.hub_node import HubNode, Profile
from comatrix_lora.hub_rekeying import Rekeyings
from comatrix_lora.ledger import Ledger
from comatrix_lora.mac import Channel, Mac
from comatrix_lora.rekeying import RENEW_AFTER, SILENCE
from comatrix_lora.schema import climate
from comatrix_lora.station import Station

from comatrix.session.counter import Counter
from comatrix.session.keys import node_id
from tests.lora.frame_sides import peer
from tests.lora.link_by_hand import Link
from tests.session.recording import Recorder

STEPS = ["request 1", "response 1", "request 2", "response 2"]


class Exchange:
    """A link whose node makes new keys, frame by frame."""

    def __init__(self, fresh: bool = True) -> None:
        self.link = Link(fresh=fresh)
        if not fresh:
            self.link.station.mac.settings.unanswered = SILENCE
            self.link.gateway.lost = True  # a copy put back
        self.heard: list[Heard] = []

    @property
    def now(self) -> int:
        return self.link.now

    def said(self) -> bytes:
        """The next frame of either end."""
        self.link.now += 100
        frames = self.link.station.datagrams_to_send(self.now)
        return (frames or [data for _, data in self.link.hub.datagrams_to_send(self.now)])[0]

    def hear(self, data: bytes) -> None:
        """Its other end has it, and stores what it tells."""
        up = parse_untrusted(data).up
        for heard in self.link.hear(up, data):
            self.store(heard)

    def store(self, heard: Heard) -> None:
        if heard.rekeyed is not None:
            self.link.renewed(heard)
        self.link.hub.committed(heard, self.now)

    def until(self, step: str) -> bytes:
        """Everything before that step is said and heard -> its frame."""
        for _ in range(STEPS.index(step)):
            self.hear(self.said())
        return self.said()

    def works(self) -> bool:
        """Whether a record arrives and is confirmed."""
        self.link.station.rekeyed(self.now)
        while self.link.station.next_event():
            pass
        self.link.station.record("m", b"\x81\x61x", self.now)
        for _ in range(8):
            self.link.now += 5_000
            self.link.turn()
        return not self.link.station.records_open.open


def spoilt(data: bytes) -> list[bytes]:
    wrong = [data[:end] for end in range(len(data))] + [data + b"\x00"]
    return wrong + [
        data[: i // 8] + bytes((data[i // 8] ^ 1 << i % 8,)) + data[i // 8 + 1 :] for i in range(8 * len(data))
    ]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("fresh", [True, False])
def test_a_step_flipped_cut_or_mirrored_changes_nothing(step: str, fresh: bool) -> None:
    exchange = Exchange(fresh)
    data = exchange.until(step)
    link, up = exchange.link, parse_untrusted(data).up
    before, count = link.state(), link.ignored()
    wrong = spoilt(data)
    for one in wrong:
        assert link.hear(up, one) == []
    link.hear(not up, data)
    assert link.state() == before
    assert link.ignored() == count + len(wrong) + 1 and link.station.malformed == 0
    exchange.hear(data)
    assert link.state() != before, "the step itself is heard"


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("fresh", [True, False])
def test_a_step_said_again_at_once_changes_nothing(step: str, fresh: bool) -> None:
    exchange = Exchange(fresh)
    data = exchange.until(step)
    exchange.hear(data)
    before = exchange.link.state()
    for later in (0, 6_000):
        exchange.link.now += later
        assert exchange.link.hear(parse_untrusted(data).up, data) == []
    assert exchange.link.state() == before


def test_all_that_was_said_replayed_later_leaves_the_keys_at_work() -> None:
    exchange = Exchange()
    said = [exchange.said()]
    for _ in range(4):
        exchange.hear(said[-1])
        frames = exchange.link.station.datagrams_to_send(exchange.now + 100) if len(said) % 2 == 0 else []
        said.append(frames[0] if frames else exchange.said() if len(said) < 4 else b"")
        exchange.link.now += 100
    said = [data for data in said if data]
    assert len(said) == 4
    keys = exchange.link.gateway
    for later in (1, 60_000, 10_000_000):
        exchange.link.now += later
        for data in said:
            assert exchange.link.hear(parse_untrusted(data).up, data) == []
        for _, data in exchange.link.hub.datagrams_to_send(exchange.now + 100):
            assert parse_untrusted(data).step == 1
            exchange.link.station.receive_datagram(data, exchange.now + 200)
        assert exchange.works() and exchange.link.gateway is keys


def first_request(recorder: Recorder, number: int, place: int) -> bytes:
    """A request #1 of long ago, whose R1 is like no other's."""
    asking = peer(recorder, node_id(number), b"", extra=bytes(7) + bytes((place,)))
    return asking.seal_request(5, rules.Rekey(None, True).encode(), 1, asking.extra)


@pytest.mark.parametrize("fresh", [True, False])
def test_old_requests_do_not_displace_an_answer_nor_a_new_exchange(fresh: bool) -> None:
    exchange = Exchange(fresh)
    link = exchange.link
    exchange.hear(exchange.said())
    for place in range(hub_rekeying.OFFERS - 1):
        exchange.hear(first_request(link.recorder, 7, place))
    link.now += 100
    for _, answer in link.hub.datagrams_to_send(link.now):
        link.station.receive_datagram(answer, link.now)
    exchange.hear(exchange.said())
    for place in range(hub_rekeying.OFFERS - 1, 100):
        exchange.hear(first_request(link.recorder, 7, place))
    link.now += 100
    [(_, answer)] = link.hub.datagrams_to_send(link.now)[:1]
    exchange.hear(answer)
    assert link.station.peer.extra and exchange.works()


def test_nothing_is_sent_before_the_new_bytes_are_stored() -> None:
    exchange = Exchange()
    exchange.hear(exchange.until("response 2"))
    station = exchange.link.station
    [told] = [event for event in iter(station.next_event, None) if type(event).__name__ == "Rekeyed"]
    assert told.extra == exchange.link.gateway.extra and len(told.extra) == 16
    station.record("h", b"\xa0", exchange.now)
    assert station.datagrams_to_send(exchange.now + 1_000) == [] and station.next_deadline() is None
    assert not station.idle
    station.rekeyed(exchange.now)
    assert len(station.datagrams_to_send(exchange.now + 2_000)) == 1


def test_nothing_is_answered_under_new_keys_before_they_are_stored() -> None:
    exchange = Exchange()
    data = exchange.until("request 2")
    [heard] = exchange.link.hear(True, data)
    assert heard.rekeyed == heard.peer.extra and heard.records == [] and heard.problem is None
    assert exchange.link.hub.datagrams_to_send(exchange.now + 500) == []
    again = exchange.link.station
    again.handle_timer(exchange.now + 5_000)
    exchange.link.now += 20_000
    [second] = again.datagrams_to_send(exchange.now)
    assert exchange.link.hear(True, second) == [], "it is being stored"
    exchange.store(heard)
    again.handle_timer(exchange.now + 10_000)
    exchange.link.now += 40_000
    [third] = again.datagrams_to_send(exchange.now)
    [told] = exchange.link.hear(True, third)
    assert told.rekeyed is None, "they are the keys already"
    exchange.store(told)
    exchange.hear(exchange.said())
    assert exchange.works()


def test_new_keys_that_could_not_be_stored_are_made_when_asked_again() -> None:
    exchange = Exchange()
    [heard] = exchange.link.hear(True, exchange.until("request 2"))
    exchange.link.hub.failed(heard)
    exchange.link.station.handle_timer(exchange.now + 5_000)
    exchange.link.now += 20_000
    exchange.hear(exchange.said())
    exchange.hear(exchange.said())
    assert exchange.works()


def test_a_node_goes_on_above_what_was_heard_and_is_not_stored_yet() -> None:
    exchange = Exchange()
    old = exchange.link.node.seal_request(700, rules.Record("m", b"\x80").encode())
    [slow] = exchange.link.hear(True, old)
    exchange.hear(exchange.until("response 2"))
    exchange.link.hub.committed(slow, exchange.now)
    assert exchange.link.station.counter.next > 700 and exchange.works()


def test_new_keys_push_nothing_out_of_the_memory_of_what_came() -> None:
    seqs = [256 * block for block in range(1, 9)]
    node = HubNode(Profile(600_000, {}, seqs), Limits())
    heard = Heard(peer(Recorder(), b"", node_id(7)), 1, bytes(8), 0, Reception("a", -80, 5))
    node.read_untrusted(heard, rules.Rekey(None, True).encode(), 50, 0)
    node.commit(heard, 0)
    assert all(node.received.has(seq) for seq in seqs)


def test_a_gateway_whose_copy_is_old_hears_only_the_wish_for_new_keys() -> None:
    exchange = Exchange(fresh=False)
    exchange.link.gateway.lost = True
    request = exchange.link.node.seal_request(exchange.link.station.counter.take(), rules.Record("m", b"\x80").encode())
    assert exchange.link.hear(True, request) == []
    exchange.link.hub.offer(7, rules.Command(1, 1), exchange.now)
    for _ in range(4):
        exchange.hear(exchange.said())
    assert exchange.works()


def test_what_was_reserved_under_keys_that_are_gone_is_not_taken() -> None:
    exchange = Exchange(fresh=False)
    hub, link = exchange.link.hub, exchange.link
    link.gateway.lost = False
    link.own.skip_below(1_000_000)
    hub.offer(7, rules.Command(1, 1), exchange.now)
    exchange.link.now += 100
    hub.datagrams_to_send(exchange.now)
    event: Any = hub.next_event()
    number, reserve = event
    hub.withdraw(7)
    link.gateway.lost = True
    for _ in range(4):
        exchange.hear(exchange.said())
    link.own = Counter(0, 256)
    hub.reserved(number, reserve.limit, reserve.peer)
    assert not link.own.ready()


def test_half_open_exchanges_have_a_limit_and_an_end() -> None:
    recorder = Recorder()
    found = Rekeyings(lambda n: 0)
    for number in range(1, 80):
        for place in range(hub_rekeying.OFFERS + 2):
            data = first_request(recorder, number, place)
            found.offer_untrusted(parse_untrusted(data), data, [peer(recorder, b"", node_id(number))], 0)
        assert len(found._offers) <= min(hub_rekeying.OFFERS * number, hub_rekeying.MOST_OFFERS)
    assert len(found._offers) == hub_rekeying.MOST_OFFERS
    found.handle_timer(hub_rekeying.OFFER_LIFETIME_MS)
    assert found._offers == []


def test_what_is_no_step_is_no_step() -> None:
    recorder = Recorder()
    found, gateway = Rekeyings(lambda n: 0), peer(recorder, b"", node_id(7))
    for rule in (rules.Record("m", b"\x80"), rules.Rekey(5)):
        first = peer(recorder, node_id(7), b"", extra=bytes(8))
        data = first.seal_request(5 + len(rule.encode()), rule.encode(), 1, first.extra)
        with pytest.raises(FrameError):
            found.offer_untrusted(parse_untrusted(data), data, [gateway], 0)
    assert found._offers == []
    with pytest.raises(FrameError):
        Rekeyings(None).offer_untrusted(parse_untrusted(data), data, [gateway], 0)


def test_without_a_way_to_derive_keys_a_station_makes_none() -> None:
    link = Link()
    link.station.peer = Peer(link.node.context, link.node._aad, link.node.window)
    link.station.mac.settings.unanswered = 100
    assert link.station.idle and link.station.datagrams_to_send(link.now + 10**7) == []


def test_a_channel_with_no_room_for_such_frames_says_so_or_does_without() -> None:
    def station(limit: int, fresh: bool) -> Station:
        mac = Mac(Channel(7, limit=limit), Ledger(0), lambda n: 0)
        return Station(peer(Recorder(), node_id(7), b""), Counter(1, 32), mac, {0: climate()}, 600_000, fresh=fresh)

    with pytest.raises(LoraError, match="24 bytes"):
        station(23, True)
    assert not station(24, True).idle
    without = station(23, False)
    without.mac.settings.unanswered = 100
    assert without.idle
    with_room = station(24, False)
    with_room.mac.settings.unanswered = 100
    assert not with_room.idle
    answers = Answers({"a": Mac(Channel(7, limit=23), Ledger(0), lambda n: 0, True)})
    heard = Heard(peer(Recorder(), b"", node_id(7)), 1, bytes(8), 0, Reception("a", -80, 5))
    heard.second = bytes(8)
    answers.add_offer(heard)
    assert len(answers) == 0


@pytest.mark.parametrize(("old", "ends"), [("at work", True), ("a copy put back", False), ("heard long ago", False)])
def test_a_run_out_of_silence_ends_where_the_old_context_is_at_work(old: str, ends: bool) -> None:
    exchange = Exchange(fresh=False)
    link, station = exchange.link, exchange.link.station
    link.gateway.lost = old == "a copy put back"
    if old == "heard long ago":
        station.counter.skip_below(station.counter.next + LATELY + 1)
    exchange.hear(exchange.said())
    exchange.hear(exchange.said())
    assert station.idle is ends, "request #2 is next, or nothing"
    if ends:
        assert exchange.works() and not station.peer.extra
    else:
        exchange.hear(exchange.said())
        exchange.hear(exchange.said())
        assert exchange.works() and station.peer.extra


def test_keys_that_grew_old_are_made_anew_though_the_old_context_is_at_work() -> None:
    exchange = Exchange(fresh=False)
    link, station = exchange.link, exchange.link.station
    link.gateway.lost = False
    station.counter.skip_below(RENEW_AFTER)
    station.counter.granted(RENEW_AFTER + 10_000)
    link.gateway.window.accept(RENEW_AFTER - 1)
    for _ in range(4):
        exchange.hear(exchange.said())
    assert station.peer.extra and exchange.works()
