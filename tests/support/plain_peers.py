"""Peers of a Server for which everybody is one node that speaks plain CoAP."""

from comatrix.session.server import Peer


class PlainPeers:
    """`peer`: who everybody is."""

    def __init__(self, node: int) -> None:
        self.peer = Peer(node, 0)

    def find(self, kid: bytes, kid_context: bytes | None) -> list[Peer]:
        return []

    def turned_away(self, kid: bytes | None, addr: object) -> tuple[str, int | None]:
        return "unknown node", None

    def plain(self, addr: object) -> Peer:
        return self.peer

    def rekey(self, kid: bytes, kid_context: bytes, counter: int, sealed: bytes, now: int) -> None:
        return None
