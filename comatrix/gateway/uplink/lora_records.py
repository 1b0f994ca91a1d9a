"""What a frame carries -> what to store, as for a request over UDP. Pure."""

from dataclasses import dataclass

from comatrix_lora.hub_events import Heard
from comatrix_lora.hub_events import Record as LoraRecord

from comatrix.codec import cbor, coap
from comatrix.codec.records import Hello
from comatrix.gateway.model import NewRecord, Node
from comatrix.gateway.uplink.ingest import Describe, Ingest, Note, Reply, Said, TellTime
from comatrix.gateway.uplink.node_schemas import readings_body


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Readings in a schema that is not known yet: kept as they came, until the node describes itself."""

    record: LoraRecord
    counter: int


@dataclass(slots=True)
class Told:
    """What one frame says. `refused`: what the node may not say, or not so; it is acknowledged, since it would only
    come again, and told to the operator."""

    records: list[NewRecord]
    unreadable: Unreadable | None = None
    hello: Hello | None = None
    description: bytes | None = None
    asks_time: bool = False
    refused: str = ""


def told(heard: Heard, node: Node, ingest: Ingest, received_ms: int) -> Told:
    """A frame of `node` -> what is to be done with it. Never raises for what a node sent."""
    found = Told([])
    for record in sorted(heard.records, key=lambda one: one.seq):
        if record.schema is not None and record.values is None:
            found.unreadable = Unreadable(record, heard.counter)
            continue
        body = record.body if record.values is None else readings_body(record.values)
        if body is None:
            continue
        said = Said(cbor.encode(record.seq) + body, heard.counter, heard.digest)
        decision = ingest.resource(record.resource, coap.POST, said, node, received_ms)
        if isinstance(decision, NewRecord):
            found.records.append(_aged(decision, record.age_ms))
        elif isinstance(decision, Note):
            found.hello = decision.hello
        elif isinstance(decision, Describe):
            found.description = decision.body
        elif isinstance(decision, TellTime):
            found.asks_time = True
        elif isinstance(decision, Reply):
            found.refused = f"{decision.code >> 5}.{decision.code & 31:02d}"
    return found


def _aged(record: NewRecord, age_ms: int) -> NewRecord:
    """A frame says how old its readings are; what a record says of itself goes before."""
    if record.measured_ms != record.received_ms:
        return record
    return record._replace(measured_ms=max(0, record.received_ms - age_ms))
