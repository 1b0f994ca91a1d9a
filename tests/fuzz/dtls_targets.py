"""What must hold of the node's DTLS client, whatever comes: no crash, bounded memory, nothing believed unproven."""

import random
from functools import cache

from comatrix_node.dtls import FINISHING, HELLO, OPEN, Client
from comatrix_node.dtls_record import Records

from comatrix.gateway.aead import aead
from tests.support.dtls_scripted import ScriptedServer

IDENTITY = b"garden"
PSK = bytes(range(16))
_NOW = 1000


def records(data: bytes) -> None:
    """records_untrusted: without keys only plain records come out, with them only sealed ones that are genuine."""
    found = list(Records().records_untrusted(data))
    assert sum(13 + len(body) for _, _, body in found) <= len(data)
    assert not [one for one in found if one[1]]
    opener = Records()
    opener.take_keys(bytes(40), aead)
    list(opener.records_untrusted(data))
    assert opener.highest >= -1


def _made(timeout_ms: int = 1000) -> Client:
    chance = random.Random(5)
    return Client(IDENTITY, PSK, chance.randrange, aead, timeout_ms)


def advanced(state: int, server: ScriptedServer | None = None) -> tuple[Client, list[bytes]]:
    """A client brought to that state by an honest server, and the datagrams it heard on the way, and then would."""
    server = server or ScriptedServer(PSK, bytes(32))
    client = _made()
    client.connect(0)
    heard: list[bytes] = []
    waiting = [answer for out in client.datagrams_to_send(0) for answer in server.receive(out)]
    while waiting and client.state < state:
        heard += waiting
        for record in waiting:
            client.receive_datagram(record, 0)
        waiting = [answer for out in client.datagrams_to_send(0) for answer in server.receive(out)]
    if client.state == OPEN:
        client.next_event()
        waiting = [server.record(23, b"genuine", 1), server.record(21, b"\1\0", 1)]
    return client, heard + waiting


@cache
def _open() -> tuple[Client, list[bytes]]:
    return advanced(OPEN)


def genuine(state: int) -> list[bytes]:
    """Datagrams of honest servers, for each state."""
    return advanced(state)[1]


def hear(client: Client, datagrams: list[bytes]) -> None:
    """Feed them; what is unproven must have no effect beyond the handshake it may spoil."""
    before = client.state
    for datagram in datagrams:
        client.receive_datagram(datagram, _NOW)
        client.handle_timer(_NOW)
        out = client.datagrams_to_send(_NOW)
        assert sum(map(len, out)) < 1500
        assert sum(len(one.body) for one in client.partial.values()) <= 1024
        assert len(client.transcript) < 2048
    assert client.next_event() is None
    assert client.state == before or (before == HELLO and client.state == FINISHING)


def _cut(data: bytes) -> list[bytes]:
    """Datagrams, a length in front of each."""
    found = []
    while data:
        found.append(data[1 : 1 + data[0]])
        data = data[1 + data[0] :]
    return found[:100]


def client(data: bytes) -> None:
    """The client in each of its states, with datagrams cut from `data`; a forger has no key."""
    state = data[0] % 3 if data else 0
    datagrams = _cut(data[1:])
    if state == 2:
        hear(_open()[0], datagrams)  # nothing may change in it, so one does for all
    else:
        hear(advanced(HELLO if state == 0 else FINISHING)[0], datagrams)
