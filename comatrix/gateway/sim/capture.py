"""What a run had on the air, as a capture file for Wireshark and tshark: pcapng with an interface for each link.

Datagrams as raw IPv4 (link type 101), LoRa frames with LoRaTap headers (link type 270): one packet for each radio of
the gateway that received a frame, and one for each frame that its node received. pcapng: draft-ietf-opsawg-pcapng.
"""

import struct
from typing import BinaryIO

from comatrix_lora.errors import FrameError
from comatrix_lora.header import parse_untrusted
from comatrix_lora.medium.frame import Reception
from comatrix_lora.medium.pcap import LINKTYPE_LORATAP, loratap_0
from comatrix_lora.medium.statistics import Outcome

from comatrix.gateway.sim.virtual_time import WALL_START_MS

LINKTYPE_RAW = 101
SECTION, INTERFACE, PACKET = 0x0A0D0D0A, 1, 6
_UDP, _TTL = 17, 64
_NAME_OPTION = 2


class Capture:
    """Writes as things happen. `gateway`: IPv4 address and port; times in us of the run."""

    def __init__(self, file: BinaryIO, gateway: tuple[str, int]) -> None:
        self._file = file
        self._gateway = gateway
        self._interfaces: dict[tuple[str, int], int] = {}
        self._block(SECTION, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))

    def datagram(self, link: str, node: tuple[str, int], up: bool, data: bytes, us: int) -> None:
        """It arrived, at the gateway (`up`) or at its node."""
        source, target = (node, self._gateway) if up else (self._gateway, node)
        self._packet(link, LINKTYPE_RAW, _ipv4(source, target, data), us)

    def reception(self, name: str, reception: Reception) -> None:
        """A LoRa frame, if a radio received it that it was meant for; `name`: of the interface."""
        if reception.outcome is Outcome.RECEIVED:
            self._packet(name, LINKTYPE_LORATAP, loratap_0(reception) + reception.frame.data, reception.frame.end_us)

    def _packet(self, name: str, linktype: int, data: bytes, us: int) -> None:
        number = self._interfaces.get((name, linktype))
        if number is None:
            number = self._interfaces[name, linktype] = len(self._interfaces)
            option = _padded(name.encode())
            head = struct.pack("<HHIHH", linktype, 0, 0, _NAME_OPTION, len(name.encode()))
            self._block(INTERFACE, head + option + bytes(4))
        at_us = WALL_START_MS * 1000 + us
        head = struct.pack("<IIIII", number, at_us >> 32, at_us & 0xFFFFFFFF, len(data), len(data))
        self._block(PACKET, head + _padded(data))

    def _block(self, kind: int, body: bytes) -> None:
        size = 12 + len(body)
        self._file.write(struct.pack("<II", kind, size) + body + struct.pack("<I", size))


def names_node(data: bytes, number: int) -> bool:
    """Whether the header of a frame does."""
    try:
        return parse_untrusted(data).node == number
    except FrameError:
        return False


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _ipv4(source: tuple[str, int], target: tuple[str, int], data: bytes) -> bytes:
    """RFC 791 and RFC 768; UDP over IPv4 may leave out its checksum."""
    udp = struct.pack(">HHHH", source[1], target[1], 8 + len(data), 0) + data
    addresses = b"".join(bytes(int(part) for part in one[0].split(".")) for one in (source, target))
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, _TTL, _UDP, 0)
    words = struct.unpack(">10H", head + addresses)
    total = sum(words)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return head[:10] + struct.pack(">H", ~total & 0xFFFF) + addresses + udp
