"""What receiving over LoRa needs of the store, beside what it needs over UDP."""

import sqlite3

from comatrix_lora.errors import FrameError
from comatrix_lora.hub_node import Profile
from comatrix_lora.schema import Schema

from comatrix.gateway.edges.store import descriptions, known, lora, status
from comatrix.gateway.edges.store.reception import Reception
from comatrix.gateway.edges.store.store import Store
from comatrix.gateway.model import LORA, NewRecord, Node
from comatrix.gateway.provisioning import DEFAULT_INTERVAL_S
from comatrix.gateway.uplink.lora_records import Unreadable
from comatrix.gateway.uplink.node_schemas import schemas_of, unpack_raw_untrusted

BLOCKS = 2  # of 1,024 seqs: as many as the hub remembers of a node


class LoraReception(Reception):
    """The store as the LoRa receiver sees it."""

    link = LORA

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._lora_store = store

    def profile(self, node: Node) -> Profile:
        """What the hub has to know of a node that it meets."""

        def look(connection: sqlite3.Connection) -> Profile:
            whose = (node.number, node.enrolment)
            seqs = known.newest(connection, whose, BLOCKS)
            interval_s = status.of(connection, node.number).wake_interval_s or DEFAULT_INTERVAL_S
            schemas = schemas_of(descriptions.body(connection, node.number))
            return Profile(1000 * interval_s, schemas, seqs, seqs, seqs[-1] if seqs else -1)

        return self._lora_store.read(look)

    async def keep_unread(self, node: Node, said: Unreadable, received_ms: int) -> None:
        """Readings in a schema that is not known. Raises StoreError."""
        record = said.record
        assert record.schema is not None
        one = lora.Unread(
            node.number,
            node.enrolment,
            said.counter,
            record.schema,
            record.seqs,
            record.body,
            max(0, received_ms - record.age_ms),
            received_ms,
        )

        await self._lora_store.run(lambda connection: lora.keep(connection, one), refusable=True)

    def unread(self, node: Node) -> list[tuple[int, list[NewRecord]]]:
        """Frames whose schema is known by now: the row of each, and what it says. Forget a row once that is stored."""

        def look(connection: sqlite3.Connection) -> list[tuple[int, list[NewRecord]]]:
            profile = self.profile(node)
            found = []
            for one in lora.of(connection, node.number):
                schema = profile.schemas.get(one.schema)
                if schema is not None and one.enrolment == node.enrolment:
                    found.append((one.id, _readings(one, schema, profile.interval_ms, node.room)))
            return found

        return self._lora_store.read(look)

    async def forget_unread(self, ids: list[int]) -> None:
        """They are in the log. Raises StoreError."""
        await self._lora_store.run(lambda connection: lora.forget(connection, ids), refusable=True)


def _readings(one: lora.Unread, schema: Schema, interval_ms: int, room: int) -> list[NewRecord]:
    """What a frame said, oldest first; what is no reading of the schema after all says nothing."""
    try:
        said = unpack_raw_untrusted(schema, one.body, one.seqs)
    except FrameError:
        return []
    found = []
    for seq, body in said:
        if body is not None:
            measured_ms = max(0, one.measured_ms - (one.seqs[0] - seq) * interval_ms)
            found.append(
                NewRecord(
                    one.node, one.enrolment, seq, room, "readings", body, measured_ms, one.received_ms, one.counter
                )
            )
    return found[::-1]
