"""What must hold of LoRa frames from the air: what a peer sealed is opened once, anything else changes nothing."""

import contextlib

from comatrix_lora.errors import FrameError, LoraError
from comatrix_lora.frame import Opened, Peer, open_untrusted
from comatrix_lora.header import LAST_SHORT_NODE, parse_untrusted

from comatrix.gateway.aead import aead
from comatrix.session.keys import Keys, node_id
from comatrix.session.replay import Window
from tests.lora.frame_sides import LORA, NODE, aad, remembered
from tests.session.recording import SECRET

FAR = 256 + NODE  # its low byte is NODE's
OLD_SECRET = bytes(16)


class Pair:
    """A node and its gateway, each with a request of the other heard and not answered."""

    def __init__(self, number: int = NODE, secret: bytes = SECRET) -> None:
        self.node = Peer(Keys(secret, node_id(number), b"", aead, LORA).context(), aad, Window())
        self.gateway = Peer(Keys(secret, b"", node_id(number), aead, LORA).context(), aad, Window())
        for sender, hearer, counter in ((self.node, self.gateway, 301), (self.gateway, self.node, 40)):
            assert heard(hearer, sender.seal_request(counter, b"\x60")) is not None

    def sealed(self, script: bytes, hearer: Peer) -> bytes:
        """For that one: the first byte says as what, the second how many counters were lost, the rest is sealed.

        Raises LoraError: nothing, or too long."""
        sender = self.node if hearer is self.gateway else self.gateway
        what, lost = (*script[:2], 0, 0)[:2]
        if what & 1:
            sender.seal_request(sender.sent + 1, b"\x60")  # nobody hears it, and the next one is short
        request, own = 301 if hearer is self.node else 40, sender.sent + 1 + lost
        if what & 2:
            return sender.seal_request(own, script[2:])
        return sender.seal_response(request, script[2:], own if what & 4 else None)


def heard(peer: Peer, frame: bytes) -> Opened | None:
    """None: dropped, and nothing has changed."""
    before = remembered(peer)
    try:
        return peer.open_untrusted(parse_untrusted(frame), frame)
    except FrameError:
        assert remembered(peer) == before
        return None


def header(data: bytes) -> None:
    """parse_untrusted: what is read is written the same."""
    found = parse_untrusted(data)
    assert found.encode() == data[: found.size]
    assert found.resp or not found.own


def peer(data: bytes) -> None:
    """Peer.open_untrusted: once what was sealed; never what was bent, or is noise under a header for this peer."""
    pair = Pair()
    for hearer in (pair.gateway, pair.node):
        for frame in (data, _headed(hearer, data)):
            assert heard(hearer, frame) is None or heard(hearer, frame) is None
    pair = Pair()
    for hearer in (pair.gateway, pair.node):
        try:
            frame = pair.sealed(data, hearer)
        except LoraError:
            continue
        assert heard(hearer, _bent(frame, data)) is None
        opened = heard(hearer, frame)
        assert opened is not None and opened.plain == data[2:]
        assert heard(hearer, frame) is None


def everybody(data: bytes) -> None:
    """open_untrusted: who sealed it is who is told, by old keys or new, and no other peer has changed."""
    _unchanged_but_for(data, _known(_pairs()), None)
    pairs = _pairs()
    peers = _known(pairs)
    for pair in pairs:
        try:
            frame = pair.sealed(data, pair.gateway)
        except LoraError:
            continue
        _unchanged_but_for(_bent(frame, data), peers, None)
        _unchanged_but_for(frame, peers, pair.gateway)
        _unchanged_but_for(frame, peers, None)


def _pairs() -> list[Pair]:
    return [Pair(), Pair(NODE, OLD_SECRET), Pair(FAR)]


def _known(pairs: list[Pair]) -> dict[int, list[Peer]]:
    return {NODE: [pairs[0].gateway, pairs[1].gateway], FAR: [pairs[2].gateway]}


def _unchanged_but_for(frame: bytes, peers: dict[int, list[Peer]], who: Peer | None) -> None:
    """`who` None: nobody is to be found, but where the bytes are the frame of one of them."""
    everyone = [one for some in peers.values() for one in some]
    before = [remembered(one) for one in everyone]
    found: Peer | None = None
    with contextlib.suppress(FrameError):
        found = open_untrusted(frame, lambda number: peers.get(number, []))[0]
    assert who is None or found is who
    changed = [one for one, state in zip(everyone, before, strict=True) if remembered(one) != state]
    assert changed == ([found] if found else [])
    if found and who is None:
        _unchanged_but_for(frame, peers, None)


def _headed(hearer: Peer, data: bytes) -> bytes:
    """Behind a header for this one; the first byte says which."""
    first = 0x40 | (data[0] & 0x1C if data else 0) | (0 if hearer.up else 0x20)
    size = 2 if first & 4 or hearer.node > LAST_SHORT_NODE else 1
    return bytes((first,)) + hearer.node.to_bytes(size, "big") + data[1:]


def _bent(frame: bytes, data: bytes) -> bytes:
    """One bit is another; which one, the last two bytes say."""
    place = int.from_bytes(data[-2:], "big") % (8 * len(frame))
    return frame[: place >> 3] + bytes((frame[place >> 3] ^ 0x80 >> (place & 7),)) + frame[(place >> 3) + 1 :]
