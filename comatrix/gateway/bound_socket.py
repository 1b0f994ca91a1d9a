"""A UDP socket as every edge of the gateway wants it."""

import socket

from comatrix.gateway.errors import GatewayError

DRAIN = 128  # datagrams a turn, so that commits and timers get theirs
MAX_DATAGRAM = 2048


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
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        raise GatewayError(
            f"cannot listen on UDP {where}: {error.strerror}", f"change {setting}, then: comatrix config check"
        ) from error
    return sock
