"""DTLS by the board's own `tls`, where MicroPython was built with PSK (1.29 and newer, some ports).

Untested: no MicroPython here has it. Its socket must not block: a blocking one never sends a flight again.
"""

import time

_RETRY_MS = 20  # how often mbedTLS is asked, for its timers to run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from comatrix_node.link_udp import UdpLink


def _with_psk(context: "Any", identity: bytes, psk: bytes) -> "Any":
    """What the types of older boards do not know."""
    context.set_psk_identity(identity)
    context.set_psk_key(psk)
    context.set_ciphers("PSK")
    return context


class TlsLink:
    """Datagrams through `tls`; a handshake begins with the first, and anew after two without any answer."""

    def __init__(self, udp: "UdpLink", identity: bytes, psk: bytes) -> None:
        import tls  # type: ignore[import-not-found]

        self.udp = udp
        self.addr = udp.addr
        self.context = _with_psk(tls.SSLContext(tls.PROTOCOL_DTLS_CLIENT), identity, psk)
        self.wrapped: "Any" = None
        self.waiting: "bytes | None" = None
        self.unanswered = 0

    def send(self, data: bytes) -> None:
        """Transmit, as soon as the handshake lets it."""
        if self.unanswered > 1:
            self.close()
        self.waiting = data
        self._write()

    def receive(self, wait_ms: int) -> "bytes | None":
        """The next datagram within `wait_ms`, or None."""
        end = time.ticks_add(time.ticks_ms(), wait_ms)  # type: ignore[attr-defined]
        while True:
            self._write()
            try:
                data: "bytes | None" = self.wrapped.read(512) if self.wrapped is not None else None
            except OSError:
                self.close()
                data = None
            if data:
                self.unanswered = 0
                return data
            left = time.ticks_diff(end, time.ticks_ms())  # type: ignore[attr-defined]
            if left <= 0:
                return None
            self.udp.poller.poll(min(left, _RETRY_MS))

    def close(self) -> None:
        """Let go of the association and its socket."""
        if self.wrapped is not None:
            try:
                self.wrapped.close()
            except OSError:
                pass
            self.wrapped = None
        self.unanswered = 0
        self.udp.close()

    def _write(self) -> None:
        if self.waiting is None:
            return
        try:
            if self.wrapped is None:
                opened = self.udp.socket or self.udp.open()
                self.wrapped = self.context.wrap_socket(opened, do_handshake_on_connect=False)
            if self.wrapped.write(self.waiting):  # None while the handshake goes on
                self.waiting = None
                self.unanswered += 1
        except OSError:
            self.close()
