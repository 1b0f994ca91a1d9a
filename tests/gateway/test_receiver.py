"""Answers leave only for what is on disk, each under a nonce of its own; strangers and copies change nothing."""

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from comatrix.codec import coap, codes
from comatrix.codec.option_numbers import ACCEPT, CONTENT_FORMAT, ECHO, MAX_AGE, OSCORE, URI_PATH, uint
from comatrix.codec.records import Command, Hello, Readings, Record, Text, encode, read_answer_untrusted
from comatrix.gateway.aead import aead
from comatrix.gateway.edges.receiver import TIME_EVERY_MS
from comatrix.gateway.model import Node
from comatrix.gateway.uplink.associations import Address
from comatrix.session import oscore
from comatrix.session.keys import Keys, node_id
from tests.support.gateway_world import NODE_ADDRESS, WALL_MS, GatewayWorld, MemoryDisk
from tests.support.written_mail import WrittenMail

SECRET = bytes(range(16))
PLAIN_LISTENER = 9
READING = Readings({0: 2137, 1: 452})
HOSTILE = json.loads((Path(__file__).parents[1] / "vectors" / "hostile_inputs.json").read_text())
HOSTILE = [case for case in HOSTILE if case["layer"] in ("coap", "oscore", "cbor")]


class Sender:
    """A node's side of OSCORE, message by message."""

    def __init__(self, number: int = 7, secret: bytes = SECRET) -> None:
        self.context = Keys(secret, node_id(number), b"", aead).context()
        self.bindings: dict[int, oscore.Binding] = {}

    def request(
        self,
        counter: int,
        path: str = "r",
        record: Record | None = None,
        *,
        seq: int | None = None,
        code: int = coap.POST,
        options: list[tuple[int, bytes]] | None = None,
        payload: bytes | None = None,
        mid: int | None = None,
    ) -> bytes:
        """A request's datagram under this counter."""
        inner = sorted([(URI_PATH, path.encode()), *(options or [])])
        body = payload if payload is not None else encode(record, seq) if record is not None else b""
        outer, outside, sealed, binding = oscore.protect_request(self.context, counter, code, inner, body)
        self.bindings[counter] = binding
        number = counter & 0xFFFF if mid is None else mid
        return coap.encode(coap.Message(coap.CON, outer, number, b"\x01", outside, sealed))

    def answer(self, counter: int, datagram: bytes) -> tuple[int, list[tuple[int, bytes]], bytes, int | None]:
        """An answer's (inner code, inner options, payload, the responder's own counter)."""
        message = coap.decode_untrusted(datagram)
        value = dict(message.options)[OSCORE]
        own, _, _ = oscore.read_option_untrusted(value)
        code, options, payload = oscore.unprotect_response_untrusted(
            self.context, self.bindings[counter], own, message.payload
        )
        return code, options, payload, own


@pytest.fixture
def disk() -> MemoryDisk:
    disk = MemoryDisk()
    disk.provision(7, SECRET)
    return disk


@pytest.fixture
def world(disk: MemoryDisk) -> GatewayWorld:
    nodes = {7: Node(7, "garden", 1, 1), 8: Node(8, "shed", 1, 1, security="plain", address="192.0.2.8")}
    return GatewayWorld(disk, nodes)


def unprotected(datagram: bytes) -> int:
    """The code of an answer without OSCORE."""
    message = coap.decode_untrusted(datagram)
    assert OSCORE not in dict(message.options)
    return message.code


def test_the_answer_leaves_after_the_commit_and_under_the_requests_nonce(world: GatewayWorld, disk: MemoryDisk) -> None:
    sender = Sender()
    disk.hold = True
    world.receive(sender.request(1, record=READING))
    assert world.take() == []
    disk.sync()
    (answer,) = world.take()
    code, _, _, own = sender.answer(1, answer)
    assert (code, own) == (coap.CHANGED, None)
    assert disk.records[0].seq == disk.records[0].counter == 1


def test_what_cannot_be_stored_is_answered_503_with_max_age_under_a_fresh_counter(
    world: GatewayWorld, disk: MemoryDisk
) -> None:
    sender = Sender()
    world.receive(sender.request(1, "t", code=coap.GET))  # reserves counters while the disk still works
    world.take()
    disk.broken = True
    world.receive(sender.request(2, record=READING))
    (answer,) = world.take()
    code, options, _, own = sender.answer(2, answer)
    assert (code, uint(dict(options)[MAX_AGE])) == (codes.SERVICE_UNAVAILABLE, 30)
    assert own is not None
    disk.broken = False
    world.receive(sender.request(3, record=READING, seq=2))
    (answer,) = world.take()
    assert sender.answer(3, answer)[0] == coap.CHANGED
    assert [record.seq for record in disk.records] == [2]


def test_a_repeat_of_a_record_is_acknowledged_and_stored_once(world: GatewayWorld, disk: MemoryDisk) -> None:
    sender = Sender()
    world.receive(sender.request(5, record=READING))
    world.receive(sender.request(6, record=READING, seq=5))
    first, second = world.take()
    assert sender.answer(5, first)[0] == sender.answer(6, second)[0] == coap.CHANGED
    assert [record.seq for record in disk.records] == [5]


def test_a_duplicate_gets_the_same_bytes_at_most_four_times(world: GatewayWorld, disk: MemoryDisk) -> None:
    request = Sender().request(1, record=READING)
    for _ in range(7):
        world.receive(request)
    answers = world.take()
    assert len(answers) == 5
    assert len(set(answers)) == 1
    assert len(disk.records) == 1


def test_after_a_restart_a_copy_gets_a_bare_204_under_a_fresh_counter_four_times(
    world: GatewayWorld, disk: MemoryDisk
) -> None:
    sender = Sender()
    world.receive(sender.request(1, record=READING))
    world.take()
    world.restart()
    owns = []
    for copy in range(6):
        world.receive(sender.request(1, record=READING, mid=1000 + copy))
        (answer,) = world.take()
        if copy < 4:
            code, options, payload, own = sender.answer(1, answer)
            assert (code, options, payload) == (coap.CHANGED, [], b"")
            owns.append(own)
        else:
            assert unprotected(answer) == coap.UNAUTHORIZED
    assert None not in owns
    assert len(set(owns)) == 4
    assert len(disk.records) == 1


def test_a_copy_is_a_replay_once_its_lifetime_is_over(world: GatewayWorld) -> None:
    sender = Sender()
    world.receive(sender.request(1, record=READING))
    world.take()
    world.now += 248_000
    world.receive(sender.request(1, record=READING, mid=77))
    (answer,) = world.take()
    assert unprotected(answer) == coap.UNAUTHORIZED


def test_a_known_counter_with_other_bytes_is_refused(world: GatewayWorld, disk: MemoryDisk) -> None:
    sender = Sender()
    world.receive(sender.request(1, record=READING))
    world.take()
    world.receive(sender.request(1, record=Readings({0: 9999}), mid=77))
    (answer,) = world.take()
    assert unprotected(answer) == coap.UNAUTHORIZED
    assert len(disk.records) == 1


def test_a_plain_node_that_boots_to_send_the_same_bytes_again_is_heard_after_their_lifetime(
    world: GatewayWorld, disk: MemoryDisk
) -> None:
    """A board may begin each wake-up with the same message id; nothing else need happen meanwhile."""
    request = coap.encode(coap.Message(coap.CON, coap.POST, 1, b"\x01", [(URI_PATH, b"r")], encode(READING)))
    for wait_ms in (0, 246_000, 2_000):
        world.now += wait_ms
        world.receive(request, (PLAIN_LISTENER, ("192.0.2.8", 1)))
    assert [unprotected(answer) for answer in world.take()] == 3 * [coap.CHANGED]
    assert len(disk.records) == 2


def test_strangers_are_turned_away_and_told_apart(world: GatewayWorld) -> None:
    world.receive(Sender(77).request(1, record=READING))
    world.receive(Sender(secret=bytes(16)).request(1, record=READING))
    world.receive(coap.encode(coap.Message(coap.CON, coap.POST, 9, b"", [(URI_PATH, b"r")], encode(READING))))
    assert [unprotected(answer) for answer in world.take()] == [
        coap.UNAUTHORIZED,
        codes.BAD_REQUEST,
        coap.UNAUTHORIZED,
    ]
    assert [(knock.reason, knock.node) for knock in world.knocks] == [
        ("unknown node", None),
        ("wrong key", 7),
        ("no security", None),
    ]


def test_a_failed_decryption_does_not_move_the_window(world: GatewayWorld, disk: MemoryDisk) -> None:
    forged = bytearray(Sender().request(1, record=READING))
    forged[-1] ^= 1
    world.receive(bytes(forged))
    world.receive(Sender().request(1, record=READING, mid=5))
    assert len(disk.records) == 1


def test_plain_coap_is_for_declared_addresses_on_declared_listeners(world: GatewayWorld, disk: MemoryDisk) -> None:
    request = coap.encode(coap.Message(coap.CON, coap.POST, 9, b"", [(URI_PATH, b"r")], encode(READING)))
    world.receive(request, (PLAIN_LISTENER, ("192.0.2.8", 1)))
    world.receive(request, (PLAIN_LISTENER, ("::ffff:192.0.2.8", 2)))
    world.receive(request, (0, ("192.0.2.8", 3)))
    world.receive(request, (PLAIN_LISTENER, ("192.0.2.99", 4)))
    good, again, *refused = [unprotected(answer) for answer in world.take()]
    assert (good, again, refused) == (coap.CHANGED, coap.CHANGED, [coap.UNAUTHORIZED, coap.UNAUTHORIZED])
    assert [record.seq for record in disk.records] == [0, 1]  # the gateway counts for a node that does not


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ({"path": "nowhere"}, codes.NOT_FOUND),
        ({"path": "c"}, codes.BAD_REQUEST),
        ({"path": "d"}, codes.BAD_REQUEST),
        ({"code": coap.GET}, codes.METHOD_NOT_ALLOWED),
        ({"options": [(259, b"")]}, codes.BAD_OPTION),
        ({"options": [(CONTENT_FORMAT, b"\x99")]}, codes.UNSUPPORTED_FORMAT),
        ({"options": [(ACCEPT, b"\x3c")]}, codes.NOT_ACCEPTABLE),
        ({"payload": b"\xa0"}, codes.BAD_REQUEST),
        ({"payload": b"\xff"}, codes.BAD_REQUEST),
        pytest.param({"path": "m", "record": Text("x", -3)}, codes.FORBIDDEN, id="to a node"),
        pytest.param({"path": "m", "record": Text("x", 3)}, codes.FORBIDDEN, id="to another room"),
    ],
    ids=lambda part: str(part),
)
def test_what_is_wrong_inside_is_answered_inside(world: GatewayWorld, parts: dict[str, Any], code: int) -> None:
    sender = Sender()
    world.receive(sender.request(1, **{"record": READING, **parts}))
    (answer,) = world.take()
    found, _, diagnostic, own = sender.answer(1, answer)
    assert found == code
    assert own is not None
    assert len(diagnostic) <= 64


def test_the_clock_is_set_in_the_first_answer_and_then_every_six_hours(world: GatewayWorld) -> None:
    sender = Sender()
    told = []
    for counter, wait_ms in enumerate((0, 1000, TIME_EVERY_MS, 1000), 1):
        world.now += wait_ms
        world.receive(sender.request(counter, record=READING))
        (answer,) = world.take()
        told.append(read_answer_untrusted(sender.answer(counter, answer)[2]).time_s)
    first_s = WALL_MS // 1000
    assert told == [first_s, None, first_s + 1 + TIME_EVERY_MS // 1000, None]


def test_time_can_be_asked_for_and_comes_with_hello(world: GatewayWorld, disk: MemoryDisk) -> None:
    sender = Sender()
    world.receive(sender.request(1, "t", code=coap.GET))
    world.receive(sender.request(2, "h", Hello(firmware="x", interval_s=60)))
    asked, greeted = world.take()
    assert sender.answer(1, asked)[0] == coap.CONTENT
    assert read_answer_untrusted(sender.answer(1, asked)[2]).time_s == WALL_MS // 1000
    assert read_answer_untrusted(sender.answer(2, greeted)[2]).time_s == WALL_MS // 1000
    assert disk.hellos == [Hello(firmware="x", interval_s=60)]


def test_the_age_of_a_reading_sets_its_time(world: GatewayWorld, disk: MemoryDisk) -> None:
    world.receive(Sender().request(1, record=Readings({0: 1}, age_s=90)))
    assert disk.records[0].measured_ms == WALL_MS - 90_000


@pytest.mark.parametrize("case", HOSTILE, ids=lambda case: str(case["id"]))
def test_hostile_bytes_get_at_most_three_times_their_size(world: GatewayWorld, case: dict[str, str]) -> None:
    data = bytes.fromhex(case["hex"])
    if case["layer"] == "cbor":
        data = coap.encode(coap.Message(coap.CON, coap.POST, 9, b"", [(URI_PATH, b"r")], data))
    for listener in (0, PLAIN_LISTENER):
        world.receive(data, (listener, ("192.0.2.8", 1)))
        assert sum(len(answer) for answer in world.take()) <= 3 * len(data)
    world.receive(Sender().request(1, record=READING))
    assert len(world.take()) == 1


def test_a_node_changed_by_a_person_keeps_its_window_and_counter(world: GatewayWorld, disk: MemoryDisk) -> None:
    sender = Sender()
    world.receive(sender.request(1, "t", code=coap.GET))
    (before,) = world.take()
    disk.hold = True  # a commit under way: the database is behind what was accepted
    world.receive(sender.request(2, record=READING))
    world.associations.load(world.nodes[7], list(disk.contexts.values()))
    disk.sync()
    world.take()
    world.receive(sender.request(2, record=Readings({0: 1}), mid=99))
    world.receive(sender.request(3, "t", code=coap.GET))
    replay, after = world.take()
    assert unprotected(replay) == coap.UNAUTHORIZED
    own = [sender.answer(counter, answer)[3] for counter, answer in ((1, before), (3, after))]
    assert len(set(own)) == 2


class RecordingAead:
    """AES-CCM that remembers every (key, nonce) it sealed under, and refuses to meet one twice."""

    def __init__(self) -> None:
        self.used: dict[tuple[bytes, bytes], bytes] = {}

    def __call__(self, key: bytes) -> Any:
        return _Recorder(key, self.used)


class _Recorder:
    def __init__(self, key: bytes, used: dict[tuple[bytes, bytes], bytes]) -> None:
        self._key = key
        self._used = used
        self._inner = aead(key)

    def seal(self, nonce: bytes, aad: bytes, plaintext: bytes) -> bytes:
        sealed = self._inner.seal(nonce, aad, plaintext)
        assert self._used.setdefault((self._key, nonce), sealed) == sealed, "a (key, nonce) pair was used twice"
        return sealed

    def open(self, nonce: bytes, aad: bytes, ciphertext: bytes) -> bytes:
        return self._inner.open(nonce, aad, ciphertext)


def newest_echo(sender: Sender, sent: list[tuple[bytes, Address]]) -> bytes | None:
    """The Echo value of the newest answer, if it has one."""
    message = coap.decode_untrusted(sent[-1][0]) if sent else None
    if message is None or OSCORE not in dict(message.options):
        return None
    return dict(sender.answer(message.mid, sent[-1][0])[1]).get(ECHO)


@pytest.mark.parametrize("seed", range(20))
def test_the_gateway_never_uses_a_nonce_twice_through_crashes_and_full_disks(seed: int) -> None:
    random = Random(seed)
    disk = MemoryDisk()
    disk.provision(7, SECRET)
    recorder = RecordingAead()
    mail = WrittenMail({7: Command(1, 0, [60])})
    world = GatewayWorld(disk, {7: Node(7, "garden", 1, 1)}, seed, recorder, mail=mail)
    sender = Sender()
    old: list[bytes] = []
    echo: bytes | None = None
    for counter in range(1, 150):
        disk.broken = random.random() < 0.2
        disk.hold = random.random() < 0.4
        path = random.choice(["r", "r", "r", "t", "h", "c", "c", "nowhere"])
        record = READING if path == "r" else Hello() if path == "h" else None
        code = coap.GET if path in ("t", "c") else coap.POST
        mail.broken = random.random() < 0.2
        options = [(ECHO, echo)] if echo and random.random() < 0.7 else []
        old.append(sender.request(counter, path, record, code=code, options=options))
        world.receive(old[-1])
        echo = newest_echo(sender, world.sent) or echo
        if random.random() < 0.3:
            world.receive(random.choice(old))
        if random.random() < 0.1:
            world.restart()
        if random.random() < 0.5:
            disk.sync()
        world.now += random.randrange(100_000)
    assert len(recorder.used) > 50
    assert ("air", 7) in mail.calls
    assert NODE_ADDRESS in {addr for _, addr in world.sent}
    assert len({(record.node, record.seq) for record in disk.records}) == len(disk.records)
