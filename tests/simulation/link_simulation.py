"""Nodes and a gateway over a seeded lossy link, in virtual time, alike on CPython and MicroPython.

`python tests/simulation/link_simulation.py [LOSS_PERCENT RECORDS NODES SEED]` prints what was sent, lost and delivered,
whether each record arrived exactly once and in order, and the SHA-256 of the whole transcript.
"""

import hashlib
import sys

from comatrix.codec import cbor, coap
from comatrix.codec.records import Readings, encode, split_untrusted
from comatrix.session.client import Client, Delivered, Reserve
from comatrix.session.counter import Counter
from comatrix.session.endpoint import Endpoint
from comatrix.session.exchange import Parameters
from comatrix.session.keys import Keys, node_id
from comatrix.session.replay import Window
from comatrix.session.server import Peer, Repeated, Request, Server
from comatrix.session.serving import ServingEndpoint

try:
    from comatrix_node.crypto import aead
except ImportError:
    from comatrix.gateway.aead import aead


class Generator:
    """A linear congruential generator: the same numbers on every interpreter (constants of Numerical Recipes)."""

    def __init__(self, seed):
        self.state = seed

    def __call__(self, n):
        self.state = (self.state * 1664525 + 1013904223) & 0xFFFFFFFF
        return (self.state >> 8) % n


class LossyLink:
    """Loses, doubles and delays datagrams; delivery in order of time, then of sending."""

    def __init__(self, random, loss_percent):
        self.random = random
        self.loss_percent = loss_percent
        self.flying = []
        self.sent = self.lost = self.number = 0

    def send(self, now, sender, receiver, data):
        for _ in range(2 if self.random(100) < 5 else 1):
            self.sent += 1
            if self.random(100) < self.loss_percent:
                self.lost += 1
                continue
            self.number += 1
            self.flying.append((now + 5 + self.random(60), self.number, sender, receiver, data))

    def next_time(self):
        return min([entry[0] for entry in self.flying]) if self.flying else None

    def arrived(self, now):
        ready = sorted([entry for entry in self.flying if entry[0] <= now])
        self.flying = [entry for entry in self.flying if entry[0] > now]
        return ready


class Directory:
    """The gateway's associations; what is on disk here is what was processed."""

    def __init__(self):
        self.peers = {}

    def add(self, number, secret):
        context = Keys(secret, b"", node_id(number), aead).context()
        self.peers[node_id(number)] = Peer(number, number, context, Window(), Counter(1, 1 << 20))

    def find(self, kid, kid_context):
        peer = self.peers.get(kid)
        if peer is None:
            return []
        if not peer.counter.ready():
            peer.counter.granted(peer.counter.wanted())
        return [peer]

    def turned_away(self, kid, addr):
        return "unknown node", None

    def plain(self, addr):
        return None

    def rekey(self, kid, kid_context, counter, sealed, now):
        return None


class Gateway:
    """A server that stores in memory and answers at once."""

    def __init__(self, random):
        self.directory = Directory()
        self.server = Server(ServingEndpoint(random), self.directory)
        self.log = []
        self.known = {}
        self.requests = {}

    def receive(self, data, addr, now):
        self.server.receive_datagram(data, addr, now)
        while True:
            event = self.server.next_event()
            if event is None:
                return
            if isinstance(event, Request):
                seq, value = split_untrusted(event.payload)
                key = (event.peer.node, event.counter if seq is None else seq)
                self.requests[(event.peer.node, event.counter)] = event.digest
                if key not in self.known:
                    self.known[key] = True
                    self.log.append((key[0], key[1], cbor.encode(value)))
                self.server.answer_stored(event, coap.CHANGED, b"", now)
            elif isinstance(event, Repeated):
                if self.requests.get((event.peer.node, event.counter)) == event.digest:
                    self.server.answer_fresh(event, coap.CHANGED, b"", now)
                else:
                    self.server.refuse(event.incoming, coap.UNAUTHORIZED, "Replay detected", now)


class SimulatedNode:
    """A node that posts readings one after the other."""

    def __init__(self, number, secret, records, random):
        keys = Keys(secret, node_id(number), b"", aead)
        endpoint = Endpoint(random, Parameters(ack_timeout_ms=200))
        self.client = Client(endpoint, "gateway", keys, Counter(1, 8), retry_ms=(200, 5000))
        self.left = records
        self.delivered = []
        self.number = number

    def work(self, now):
        while True:
            if self.client.open is None and self.left:
                self.left -= 1
                body = encode(Readings({0: 2000 + self.left, 1: 400 + self.number}))
                self.client.post("r", lambda now, body=body: body, now)
            event = self.client.next_event()
            if event is None:
                return
            if isinstance(event, Reserve):
                self.client.reserved(event.limit, now)
            elif isinstance(event, Delivered):
                self.delivered.append(event.seq)


def run(loss_percent, records, nodes, seed):
    """One simulation -> (report lines, hexadecimal digest, whether everything held)."""
    random = Generator(seed)
    link = LossyLink(random, loss_percent)
    gateway = Gateway(random)
    transcript = hashlib.sha256()
    all_nodes = []
    for number in range(1, nodes + 1):
        secret = hashlib.sha256(b"node %d" % number).digest()[:16]
        gateway.directory.add(number, secret)
        all_nodes.append(SimulatedNode(number, secret, records, random))
    now = 0
    while now < 100000000:
        for node in all_nodes:
            node.work(now)
            for data, _ in node.client.datagrams_to_send(now):
                transcript.update(b"%d>%d " % (now, node.number) + data)
                link.send(now, node.number, "gateway", data)
        for data, addr in gateway.server.datagrams_to_send(now):
            transcript.update(b"%d<%d " % (now, addr) + data)
            link.send(now, "gateway", addr, data)
        if all([len(node.delivered) == records for node in all_nodes]) and not link.flying:
            break
        times = [link.next_time(), gateway.server.next_deadline()] + [node.client.next_deadline() for node in all_nodes]
        now = max(now, min([time for time in times if time is not None]))
        for _, _, sender, receiver, data in link.arrived(now):
            if receiver == "gateway":
                gateway.receive(data, sender, now)
            else:
                all_nodes[receiver - 1].client.receive_datagram(data, sender, now)
        gateway.server.handle_timer(now)
        for node in all_nodes:
            node.client.handle_timer(now)
    good = True
    for node in all_nodes:
        seqs = [entry[1] for entry in gateway.log if entry[0] == node.number]
        good = good and seqs == sorted(seqs) and len(seqs) == records == len(node.delivered) and seqs == node.delivered
    digest = "".join(["%02x" % byte for byte in transcript.digest()])
    lines = [
        "sent %d, lost %d, virtual time %d ms" % (link.sent, link.lost, now),
        "records %d, exactly once and in order: %s" % (len(gateway.log), "yes" if good else "NO"),
    ]
    return lines, digest, good


def main():
    loss_percent, records, nodes, seed = [int(word) for word in sys.argv[1:5]] if len(sys.argv) > 4 else (20, 100, 3, 1)
    lines, digest, _ = run(loss_percent, records, nodes, seed)
    for line in lines:
        print(line)
    print(digest)


if __name__ == "__main__":
    main()
