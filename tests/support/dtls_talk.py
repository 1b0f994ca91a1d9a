"""Runs in MicroPython: `dtls_talk.py PORT MODE [TIMEOUT_MS] [MOVE] [PATH]` talks to a DTLS server on loopback.

MODE raw: says a line and prints what comes back; coap: GETs PATH (time) twice and prints the answers' codes. It names
nothing but what keeps its name in the .mpy files.
"""

import sys

from comatrix_node import link_dtls, link_udp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PSK = b"sixteen byte key"  # servers take it as text on their command line


def raw(link: "Any") -> None:
    link.send(b"hello from a node\n")
    for _ in range(20):
        data = link.receive(500)
        if data:
            print(data.decode().strip())
            return


def get(link: "Any", mid: int, timeout_ms: int, path: str) -> None:
    """As CoAP does: a confirmable request, repeated with its pause doubling."""
    for attempt in range(60):  # real time is not repeatable: at 40 % loss 8 would be too few in one run of 20
        link.send(b"\x40\x01\x12" + bytes((mid, 0xB0 + len(path))) + path.encode())
        data = link.receive(timeout_ms << min(attempt, 2))
        if data and data[3] == mid:
            print(f"{data[1] >> 5}.{data[1] & 31:02}")
            return


def main(port: str, mode: str, timeout: str = "1000", move: str = "", path: str = "time") -> None:
    timeout_ms = int(timeout)
    link = link_dtls.link(link_udp.UdpLink("127.0.0.1", int(port)), b"garden", PSK, timeout_ms)
    if mode == "raw":
        raw(link)
    else:
        get(link, 1, timeout_ms, path)
        if move:
            link.receive(2000)  # meanwhile our address changes
        get(link, 2, timeout_ms, path)
    print("handshakes", link.handshakes)
    link.close()


main(*sys.argv[1:])
