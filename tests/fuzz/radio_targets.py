"""What must hold of what a radio module says, to a gateway and to a node."""

from comatrix_node import modem_rak as node_rak
from comatrix_node import modem_rylr as node_rylr
from comatrix_node.modem_at import FRAME

from comatrix.gateway.radio.dialect import Heard
from comatrix.gateway.radio.rak3172 import read_untrusted
from comatrix.gateway.radio.rylr import HEAD, LONGEST, MAX_DATA, next_untrusted


def rylr(data: bytes) -> None:
    """next_untrusted: what is taken is there; a frame is what stands between its header and its levels."""
    data = data[:LONGEST]
    for buffer in (data, HEAD + data, HEAD + b"7,3," + data):
        said, taken = next_untrusted(buffer)
        assert (said is None) == (taken == 0) and taken <= len(buffer)
        if isinstance(said, Heard):
            assert len(said.payload) <= MAX_DATA and said.payload in buffer[:taken]


def rak(data: bytes) -> None:
    """read_untrusted: a frame is never empty, nor longer than a LoRa packet."""
    for line in (data[:1024], b"+EVT:" + data[:1024], b"+EVT:RXP2P:-1:1:" + data[:1024].hex().encode()):
        said = read_untrusted(line, (-1, 1))
        assert not isinstance(said, Heard) or 1 <= len(said.payload) <= 255


def modem_rylr(data: bytes) -> None:
    """next_untrusted: as the gateway's; what it keeps waiting for more is bounded."""
    data = data[: 2 * LONGEST]
    for buffer in (data, HEAD + data, HEAD + b"7,3," + data, HEAD + b"7,%d,%b,-1,1\r\n" % (len(data), data)):
        said, taken = node_rylr.next_untrusted(buffer)
        assert (said is None) == (taken == 0) and taken <= len(buffer)
        assert said is not None or len(buffer) < LONGEST
        if said is not None and said[0] == FRAME:
            assert len(said[1]) <= MAX_DATA and said[1] in buffer[:taken]


def modem_rak(data: bytes) -> None:
    """read_untrusted: a frame is the hex that was said; a line that says nothing of ours is told as it is."""
    data = data[:1024]
    for line in (data, b"+EVT:" + data, b"+EVT:RXP2P:-1:1:" + data):
        kind, said = node_rak.read_untrusted(line)
        assert said in (b"", line) or (kind == FRAME and line.lower().endswith(said.hex().encode()))
    assert node_rak.read_untrusted(b"+EVT:RXP2P:-1:1:" + data.hex().encode()) == (FRAME, data)
