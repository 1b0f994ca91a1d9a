"""What must hold of what a radio module says."""

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
