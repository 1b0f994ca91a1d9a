"""This machine's address as its network sees it."""

import socket

# Documentation addresses (RFC 5737, RFC 3849): connecting a UDP socket sends nothing, it only picks a route.
FAR_AWAY = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))


def local_address() -> str:
    """The source address of the default route, IPv4 first; "" where there is none."""
    for family, far in FAR_AWAY:
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((far, 9))
                return str(probe.getsockname()[0])
        except OSError:
            continue
    return ""
