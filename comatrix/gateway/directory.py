"""What the gateway knows of its nodes while it runs: read from the store, again when a person changed something."""

import sqlite3
from typing import TYPE_CHECKING

from comatrix.gateway.edges.store import contexts, dtls_keys, grants, nodes, records, rooms
from comatrix.gateway.edges.store.store import Store
from comatrix.gateway.model import LORA, Node, Room
from comatrix.gateway.uplink.associations import Associations
from comatrix.gateway.uplink.dtls_keys import DtlsKeys

if TYPE_CHECKING:
    from comatrix.gateway.uplink.lora_contexts import LoraContexts


class Directory:
    """Nodes by number, their rooms, the next seq of those that count none. Keeps `associations`, `dtls_keys`
    and `lora` in step."""

    def __init__(self, store: Store, associations: Associations, lora: "LoraContexts | None" = None) -> None:
        self._store = store
        self._associations = associations
        self._lora = lora
        self.dtls_keys = DtlsKeys()
        self._nodes: dict[int, Node] = {}
        self._rooms: dict[tuple[int, int], int] = {}
        self._room_ids: dict[str, Room] = {}
        self._grants: set[grants.Pair] = set()
        self._next_seq: dict[int, int] = {}
        self.reload_rooms()
        for node in store.read(lambda connection: nodes.all_nodes(connection, revoked=True)):
            self._take(node)

    def changed(self, what: str, key: int) -> None:
        """A person changed a "node" (its number) or a "room"."""
        self.reload_rooms()
        if what == "node":
            node = self._store.read(lambda connection: nodes.by_number(connection, key))
            if node is not None:
                self._take(node)

    def reload_rooms(self) -> None:
        """Rooms and which small integers mean them, and who may tell whom."""
        self._grants = self._store.read(grants.all_grants)
        self._rooms = self._store.read(nodes.bound_rooms)
        self._room_ids = {room.room_id: room for room in self._store.read(rooms.all_rooms)}

    def node(self, number: int) -> Node | None:
        """A node that may speak, or None."""
        return self._nodes.get(number)

    def name(self, number: int) -> str | None:
        """A node's name for a line to the operator."""
        node = self._nodes.get(number)
        return None if node is None else node.name

    def room(self, node: int, number: int) -> int | None:
        """The row id of the room a node means by a small integer, or None."""
        return self._rooms.get((node, number))

    def granted(self, sender: int, receiver: int) -> bool:
        """Whether a node may send texts to another, which is not revoked."""
        return (sender, receiver) in self._grants and receiver in self._nodes

    def room_by_id(self, room_id: str) -> Room | None:
        """The configured room with this Matrix id."""
        return self._room_ids.get(room_id)

    def next_seq(self, number: int) -> int:
        """The next seq of a node whose records carry none."""
        if number not in self._next_seq:
            node = self._nodes[number]
            self._next_seq[number] = self._store.read(
                lambda connection: records.highest_seq(connection, (number, node.enrolment))
            )
        self._next_seq[number] += 1
        return self._next_seq[number]

    def highest_seq(self, node: Node) -> int:
        """The highest seq stored for a node's enrolment, -1 for none."""
        return self._store.read(lambda connection: records.highest_seq(connection, (node.number, node.enrolment)))

    def _take(self, node: Node) -> None:
        known = self._nodes.get(node.number)
        if known is None or known.enrolment != node.enrolment:
            self._next_seq.pop(node.number, None)  # else kept: records that took a seq may not be in the log yet
        if node.revoked:
            self._nodes.pop(node.number, None)
        else:
            self._nodes[node.number] = node

        def living(connection: sqlite3.Connection) -> None:
            found = contexts.living(connection, node.number)
            if node.link != LORA:
                self._associations.load(node, found)
                self.dtls_keys.load(node, dtls_keys.of_node(connection, node.number))
            elif self._lora is not None:
                self._lora.load(node, found)

        self._store.read(living)
