"""What is fuzzed: for each `_untrusted` function how arguments are made of bytes, and what must hold of its result.

A target's `call` may raise the errors it declares and nothing else. `seeds` names the layers of the vectors that its
corpus begins with. Hypothesis (test_untrusted.py) and atheris (`make fuzz`) both work from this one table.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from comatrix_lora.errors import FrameError, LoraError

from comatrix.codec import cbor, cbor_foreign, coap, options, record_types, records
from comatrix.codec.record_types import Readings
from comatrix.errors import BadOptionError, CborError, MessageFormatError, OscoreError, RecordError
from comatrix.gateway.aead import aead
from comatrix.gateway.cli import record_json
from comatrix.gateway.downlink.grammar import GrammarError
from comatrix.gateway.edges.coap_client.errors import BrokenAnswerError
from comatrix.gateway.edges.dtls.hello import HelloError
from comatrix.gateway.errors import StoreError, UsageError
from comatrix.gateway.flashing.procedure import BoardError
from comatrix.session import blockwise, keys, oscore
from comatrix.session.fetching import BlockError
from tests.fuzz import (
    block_targets,
    coap_client_targets,
    dtls_server_targets,
    dtls_targets,
    file_targets,
    payload_targets,
    radio_targets,
    schema_targets,
    word_targets,
)
from tests.fuzz import fragment_targets as fragments
from tests.fuzz import lora_frame_targets as lora_frames
from tests.fuzz import lora_link_targets as lora_links
from tests.fuzz import lora_targets as lora
from tests.fuzz import matrix_targets as matrix
from tests.fuzz import rekeying_targets as new_keys
from tests.fuzz.server_under_fire import serve

SECRET = bytes(range(16))
NODE = keys.Keys(SECRET, b"\x01", b"", aead).context()
GATEWAY = keys.Keys(SECRET, b"", b"\x01", aead).context()


@dataclass(frozen=True, slots=True)
class Target:
    """`name`: as discovery.py calls the function."""

    name: str
    call: Callable[[bytes], None]
    errors: tuple[type[Exception], ...] = ()
    seeds: tuple[str, ...] = ()

    def run(self, data: bytes) -> None:
        """Call it; what it declares is its answer. Anything else that is raised is a bug."""
        try:
            self.call(data)
        except self.errors:
            return


def _cbor(data: bytes) -> None:
    value = cbor.decode_untrusted(data)
    again = cbor.encode(value)
    assert len(again) <= len(data)
    assert cbor.decode_untrusted(again) == value


def _cbor_sequence(data: bytes) -> None:
    values = cbor.decode_sequence_untrusted(data)
    assert cbor.decode_sequence_untrusted(b"".join(cbor.encode(value) for value in values)) == values


def _cbor_foreign(data: bytes) -> None:
    value = cbor_foreign.decode_untrusted(data)
    assert cbor_foreign.decode_untrusted(cbor.encode(value)) == value


def _split(data: bytes) -> None:
    seq, value = records.split_untrusted(data)
    again = (b"" if seq is None else cbor.encode(seq)) + cbor.encode(value)
    assert records.split_untrusted(again) == (seq, value)


def _open(data: bytes) -> None:
    seq, value, body = records.open_untrusted(data)
    assert data == (b"" if seq is None else cbor.encode(seq)) + body
    assert cbor.decode_untrusted(body) == value


def _readings(data: bytes) -> None:
    seq, said, body = records.readings_untrusted(data)
    assert data.endswith(body)
    assert records.readings_untrusted(records.encode(said, seq))[:2] == (seq, said)
    assert records.readings_untrusted(body)[1] == said == Readings(said.values, said.age_s, said.beyond)


def _answer(data: bytes) -> None:
    answer = record_types.read_answer_untrusted(data)
    assert record_types.read_answer_untrusted(answer.encode()) == answer


def _supported(data: bytes) -> None:
    """Bytes: (number, one or two bytes), (length), value, again and again; in any order, which the wire cannot have."""
    given = []
    while len(data) > 3:
        number, size = int.from_bytes(data[:2], "big") % 300, data[2]
        given.append((number, data[3 : 3 + size]))
        data = data[3 + size :]
    handled = (options.URI_PATH, options.OSCORE, options.ECHO, options.ETAG, options.ACCEPT, 2049)
    found = options.supported_untrusted(given, handled)
    assert set(found) <= set(handled)
    for number, values in found.items():
        _, shortest, longest, repeatable = options.TABLE[number]
        assert all(shortest <= len(value) <= longest for value in values)
        assert repeatable or len(values) == 1


def _message(data: bytes) -> None:
    message = coap.decode_untrusted(data)
    assert coap.encode(message) == data
    assert len(message.token) <= 8 and len(message.options) <= coap.MAX_OPTIONS


def _peek(data: bytes) -> None:
    found = coap.peek_untrusted(data)
    if found is not None:
        kind, code, mid = found
        assert bytes((0x40 | kind << 4 | data[0] & 15, code, mid >> 8, mid & 255)) == data[:4]


def _body(data: bytes) -> None:
    at = data[0] % (len(data) + 1) if data else 0
    assert coap.encode_body(*coap.decode_body_untrusted(data, at)) == data[at:]


def _block(data: bytes) -> None:
    number, more, size = blockwise.read_block_untrusted(data)
    assert 0 <= number < 1 << 20 and 16 <= size <= 1024
    whole = number << 4 | more << 3 | size.bit_length() - 5
    assert whole == int.from_bytes(data, "big")
    assert blockwise.read_block_untrusted(whole.to_bytes(3, "big")) == (number, more, size)


def _option(data: bytes) -> None:
    counter, kid, kid_context = oscore.read_option_untrusted(data)
    assert oscore.option_value(counter, kid, kid_context) == data


def _request(data: bytes) -> None:
    """First byte odd: the rest is the ciphertext; even: what stands under the seal."""
    counter = int.from_bytes(data[1:6], "big")
    nonce = (NODE.sender_base ^ counter).to_bytes(13, "big")
    plain = data[6:]
    aad = oscore.Binding(NODE.sender_id, counter, nonce).aad
    sealed = plain if data[:1] and data[0] & 1 else NODE.sender.seal(nonce, aad, plain)
    code, found, payload, binding = oscore.unprotect_request_untrusted(GATEWAY, counter, sealed)
    assert bytes((code,)) + coap.encode_body(found, payload) == plain
    assert (binding.counter, binding.nonce) == (counter, nonce)


def _response(data: bytes) -> None:
    """As `_request`; the second bit says whether the answer has a counter of its own."""
    first = data[0] if data else 0
    counter = int.from_bytes(data[1:6], "big") if first & 2 else None
    plain = data[6:]
    binding = oscore.Binding(NODE.sender_id, 7, (NODE.sender_base ^ 7).to_bytes(13, "big"))
    nonce = binding.nonce if counter is None else (GATEWAY.sender_base ^ counter).to_bytes(13, "big")
    sealed = plain if first & 1 else GATEWAY.sender.seal(nonce, binding.aad, plain)
    code, found, payload = oscore.unprotect_response_untrusted(NODE, binding, counter, sealed)
    assert bytes((code,)) + coap.encode_body(found, payload) == plain


def _unwrap(data: bytes) -> None:
    size = keys.NONCE << (data[0] & 1) if data else keys.NONCE
    assert keys.wrap(keys.unwrap_untrusted(data[1:], size)) == data[1:]


def _in_one_order(value: dict[str, Any]) -> dict[str, Any]:
    """Readings are a map: whoever encodes them sorts them."""
    if value["record"] != "readings":
        return value
    return value | {"readings": sorted(value["readings"], key=lambda part: int(part["word"]))}


def _record_json(data: bytes) -> None:
    resources = (None, *record_json.RESOURCES)
    resource = resources[data[0] % len(resources)] if data else None
    value = record_json.decode_untrusted(data[1:], resource)
    again = record_json.encode(json.loads(json.dumps(value)))
    assert _in_one_order(record_json.decode_untrusted(again, resource)) == _in_one_order(value)
    if resource == "answer":
        assert record_types.read_answer_untrusted(again) == record_types.read_answer_untrusted(data[1:])


WIRE = (CborError, RecordError)
TARGETS = (
    Target("cbor.decode_untrusted", _cbor, (CborError,), ("cbor",)),
    Target("cbor.decode_sequence_untrusted", _cbor_sequence, (CborError,), ("cbor",)),
    Target("cbor_foreign.decode_untrusted", _cbor_foreign, (CborError,), ("cbor",)),
    Target("records.split_untrusted", _split, WIRE, ("cbor", "records")),
    Target("records.open_untrusted", _open, WIRE, ("cbor", "records")),
    Target("records.readings_untrusted", _readings, WIRE, ("cbor", "records")),
    Target("record_types.read_answer_untrusted", _answer, WIRE, ("cbor", "records")),
    Target("record_json.decode_untrusted", _record_json, WIRE, ("records",)),
    Target("options.supported_untrusted", _supported, (BadOptionError,)),
    Target("coap.decode_untrusted", _message, (MessageFormatError,), ("coap", "oscore", "block")),
    Target("coap.peek_untrusted", _peek, (), ("coap",)),
    Target("coap.decode_body_untrusted", _body, (MessageFormatError,), ("coap",)),
    Target("blockwise.read_block_untrusted", _block, (ValueError,)),
    Target("fetching.take_untrusted", block_targets.fetched, (BlockError,)),
    Target("oscore.read_option_untrusted", _option, (OscoreError,), ("oscore options",)),
    Target("oscore.unprotect_request_untrusted", _request, (OscoreError, MessageFormatError), ("coap",)),
    Target("oscore.unprotect_response_untrusted", _response, (OscoreError, MessageFormatError), ("coap",)),
    Target("keys.unwrap_untrusted", _unwrap, (OscoreError,), ("oscore options",)),
    Target("changes.changes_untrusted", matrix.of_json(matrix.sync), (), ("sync",)),
    Target("heard.fit_untrusted", matrix.of_json(matrix.pushed), (), ("sync",)),
    Target("heard.service_body_untrusted", matrix.of_json(matrix.service), (), ("sync",)),
    Target("heard.since_join_untrusted", matrix.of_json(matrix.since_join), (), ("sync",)),
    Target("heard.page_since_join_untrusted", matrix.of_json(matrix.page), (), ("sync",)),
    Target("hearing.heard_untrusted", matrix.of_json(matrix.typed), (), ("sync",)),
    Target("hearing.events_untrusted", matrix.of_json(matrix.events), (), ("sync",)),
    Target("grants.powers_untrusted", matrix.of_json(matrix.powers), (), ("sync",)),
    Target("node_state.is_news_untrusted", matrix.of_json(matrix.node_state), (), ("sync",)),
    Target("picturing._mxc_untrusted", matrix.of_json(matrix.mxc), (), ("sync",)),
    Target("upgrades._predecessor_untrusted", matrix.of_json(matrix.predecessor), (), ("sync",)),
    Target("session.successor_untrusted", matrix.of_json(matrix.successor), (), ("sync",)),
    Target("answer.read_answer_untrusted", matrix.http, (), ("answers",)),
    Target("addressing.asked_untrusted", word_targets.asked, (), ("commands",)),
    Target("descriptions.described_untrusted", word_targets.described, (), ("cbor", "records")),
    Target("node_schemas.announced_untrusted", schema_targets.announced, WIRE, ("descriptions",)),
    Target("node_schemas.unpack_raw_untrusted", schema_targets.unpack_raw, (FrameError,), ("lora readings",)),
    Target("fragment_format.decode_fragment_untrusted", fragments.fragment, (FrameError,)),
    Target("fragment_format.decode_feedback_untrusted", fragments.feedback, (FrameError,)),
    Target("fragment_receiver.receive_untrusted", fragments.receive, (FrameError, LoraError)),
    Target("header.parse_untrusted", lora_frames.header, (FrameError,), ("lora frames",)),
    Target("frame.Peer.open_untrusted", lora_frames.peer, (FrameError,), ("lora frames", "lora rules")),
    Target("frame.open_untrusted", lora_frames.everybody, (FrameError,), ("lora frames", "lora rules")),
    Target("rules.decode_untrusted", lora.rule, (FrameError,), ("lora rules",)),
    Target("schema.value_untrusted", lora.value, (FrameError,)),
    Target("schema.unpack_untrusted", lora.unpack, (FrameError,), ("lora readings",)),
    Target("schema.from_list_untrusted", lora.schema_list, (FrameError,), ("lora schemas",)),
    Target("schema.decode_older_untrusted", lora.older, (FrameError,), ("lora readings",)),
    Target("schema.readings_untrusted", lora.readings, (FrameError,), ("lora readings",)),
    Target("readings.read_untrusted", lora.readings_of, (FrameError,), ("lora rules",)),
    Target("hub_node.read_untrusted", lora.hub_node, (), ("lora rules",)),
    Target("received.carried_untrusted", lora.carried, (ValueError,)),
    Target("ledger.Ledger.load_untrusted", lora.ledger, (), ("ledger",)),
    Target("ledger_dump.read_untrusted", lora.ledger_dump, (ValueError,), ("ledger",)),
    Target("ledger.Ledgers.load_untrusted", lora.ledgers, (), ("ledgers",)),
    Target("hub._opened_untrusted", new_keys.hub_opened, (FrameError,), ("lora new keys",)),
    Target("hub._heard_untrusted", new_keys.hub_heard, (FrameError,)),
    Target("hub_rekeying.offer_untrusted", new_keys.offer, (FrameError,), ("lora new keys",)),
    Target("hub_rekeying._first_untrusted", new_keys.first, (FrameError,), ("lora new keys",)),
    Target("hub_rekeying._request_untrusted", new_keys.request, (FrameError,), ("lora new keys",)),
    Target("hub_rekeying._check_untrusted", new_keys.check, (FrameError,), ("lora rules",)),
    Target("hub_rekeying.accept_untrusted", new_keys.accept, (FrameError,), ("lora new keys",)),
    Target("rekeying.receive_untrusted", new_keys.response, (FrameError,), ("lora new keys",)),
    Target("incoming.receive_untrusted", fragments.item, (FrameError,), ("lora items",)),
    Target("foreign_cbor.decode_untrusted", payload_targets.cbor_value, (CborError,), ("cbor", "payloads")),
    Target("strict_json.decode_untrusted", payload_targets.json_value, (RecordError,), ("payloads",)),
    Target("named.read_cbor_untrusted", payload_targets.cbor_map, WIRE, ("payloads",)),
    Target("named.read_json_untrusted", payload_targets.json_map, (RecordError,), ("payloads",)),
    Target("senml.read_cbor_untrusted", payload_targets.senml_cbor, WIRE, ("payloads",)),
    Target("senml.read_json_untrusted", payload_targets.senml_json, (RecordError,), ("payloads",)),
    Target("text.read_untrusted", payload_targets.number, (RecordError,), ("payloads",)),
    Target("cayenne.read_untrusted", payload_targets.lpp, (RecordError,), ("payloads",)),
    Target("hello.read_hello_untrusted", dtls_server_targets.hello, (HelloError,), ("dtls",)),
    Target("about.literal_untrusted", file_targets.literal, (BoardError,)),
    Target("wanted.config_untrusted", file_targets.configuration, (UsageError,)),
    Target("raw_repl.receive_untrusted", file_targets.repl),
    Target("node_image.offset_untrusted", file_targets.image),
    Target("snapshot.judge_untrusted", file_targets.database, (StoreError,)),
    Target("archive.extract_untrusted", file_targets.archive, (UsageError, OSError)),
    Target("security.PlainRequest.open_untrusted", coap_client_targets.plain, (), ("coap",)),
    Target("security.Sealed.open_untrusted", coap_client_targets.sealed, (BrokenAnswerError,), ("oscore",)),
    Target("link.Link.open_untrusted", coap_client_targets.dtls, (), ("dtls",)),
    Target("link.Bare.open_untrusted", coap_client_targets.bare),
    Target("link.Dtls.open_untrusted", coap_client_targets.dtls, (), ("dtls",)),
    Target("fresh_keys.open_untrusted", coap_client_targets.sealed, (BrokenAnswerError,), ("oscore",)),
    Target("grammar.read_untrusted", word_targets.command, (GrammarError,), ("commands",)),
    Target("rylr.next_untrusted", radio_targets.rylr),
    Target("rak3172.read_untrusted", radio_targets.rak),
    Target("modem_rylr.next_untrusted", radio_targets.modem_rylr),
    Target("modem_rak.read_untrusted", radio_targets.modem_rak),
    Target("dtls_record.records_untrusted", dtls_targets.records, (), ("dtls",)),
)
SERVER = Target("receiving", serve, (), ("coap", "oscore", "server"))
BLOCKS = Target("block-wise", block_targets.transfers)
OBSERVATIONS = Target("observing", block_targets.observing)
HUB = Target("hub", lora_links.hub, (), ("lora said",))
STATION = Target("station", lora_links.station, (), ("lora said",))
DTLS_CLIENT = Target("dtls client", dtls_targets.client, (), ("dtls",))
DTLS_SERVER = Target("dtls server", dtls_server_targets.peers, (), ("dtls server",))
EVERY = (*TARGETS, SERVER, BLOCKS, OBSERVATIONS, HUB, STATION, DTLS_CLIENT, DTLS_SERVER)
