"""Which PSK identity is whose, under which key: asked in every handshake, kept in step by the directory. Pure."""

from collections.abc import Callable, Iterable

from comatrix.gateway.model import DtlsKey, Node


class DtlsKeys:
    """`on_lost` may be set: called with a node's number and the identities that are not heard any more."""

    def __init__(self) -> None:
        self._keys: dict[bytes, DtlsKey] = {}
        self._of_node: dict[int, list[DtlsKey]] = {}
        self._blocked: dict[bytes, int] = {}
        self.on_lost: Callable[[int, set[bytes]], None] = lambda node, identities: None

    def load(self, node: Node, keys: Iterable[DtlsKey]) -> None:
        """Replace what is known of a node; its keys newest first. A revoked or blocked one is not heard."""
        keys = list(keys)
        before = self._of_node.pop(node.number, [])
        for key in before:
            self._keys.pop(key.identity, None)
        self._blocked = {identity: number for identity, number in self._blocked.items() if number != node.number}
        if node.blocked and not node.revoked:
            self._blocked.update((key.identity, node.number) for key in keys)
        if node.blocked or node.revoked:
            keys = []
        for key in keys:
            self._keys[key.identity] = key
        if keys:
            self._of_node[node.number] = keys
        if lost := {key.identity for key in before if key not in keys}:
            self.on_lost(node.number, lost)

    def key_of(self, identity: bytes) -> bytes | None:
        """The key of an identity that is heard."""
        found = self._keys.get(identity)
        return None if found is None else found.key

    def node_of(self, identity: bytes) -> int | None:
        """The node of an identity that is heard."""
        found = self._keys.get(identity)
        return None if found is None else found.node

    def turned_away(self, identity: bytes) -> tuple[str, int | None]:
        """Why an identity is not heard, as a Knock says it, and whose it is."""
        if identity in self._blocked:
            return "blocked", self._blocked[identity]
        return "unknown identity", None

    def superseded(self, identity: bytes) -> DtlsKey | None:
        """The key of this identity, where it is its node's newest and older ones still live."""
        found = self._keys.get(identity)
        keys = [] if found is None else self._of_node[found.node]
        return found if len(keys) > 1 and keys[0] == found else None
