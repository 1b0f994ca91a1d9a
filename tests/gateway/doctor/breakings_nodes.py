"""What can be wrong with nodes, with who knocks, and with what waits."""

from typing import Any

from comatrix.codec import coap
from comatrix.codec.option_numbers import URI_PATH
from comatrix.codec.records import Readings
from comatrix.gateway.edges.store import nodes, rooms, status
from tests.gateway.doctor.breakings import breaking
from tests.gateway.doctor.patient import SECRET, Patient, now_ms
from tests.gateway.test_receiver import Sender

HOUR_MS = 3_600_000
SHOW = "comatrix node show garden"
READING = Readings({0: 2137})


@breaking("nodes.none", "comatrix node add garden --room ROOM", also=("rooms.none",))
def no_node(patient: Patient) -> None:
    patient.write(lambda connection: nodes.revoke(connection, 1))


@breaking("nodes.never", SHOW)
def node_in_a_drawer(patient: Patient) -> None:
    def forget(connection: Any) -> None:
        connection.execute("DELETE FROM node_status")
        connection.execute("UPDATE node SET created_ms = ?", (now_ms() - HOUR_MS,))

    patient.write(forget)


@breaking("nodes.silent", SHOW)
def battery_empty(patient: Patient) -> None:
    heard = status.NodeStatus(1, last_seen_ms=now_ms() - 3 * HOUR_MS)
    patient.write(lambda connection: status.update(connection, heard))


@breaking("nodes.blocked", "comatrix node unblock garden")
def node_blocked(patient: Patient) -> None:
    patient.write(lambda connection: nodes.block(connection, 1, True))


@breaking("nodes.dropped", SHOW)
def queue_of_the_node_overflowed(patient: Patient) -> None:
    patient.write(lambda connection: status.update(connection, status.NodeStatus(1, dropped=3)))


@breaking("nodes.dtls", 'set [dtls] listen = "[::]:5684", then: comatrix config check')
def node_over_dtls_and_nobody_listens(patient: Patient) -> None:
    def add(connection: Any) -> None:
        room = rooms.all_rooms(connection)[0]
        nodes.add(connection, "shed", room.id, now_ms=now_ms(), security="dtls")

    patient.write(add)
    patient.start()


def _knock(patient: Patient, datagrams: list[bytes], reason: str) -> None:
    gateway = patient.start()
    for datagram in datagrams:
        patient.send(gateway.port, datagram)
    gateway.until(lambda live: any(event["reason"] == reason for event in live["security"]))


@breaking("nodes.key", "comatrix node rotate garden")
def node_with_old_keys(patient: Patient) -> None:
    _knock(patient, [Sender(1, bytes(16)).request(20, record=READING)], "wrong key")


@breaking("nodes.stranger", "comatrix node list")
def stranger(patient: Patient) -> None:
    _knock(patient, [Sender(77, bytes(16)).request(20, record=READING)], "unknown node")


@breaking("nodes.unsecured", "comatrix node add NAME --room ROOM --plain ADDRESS")
def plain_coap(patient: Patient) -> None:
    options = [(URI_PATH, b"r")]
    _knock(patient, [coap.encode(coap.Message(coap.CON, coap.POST, 1, b"", options, b"\xa1\0\1"))], "no security")


@breaking("nodes.fast", "comatrix tail")
def node_without_a_pause(patient: Patient) -> None:
    patient.configure(more="[limits]\nnode_rate = 1\nnode_burst = 1\n")
    sender = Sender(1, SECRET)
    _knock(patient, [sender.request(counter, record=READING) for counter in range(20, 26)], "too fast")


@breaking("nodes.noise", "comatrix status")
def noise(patient: Patient) -> None:
    _knock(patient, [b"\x44\xff\xff"], "malformed")


# The queue


@breaking("queue.parked", "comatrix queue --parked")
def event_parked(patient: Patient) -> None:
    def park(connection: Any) -> None:
        patient.seal(connection)
        connection.execute("UPDATE outbox SET state = 'parked', reason = 'M_TOO_LARGE'")

    patient.write(park)


@breaking("queue.paused", "comatrix queue")
def room_paused(patient: Patient) -> None:
    patient.write(lambda connection: rooms.set_paused(connection, 1, "M_FORBIDDEN"))


@breaking("queue.stopped", "comatrix gateway run")
def waiting_since_the_gateway_ended(patient: Patient) -> None:
    patient.receive(now_ms() - HOUR_MS)


@breaking("queue.late", "comatrix status", also=("gateway.trouble",))
def homeserver_takes_nothing(patient: Patient) -> None:
    patient.receive(now_ms() - HOUR_MS)
    patient.write(lambda connection: patient.seal(connection, now_ms() - HOUR_MS))
    patient.server(lambda server: server.fail("html", path="/send/", times=9_999))
    patient.start().until(lambda live: bool(live["troubles"]))


# Limits


@breaking("limits.lag", "comatrix appservice   (or ask the homeserver's administrator for a higher limit)")
def busy_nodes_of_a_limited_account(patient: Patient) -> None:
    def hurry(connection: Any) -> None:
        nodes.set_post(connection, 1, "every")
        status.update(connection, status.NodeStatus(1, wake_interval_s=10))

    patient.write(hurry)
    patient.server(lambda server: server.limit_messages(1, 0.02))
    gateway = patient.start()
    gateway.receive()
    gateway.until(lambda live: bool(patient.loopback.server.messages_in(patient.room_id)))
    gateway.receive()
    gateway.until(lambda live: live["lags"][0]["interval_ms"] is not None)
