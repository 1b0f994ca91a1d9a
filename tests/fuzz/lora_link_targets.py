"""What must hold of both ends of the LoRa link, whatever frames come: Hub.receive_datagram, Station.receive_datagram.

The first byte says what becomes of the rest: a frame as it came, one behind a header, or what an authentic one says."""

from comatrix_lora.errors import LoraError
from comatrix_lora.station_events import Delivered, DescriptionWanted, Item, Refused, Reserve, Time

from tests.lora.frame_sides import NODE
from tests.lora.link_by_hand import Link
from tests.lora.test_link_hostile import COMMAND

SECRET = b"\x55" * 16  # not that of the frames the corpus begins with: to these ends they are strange
MOST = 255
TOLD = (Delivered, DescriptionWanted, Item, Refused, Reserve, Time)
MOST_EVENTS = 40  # of one frame: the readings an ACK can confirm, and what comes beside them


def hub(data: bytes) -> None:
    """A stranger's frame is counted and changes nothing; what an authentic one says is told, or is its problem."""
    link = Link(NODE, SECRET)
    _meet(link, data)
    if _stranger(link, True, data):
        return
    try:
        frame = link.node.seal_request(link.station.counter.take(), data[1:MOST])
    except LoraError:
        return
    [heard] = link.hear(True, frame)
    assert heard.problem is None or not (heard.records or heard.ack_wanted)
    assert all(0 <= seq <= heard.counter for record in heard.records for seq in record.seqs)
    link.hub.committed(heard, link.now, COMMAND, 1_800_000_000)
    link.now += 100
    sent = link.hub.datagrams_to_send(link.now)
    assert len(sent) <= (heard.problem is None)
    link.hub.posted(link.now)
    count = link.hub.ignored
    assert link.hear(True, frame) == [] and link.hub.ignored == count + 1, "a replay"
    for _, answer in sent:
        link.hear(False, answer)
    assert not link.station.ignored and not link.station.malformed, "what we answer is understood"


def station(data: bytes) -> None:
    """A stranger's frame is counted and changes nothing; after an authentic one the node goes on, and can be kept."""
    link = Link(NODE, SECRET)
    _meet(link, data)
    if _stranger(link, False, data):
        return
    try:
        frame = link.gateway.seal_response(link.gateway.window.highest, data[1:MOST], 9_000)
    except LoraError:
        return
    link.hear(False, frame)
    assert link.station.ignored == 0
    events = list(iter(link.station.next_event, None))
    assert len(events) <= MOST_EVENTS and all(isinstance(event, TOLD) for event in events)
    count = link.station.ignored
    link.hear(False, frame)
    assert link.station.ignored == count + 1, "a replay"
    kept = link.station.kept(link.now)
    fresh = Link(NODE, SECRET).station
    fresh.restore(kept, link.now)
    link.station.datagrams_to_send(link.now + 1_000_000)


def _meet(link: Link, data: bytes) -> None:
    """By the first byte: something is open, and was asked for."""
    if data and data[0] & 4:
        link.station.record("d", bytes(300), link.now)
    if data and data[0] & 8:
        for count in range(6):
            link.station.readings(0, {0: count, 1: 2 * count}, link.now, link.now)
    for frame in link.station.datagrams_to_send(link.now + 1000):
        for heard in link.hear(True, frame):
            link.hub.committed(heard, link.now)
    link.now += 5_000
    link.hub.datagrams_to_send(link.now)


def _stranger(link: Link, up: bool, data: bytes) -> bool:
    """Whether it is nobody's frame, and was met with a count."""
    what = data[0] & 3 if data else 0
    if what > 1:
        return False
    header = bytes((0x40 | (0x20 if up else 0) | data[0] & 0x18, NODE)) if what else b""
    before, count = link.state(), link.ignored()
    assert link.hear(up, header + data[1:]) == []
    assert link.ignored() == count + 1 and link.state() == before
    return True
