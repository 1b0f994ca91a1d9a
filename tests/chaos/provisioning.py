"""A gateway's secrets, rooms and nodes; also as a process, so that making them can be recorded."""

import json
import secrets
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

from comatrix.gateway.config.secrets import Secrets, write_secrets
from comatrix.gateway.edges.store import contexts, nodes, rooms
from comatrix.gateway.edges.store.store import Store
from tests.chaos.gateway_process import ROOT

DATABASE, SECRETS = "comatrix.db", "secrets.toml"
Known = tuple[int, bytes]  # a node's number and secret
Provision = Callable[[Path, Secrets, Sequence[str], int], list[Known]]


def provision(home: Path, account: Secrets, room_ids: Sequence[str], count: int) -> list[Known]:
    """`count` nodes spread over the rooms, each posting every reading."""
    write_secrets(home / SECRETS, account)
    with Store.open(home / DATABASE, int(time.time() * 1000)) as store:
        made = [store.write(partial(rooms.add, room_id=room_id)).id for room_id in room_ids]
        return [store.write(partial(_node, number=at, room=made[at % len(made)])) for at in range(count)]


def node_name(number: int) -> str:
    """Of the nodes made here, counted from 0."""
    return f"node-{number}"


def _node(connection: sqlite3.Connection, number: int, room: int) -> Known:
    node = nodes.add(connection, node_name(number), room, now_ms=0, post="every")
    secret = secrets.token_bytes(16)
    contexts.add(connection, node.number, "u", secret)
    return node.number, secret


def provision_by(
    before: Sequence[str], home: Path, account: Secrets, room_ids: Sequence[str], count: int
) -> list[Known]:
    """As `provision`, by a process of its own whose command is preceded by `before`."""
    given = {"home": str(home), "account": asdict(account), "room_ids": list(room_ids), "count": count}
    command = [*before, sys.executable, "-m", "tests.chaos.provisioning"]
    said = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, check=True, cwd=ROOT)
    return [(number, bytes.fromhex(secret)) for number, secret in json.loads(said.stdout)]


def main() -> None:
    """What to make as JSON from standard input, the nodes' secrets as JSON to standard output."""
    given = json.load(sys.stdin)
    known = provision(Path(given["home"]), Secrets(**given["account"]), given["room_ids"], given["count"])
    json.dump([[number, secret.hex()] for number, secret in known], sys.stdout)


if __name__ == "__main__":
    main()
