"""A UDP socket as every edge of the gateway wants it."""

import socket
import sys
from contextlib import suppress

from comatrix.gateway.errors import GatewayError

DRAIN = 128  # datagrams a turn, so that commits and timers get theirs
MAX_DATAGRAM = 2048
_IP_ALL, _IPV6_ALL = 49, 29  # IP_MULTICAST_ALL, IPV6_MULTICAST_ALL of linux/in.h and in6.h; Python names neither


def _hear_no_groups(sock: socket.socket, family: int) -> None:
    """What is sent to a group all hosts are in is not for a gateway; Linux hands it to every socket unless told not to.

    Other systems leave it out, or have no such option.
    """
    if sys.platform == "linux":
        sock.setsockopt(socket.IPPROTO_IP, _IP_ALL, 0)  # an IPv6 socket may hear IPv4, too
        if family == socket.AF_INET6:
            with suppress(OSError):  # a kernel before 4.20
                sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_ALL, 0)


def bound(host: str, port: int, receive_buffer: int, setting: str) -> socket.socket:
    """Non-blocking and bound. Raises GatewayError, which names the `setting` that said where."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if family == socket.AF_INET6:
            # [::] takes IPv4 as well; another IPv6 address is only itself.
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if host == "::" else 1)
        _hear_no_groups(sock, family)
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        raise GatewayError(
            f"cannot listen on UDP {where}: {error.strerror}", f"change {setting}, then: comatrix config check"
        ) from error
    return sock
