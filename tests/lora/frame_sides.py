"""A node and its gateway as two frame peers, their AEADs refusing a (key, nonce) seen before."""

from collections.abc import Callable
from functools import partial
from typing import Any

from comatrix_lora.errors import FrameError
from comatrix_lora.frame import Opened, Peer, open_untrusted

from comatrix.session.keys import Keys, node_id
from comatrix.session.oscore import Binding
from comatrix.session.replay import Window
from tests.session.recording import SECRET, Recorder

LORA = b"l"
NODE = 7


def aad(kid: bytes, counter: int) -> bytes:
    """RFC 8613 section 5.4, from the project's OSCORE."""
    return Binding(kid, counter, b"").aad


def peer(recorder: Recorder, ours: bytes, theirs: bytes, secret: bytes = SECRET, extra: bytes = b"") -> Peer:
    """One side of a LoRa context that was never used."""
    keys = Keys(secret, ours, theirs, recorder.aead, LORA)

    def derive(extra: bytes) -> Peer:
        return Peer(keys.context(extra), aad, Window(), extra, derive)

    return derive(extra)


class Sides:
    """`node` and `gateway`: the peer each has of the other. Counters are the caller's."""

    def __init__(self, number: int = NODE, secret: bytes = SECRET, recorder: Recorder | None = None) -> None:
        self.recorder = recorder or Recorder()
        self.number = number
        self.secret = secret
        self.node = peer(self.recorder, node_id(number), b"", secret)
        self.gateway = peer(self.recorder, b"", node_id(number), secret)

    def boot_node(self) -> None:
        """The node starts with nothing but its window, as stored, in memory."""
        window = self.node.window
        self.node = peer(self.recorder, node_id(self.number), b"", self.secret)
        self.node.window = window

    def up(self, data: bytes) -> Opened:
        """The gateway hears a frame."""
        return heard(self.gateway, data)

    def down(self, data: bytes) -> Opened:
        """The node hears a frame."""
        return heard(self.node, data)

    def state(self) -> tuple[Any, ...]:
        """All that either side remembers."""
        return remembered(self.node), remembered(self.gateway)


def heard(peer: Peer, data: bytes) -> Opened:
    """One frame at one peer. Raises FrameError."""
    return open_untrusted(data, lambda number: [peer] if number == peer.node else [])[1]


def silent(peer: Peer, data: bytes) -> bool:
    """Whether a frame is dropped and changes nothing."""
    before = remembered(peer)
    try:
        heard(peer, data)
    except FrameError:
        return remembered(peer) == before
    return False


def remembered(peer: Peer) -> tuple[Any, ...]:
    """All that one peer remembers."""
    return (*peer.state(), "answerable", *peer.answerable)


def every_kind() -> list[tuple[str, bytes, "Peer", "Peer", "Peer"]]:
    """(name, frame, who is to hear it and has not yet, who sent it, a neighbour of the hearer) of every kind of frame.

    Each kind has a pair of sides of its own, and a neighbour whose secret is another.
    """
    found = []
    for name, make in KINDS.items():
        sides, other = Sides(), Sides(NODE + 1, bytes(16))
        frame, to_node = make(sides), not name.startswith("node")
        neighbour = other.node if to_node else other.gateway
        hearer, sender = (sides.node, sides.gateway) if to_node else (sides.gateway, sides.node)
        found.append((name, frame, hearer, sender, neighbour))
    return found


def _request(sides: Sides) -> bytes:
    _asked(sides)
    return sides.node.seal_request(302, b"\x00abd")


def _order(sides: Sides) -> bytes:
    _ordered(sides)
    return sides.gateway.seal_request(41, b"\x60")


def _asked(sides: Sides, counter: int = 301) -> int:
    """The node's request was heard."""
    sides.up(sides.node.seal_request(counter, b"\x00abc"))
    return counter


def _ordered(sides: Sides, counter: int = 40) -> int:
    """The gateway's request was heard."""
    sides.down(sides.gateway.seal_request(counter, b"\x60"))
    return counter


def _second(seal: Callable[..., bytes], *args: Any) -> bytes:
    """The frame after one that is lost: the first since boot is long."""
    seal(*args, 50)
    return seal(*args, 51)


KINDS: dict[str, Callable[[Sides], bytes]] = {
    "node: request, long": lambda sides: sides.node.seal_request(300, b"\x00abc"),
    "node: request": _request,
    "node: response": lambda sides: sides.node.seal_response(_ordered(sides), b"\x60"),
    "node: response, own, long": lambda sides: sides.node.seal_response(_ordered(sides), b"\x60", 302),
    "node: response, own": lambda sides: _second(partial(sides.node.seal_response, _ordered(sides), b"\x60")),
    "gateway: response": lambda sides: sides.gateway.seal_response(_asked(sides), b"\x30\x00\x00"),
    "gateway: response, own, long": lambda sides: sides.gateway.seal_response(_asked(sides), b"\x30\x00\x00", 40),
    "gateway: response, own": lambda sides: _second(partial(sides.gateway.seal_response, _asked(sides), b"\x60")),
    "gateway: request, long": lambda sides: sides.gateway.seal_request(40, b"\x60"),
    "gateway: request": _order,
}
