"""What must hold of frames of Appendix B.2, whatever they are made of: its requests at a hub, its response at a node.

The first byte says what becomes of the rest: 0 a frame as it came, 1 one behind a header, 2 what an authentic one says,
3 that with one bit changed, which its last two bytes name."""

from collections.abc import Callable
from typing import Any

from comatrix_lora.errors import FrameError
from comatrix_lora.frame import Opened, Peer
from comatrix_lora.header import EXTRA, LONG, Header, parse_untrusted
from comatrix_lora.hub import _heard_untrusted
from comatrix_lora.hub_events import Reception
from comatrix_lora.hub_rekeying import OFFERS, Rekeyings, _check_untrusted, _request_untrusted
from comatrix_lora.rules import Rekey, decode_untrusted

from tests.fuzz.lora_frame_targets import _bent
from tests.lora.frame_sides import NODE, Sides, remembered
from tests.lora.link_by_hand import Link, frozen

SECRET = b"\x55" * 16  # not that of the frames the corpus begins with
R1, R2, R3 = b"1" * EXTRA, b"2" * EXTRA, b"3" * EXTRA
REQUEST = Rekey(None, True).encode()
MOST = 200
AUTHENTIC = 2
Seal = Callable[[bytes], bytes]
Ask = Callable[[Header, bytes], None]
State = Callable[[], Any]


class Half:
    """What a hub knows of new keys, and its node. R2 is always the same."""

    def __init__(self) -> None:
        self.sides = Sides(NODE, SECRET)
        self.peers = [self.sides.gateway]
        self.rekeyings = Rekeyings(lambda below: R2[0])
        self.counter = 50  # a real node takes each once, too

    def first(self, plain: bytes, extra: bytes = R1) -> bytes:
        self.counter += 1
        return derived(self.sides.node, extra).seal_request(self.counter, plain, 1, extra)

    def second(self, plain: bytes) -> bytes:
        self.counter += 1
        return derived(self.sides.node, R2 + R3).seal_request(self.counter, plain, 2, R3)

    def offer(self, header: Header, frame: bytes) -> None:
        answering, counter, second = self.rekeyings.offer_untrusted(header, frame, self.peers, 0)
        assert (answering.extra, counter, second) == (R2 + R1, self.counter, R2)

    def accept(self, header: Header, frame: bytes) -> None:
        made, opened, new = self.rekeyings.accept_untrusted(header, frame, self.peers, 0)
        assert (made.extra, opened.counter, new) == (R2 + R3, self.counter, True)

    def state(self) -> Any:
        return frozen(vars(self.rekeyings)), [remembered(one) for one in self.peers]


def offer(data: bytes) -> None:
    """offer_untrusted: only the request itself is offered anything, once; how much is kept is bounded."""
    half = Half()
    try:
        _only_authentic(data, half.first, half.offer, half.state)
    finally:
        for count in range(OFFERS + 2):
            frame = half.first(REQUEST, bytes((count,)) * EXTRA)
            half.rekeyings.offer_untrusted(parse_untrusted(frame), frame, half.peers, 0)
        assert len(half.rekeyings._offers) == OFFERS


def accept(data: bytes) -> None:
    """accept_untrusted: only the request itself makes a context, once; after any other it still can."""
    half = Half()
    asked = half.first(REQUEST)
    half.offer(parse_untrusted(asked), asked)
    try:
        _only_authentic(data, half.second, half.accept, half.state)
    except FrameError:
        frame = half.second(REQUEST)
        half.accept(parse_untrusted(frame), frame)
        raise


def first(data: bytes) -> None:
    """_first_untrusted: by the secret that fits, whichever place it has; nothing is kept."""
    half = Half()
    half.peers = [Sides(NODE, bytes(16)).gateway, half.sides.gateway]
    before = half.state()

    def ask(header: Header, frame: bytes) -> None:
        peer, counter = half.rekeyings._first_untrusted(header, frame, half.peers)
        assert (peer.extra, counter) == (R1, half.counter) and half.state() == before

    _only_authentic(data, half.first, ask, half.state, once=False)


def request(data: bytes) -> None:
    """_request_untrusted: the counter of what was sealed; an authentic one of other content is used up."""
    half = Half()
    peer = derived(half.sides.gateway, R1)

    def ask(header: Header, frame: bytes) -> None:
        chosen = peer if header.extra == R1 else derived(peer, header.extra)  # as who calls it does
        assert _request_untrusted(chosen, header, frame) == half.counter

    _only_authentic(data, half.first, ask, lambda: remembered(peer), spent=True)


def check(data: bytes) -> None:
    """_check_untrusted: what it lets through is a rule byte and no more."""
    _check_untrusted(Opened(0, None, data))
    assert _is_rekey(data) and len(data) == 1


def response(data: bytes) -> None:
    """Rekeying.receive_untrusted: only the answer to the request that is open makes a candidate, once."""
    link = Link(NODE, SECRET, fresh=True)
    rekeying = link.station._rekeying
    [frame] = link.station.datagrams_to_send(0)
    sent = parse_untrusted(frame)
    answering = derived(link.gateway, R2 + sent.extra)
    answering.answerable = [sent.counter]

    def seal(plain: bytes) -> bytes:
        return answering.seal_response(sent.counter, plain, None, R2)

    def ask(header: Header, frame: bytes) -> None:
        assert rekeying.receive_untrusted(header, frame, link.station.counter.next, 0) == sent.counter
        assert rekeying.candidate is not None and rekeying.candidate.extra[:EXTRA] == R2

    _only_authentic(data, seal, ask, link.state, spent=True, following=True)


def hub_opened(data: bytes) -> None:
    """_opened_untrusted: of request #1 nothing is told; after a stranger's frame the hub is as before."""
    link = Link(NODE, SECRET)

    def seal(plain: bytes) -> bytes:
        return derived(link.node, R1).seal_request(50, plain, 1, R1)

    def ask(header: Header, frame: bytes) -> None:
        heard, told = link.hub._opened_untrusted(frame, bytes(8), Reception("a", -90, 5), link.now)
        assert (heard.node, heard.counter, told) == (NODE, 50, b"") and heard.second

    _only_authentic(data, seal, ask, link.state)


def hub_heard(data: bytes) -> None:
    """_heard_untrusted: a request, and nothing that has the counter of one."""
    what, counter = data[0] if data else 0, int.from_bytes(data[1:5], "big")
    opened = Opened(counter if what & 1 else None, 7 if what & 2 else None, data[5:])
    heard = _heard_untrusted(Sides().gateway, opened, bytes(8), Reception("a", -90, 5), 0)
    assert what & 3 == 1 and (heard.counter, heard.node) == (counter, NODE)


def derived(peer: Peer, extra: bytes) -> Peer:
    """The same one's under other keys."""
    assert peer.derive is not None
    return peer.derive(extra)


def _only_authentic(
    data: bytes, seal: Seal, ask: Ask, state: State, *, once: bool = True, spent: bool = False, following: bool = False
) -> None:
    """What is taken was sealed, whole, and says what belongs there; what is not changes no state. `once`: and not
    again; `spent`: but an authentic frame of other content does; `following`: a counter may stand in it."""
    what, rest = data[0] & 3 if data else 0, data[1:MOST]
    frame = data[1:]
    if what:
        sealed = seal(rest or b"\x00")
        frame = (sealed[: LONG + EXTRA] + rest, sealed, _bent(sealed, rest))[what - 1]
    right = what == AUTHENTIC and _is_rekey(rest) and (following or len(rest) == 1)
    before = state()
    try:
        ask(parse_untrusted(frame), frame)
    except FrameError:
        assert not right and (state() == before or (spent and what == AUTHENTIC))
        raise
    assert right, "taken"
    if once:
        _refused(frame, ask, state)


def _refused(frame: bytes, ask: Ask, state: State) -> None:
    before = state()
    try:
        ask(parse_untrusted(frame), frame)
    except FrameError:
        assert state() == before
        return
    raise AssertionError("taken twice")


def _is_rekey(plain: bytes) -> bool:
    try:
        return isinstance(decode_untrusted(plain), Rekey)
    except FrameError:
        return False
