"""coaps://: whose key is used, and what becomes of a handshake in words."""

import json
import shlex
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from comatrix.codec import cbor
from comatrix.gateway.cli.coap_node import free_seqs
from comatrix.gateway.cli.coap_uri import Target
from comatrix.gateway.cli.node_lookup import look_at
from comatrix.gateway.config.private_file import read_private
from comatrix.gateway.edges.coap_client.errors import NoHandshake
from comatrix.gateway.edges.store import dtls_keys, status
from comatrix.gateway.errors import GatewayError, Unreachable, UsageError
from comatrix.gateway.model import Node
from comatrix.gateway.provisioning import check_identity

HELP = "comatrix coap get --help"
MOST_KEY_BYTES = 64
MOST_FILE_BYTES = 65_536
MOST_RECORD_BYTES = 1024  # in one message; what comes in blocks has no seq
UNSIGNED = 0  # the major type of a seq (RFC 8949 section 3.1)
# Alerts (RFC 5246 section 7.2, RFC 4279 section 2)
BAD_RECORD_MAC, HANDSHAKE_FAILURE, DECRYPT_ERROR, PROTOCOL_VERSION, INSUFFICIENT, UNKNOWN_IDENTITY = (
    20, 40, 51, 70, 71, 115,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PskSpeaker:
    """Who speaks over DTLS. `node`: its name, where it is one of the registry; `seqs`: numbers its board does not use,
    ascending, None where it counts none itself."""

    identity: bytes
    key: bytes = field(repr=False)
    node: str | None = None
    seqs: Iterable[int] | None = None

    def record(self, body: bytes, content_format: int | None) -> bytes:
        """What is posted: the number of a board that counts stands in front. Raises GatewayError."""
        if self.seqs is None or (body and body[0] >> 5 == UNSIGNED and content_format is None):
            return body
        if content_format is not None or len(body) > MOST_RECORD_BYTES:
            raise UsageError(
                f"{self.node} numbers its records, and this one could have no number: one of its own would be lost.",
                "comatrix coap post --help",
            )
        seq = next(iter(self.seqs), None)
        if seq is None:
            raise GatewayError(
                f"No number is free for a record that {self.node} itself will not use: its own record would be lost.",
                "comatrix node add OTHER --room ROOM --security dtls",
            )
        return cbor.encode(seq) + body


def psk_speaker(database: Path, name: str | None, identity: str | None, file: Path | None) -> PskSpeaker:
    """Of the node called so, or with the key of a file. Raises UsageError, StoreError."""
    if name is not None and (identity is not None or file is not None):
        raise UsageError("Give --node, or --psk-identity with --psk-file, not both.", HELP)
    if name is not None:
        return _of_node(database, name)
    if file is None:
        raise UsageError("coaps:// needs --node, or --psk-identity and --psk-file.", HELP)
    return _of_file(file, identity)


def _of_node(database: Path, name: str) -> PskSpeaker:
    def read(connection: sqlite3.Connection, node: Node) -> tuple[list[Any], Iterable[int] | None]:
        counts = status.of(connection, node.number).firmware is not None  # it said hello: a board of ours
        return dtls_keys.of_node(connection, node.number), free_seqs(connection, node, 0)[1] if counts else None

    node, (keys, seqs) = look_at(database, name, "nodes", read)
    if not keys:
        raise UsageError(f"{node.name} has no key for DTLS.", f"comatrix node show {node.name}")
    oldest = keys[-1]  # one that is heard ends those before it: a board that has not got its new key yet would be lost
    return PskSpeaker(oldest.identity, oldest.key, node.name, seqs)


def _of_file(file: Path, identity: str | None) -> PskSpeaker:
    """A node's configuration file, or a key in hexadecimal."""
    try:
        text = read_private(file)[:MOST_FILE_BYTES].decode()
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "not text"
        raise UsageError(f"{file} cannot be read: {said}.", HELP) from None
    if text.lstrip().startswith("{"):
        named, text = _of_configuration(file, text)
        identity = named if identity is None else identity
    if identity is None:
        raise UsageError(f"{file} holds a key alone: whose it is, --psk-identity says.", HELP)
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if not 1 <= len(key) <= MOST_KEY_BYTES:
        raise UsageError(
            f"{file} holds no key of 1 to {MOST_KEY_BYTES} bytes in hexadecimal.",
            f"xxd -p -c 64 {shlex.quote(str(file))} > key.hex, if it is the key's bytes",
        )
    try:
        return PskSpeaker(check_identity(identity), key)
    except ValueError as error:
        raise UsageError(f"A PSK identity {error}, not {identity!a}.", HELP) from None


def _of_configuration(file: Path, text: str) -> tuple[str, str]:
    """-> identity, key."""
    try:
        values = json.loads(text)
        identity, key = values["psk_identity"], values["psk"]
    except (ValueError, KeyError, RecursionError):
        identity = key = None
    if not isinstance(identity, str) or not isinstance(key, str):
        raise UsageError(f"{file} is no configuration of a node over DTLS.", "comatrix node add --help")
    return identity, key


def handshake_error(
    error: NoHandshake, target: Target, timeout_s: float, who: PskSpeaker | None, look: str
) -> GatewayError:
    """In words. `look`: what to type to see how the other side is."""
    where = f"{target.host} port {target.port}"
    identity = "" if who is None else who.identity.decode(errors="replace")
    if error.stood:
        return Unreachable(f"{where} ended the DTLS association.", look)
    if error.alert == UNKNOWN_IDENTITY:
        return GatewayError(f"{where} knows no PSK identity {identity!a}.", "comatrix node list")
    if error.alert in (BAD_RECORD_MAC, DECRYPT_ERROR) or (error.alert is None and error.asked):
        silent = f"{where} fell silent when it was shown this key of {identity!a}: it is wrong, most likely."
        refused = f"{where} does not take this key of {identity!a}."
        return GatewayError(silent if error.alert is None else refused, _other_key(who, look))
    if error.alert in (HANDSHAKE_FAILURE, INSUFFICIENT):
        return GatewayError(
            f"{where} takes none of our cipher suites with a pre-shared key; it may want certificates.",
            f"openssl s_client -dtls1_2 -connect {_host(target)}:{target.port}",
        )
    if error.alert == PROTOCOL_VERSION:
        return GatewayError(f"{where} does not speak DTLS 1.2.", look)
    if error.alert is not None:
        return GatewayError(f"{where} refused the handshake (alert {error.alert}).", look)
    if error.heard:
        return Unreachable(f"The handshake with {where} came to nothing within {timeout_s:g} s.", look)
    return Unreachable(f"No answer from {where} within {timeout_s:g} s: nothing there speaks DTLS.", look)


def _other_key(who: PskSpeaker | None, look: str) -> str:
    return look if who is None or who.node is None else f"comatrix node show {who.node}"


def _host(target: Target) -> str:
    return f"[{target.host}]" if ":" in target.host else target.host
