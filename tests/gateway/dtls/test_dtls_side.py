"""DTLS as the gateway opens it, with a store on disk and clients on real sockets."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from comatrix.codec import coap
from comatrix.codec.option_numbers import OBSERVE, URI_PATH, uint
from comatrix.codec.records import Command, Hello, Readings, encode, read_answer_untrusted
from comatrix.gateway.aead import aead
from comatrix.gateway.config.settings import DtlsSettings, LimitsSettings
from comatrix.gateway.downlink import states
from comatrix.gateway.downlink.items import Item, NewItem, Order
from comatrix.gateway.edges.store import contexts, dtls_keys, nodes
from comatrix.gateway.errors import GatewayError
from comatrix.session import oscore
from comatrix.session.keys import Keys, node_id
from tests.gateway.dtls.test_hostile_dtls import first_hello
from tests.support.dtls_gateway import DtlsGateway, dtls_gateway, eventually, provision
from tests.support.dtls_talker import Talker
from tests.support.written_mail import WrittenMail

READING = encode(Readings({0: 2137}))
OTHER_KEY = b"another key here"
Connect = Callable[..., Talker]


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[DtlsGateway]:
    async with dtls_gateway(tmp_path) as gateway:
        yield gateway


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    made: list[Talker] = []

    def connected(gateway: DtlsGateway, **parts: object) -> Talker:
        made.append(Talker(gateway.port, **parts))  # type: ignore[arg-type]
        return made[-1]

    yield connected
    for talker in made:
        talker.close()


async def test_records_without_a_seq_are_numbered_and_those_with_one_are_stored_once(
    gateway: DtlsGateway, connect: Connect
) -> None:
    talker = await connect(gateway).open()
    for payload in (READING, READING, encode(Readings({0: 1}), 900), encode(Readings({0: 1}), 900)):
        assert (await talker.ask(coap.POST, "r", payload)).code == coap.CHANGED
    assert [record.seq for record in gateway.stored] == [0, 1, 900]
    assert gateway.receiver.duplicates == 1


@pytest.mark.parametrize(("seq", "told"), [(1, 900), (900, 900), (901, None), (None, None)])
async def test_a_node_that_lost_its_counter_is_told_where_to_go_on(
    gateway: DtlsGateway, connect: Connect, seq: int | None, told: int | None
) -> None:
    talker = await connect(gateway).open()
    await talker.ask(coap.POST, "r", encode(Readings({0: 1}), 900))
    hello = encode(Hello("1.0"), seq)
    assert read_answer_untrusted((await talker.ask(coap.POST, "h", hello)).payload).highest == told


async def test_a_request_twice_in_one_association_is_stored_once(gateway: DtlsGateway, connect: Connect) -> None:
    talker = await connect(gateway).open()
    request = coap.Message(coap.CON, coap.POST, 77, b"t", [(URI_PATH, b"r")], READING)
    talker.say(request)
    await eventually(lambda: len(talker.heard) == 1)
    talker.say(request)
    await eventually(lambda: len(talker.heard) == 2)
    assert talker.heard[0].payload == talker.heard[1].payload
    assert len(gateway.stored) == 1


async def test_a_node_that_rebooted_goes_on_from_the_same_port(gateway: DtlsGateway, connect: Connect) -> None:
    talker = await connect(gateway).open()
    assert (await talker.ask(coap.POST, "r", READING)).code == coap.CHANGED
    talker._tick.cancel()
    talker.restart()
    await talker.open()
    assert (await talker.ask(coap.POST, "r", READING)).code == coap.CHANGED
    assert len(gateway.dtls.sessions) == 1
    assert gateway.dtls.sessions.handshakes == 2


@pytest.mark.parametrize("change", ["block", "revoke"])
async def test_a_blocked_or_revoked_node_is_thrown_out_and_not_let_in_again(
    gateway: DtlsGateway, connect: Connect, change: str
) -> None:
    talker = await connect(gateway).open()
    assert (await talker.ask(coap.POST, "r", READING)).code == coap.CHANGED
    if change == "block":
        gateway.store.write(lambda connection: nodes.block(connection, 1, True))
    else:
        gateway.store.write(lambda connection: nodes.revoke(connection, 1))
    gateway.directory.changed("node", 1)
    assert len(gateway.dtls.sessions) == 0
    await eventually(lambda: talker.client.error is not None)
    again = await connect(gateway).open()
    assert again.client.error is not None
    assert len(gateway.dtls.sessions) == 0
    told = "blocked node 'garden' knocked once" if change == "block" else "unknown PSK identity 'garden' from 127.0.0.1"
    assert any(told in line for line in gateway.told)


async def test_an_unblocked_node_is_let_in_again(gateway: DtlsGateway, connect: Connect) -> None:
    gateway.store.write(lambda connection: nodes.block(connection, 1, True))
    gateway.directory.changed("node", 1)
    gateway.store.write(lambda connection: nodes.block(connection, 1, False))
    gateway.directory.changed("node", 1)
    talker = await connect(gateway).open()
    assert (await talker.ask(coap.POST, "r", READING)).code == coap.CHANGED


async def test_who_has_no_key_is_told_of_in_words_and_in_bulk(gateway: DtlsGateway, connect: Connect) -> None:
    for _ in range(3):
        await connect(gateway, identity=b"<b>nobody\x1b[2J").open()
    assert len(gateway.told) == 1
    assert gateway.told[0].startswith("unknown PSK identity '")
    assert gateway.told[0].endswith("' from 127.0.0.1 knocked once")
    assert "\x1b" not in gateway.told[0]


async def test_a_source_that_failed_too_often_is_not_heard_until_later(tmp_path: Path, connect: Connect) -> None:
    limits = LimitsSettings(address_burst=3, address_rate=1)
    async with dtls_gateway(tmp_path, limits=limits) as gateway:
        inside = await connect(gateway).open()
        for _ in range(3):
            await connect(gateway, identity=b"nobody", host="127.0.0.9").open()
        late = connect(gateway, host="127.0.0.9")
        await asyncio.sleep(0.3)
        assert not late.client.open
        assert gateway.dtls.sessions.put_off > 0
        assert (await inside.ask(coap.POST, "r", READING)).code == coap.CHANGED
        assert (await connect(gateway).open()).client.open, "other sources are heard"


async def test_the_socket_serves_on_after_a_storm_of_port_unreachables(gateway: DtlsGateway, connect: Connect) -> None:
    for _ in range(200):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
            gone.bind(("127.0.0.1", 0))
            gone.sendto(first_hello(), ("127.0.0.1", gateway.port))
    talker = await connect(gateway).open()
    assert (await talker.ask(coap.POST, "r", READING)).code == coap.CHANGED
    assert gateway.dtls.sessions.cookies >= 200


async def test_many_come_at_once_from_one_address(gateway: DtlsGateway, connect: Connect) -> None:
    identities = [b"n%d" % number for number in range(2, 102)]
    for identity in identities:
        provision(gateway.store, identity.decode(), identity)
    for number in range(2, 102):
        gateway.directory.changed("node", number)
    talkers = [connect(gateway, identity=identity) for identity in identities]
    for talker in talkers:
        assert (await talker.open(20)).client.open
    answers = await asyncio.gather(*(talker.ask(coap.POST, "r", READING) for talker in talkers))
    assert {answer.code for answer in answers} == {coap.CHANGED}
    assert sorted(record.node for record in gateway.stored) == list(range(2, 102))


async def test_a_new_key_is_taken_beside_the_old_one_until_it_was_heard(gateway: DtlsGateway, connect: Connect) -> None:
    old = await connect(gateway).open()
    gateway.store.write(lambda connection: dtls_keys.add(connection, 1, b"garden.2", OTHER_KEY))
    gateway.directory.changed("node", 1)
    assert (await old.ask(coap.POST, "r", READING)).code == coap.CHANGED
    new = await connect(gateway, identity=b"garden.2", key=OTHER_KEY).open()
    assert (await new.ask(coap.POST, "r", READING)).code == coap.CHANGED
    await eventually(lambda: old.client.error is not None)
    assert (await connect(gateway).open()).client.error is not None, "the old key is dead"
    assert [key.generation for key in gateway.store.read(lambda connection: dtls_keys.of_node(connection, 1))] == [2]
    assert (await new.ask(coap.POST, "r", READING)).code == coap.CHANGED


async def test_a_node_is_told_of_commands_over_its_association_until_that_ends(
    tmp_path: Path, connect: Connect
) -> None:
    mail = WrittenMail()
    async with dtls_gateway(tmp_path, mail=mail) as gateway:
        talker = await connect(gateway).open()
        registered = await talker.ask(coap.GET, "c", options=[(OBSERVE, b"")])
        assert OBSERVE in dict(registered.options)
        observers = gateway.receiver.observers
        mail.items[1] = Command(4, 0, [600])
        order = Order("set", "interval", (600,), "interval = 600 s")
        item = Item(1, NewItem(1, order, "@ann:x", 0, 9), states.QUEUED, None)
        observers.changed(item)
        await eventually(lambda: len(talker.heard) == 2)
        told = talker.heard[1]
        assert (told.type, told.token) == (coap.CON, registered.token)
        assert uint(dict(told.options)[OBSERVE]) == 1
        assert read_answer_untrusted(told.payload).item == Command(4, 0, [600])
        talker.say(coap.Message(coap.ACK, coap.EMPTY, told.mid))
        talker.client.goodbye()
        talker._flush()
        await eventually(lambda: len(gateway.dtls.sessions) == 0)
        assert len(observers) == 0


async def test_the_answer_to_a_first_request_carries_what_waits(tmp_path: Path, connect: Connect) -> None:
    """The cookie proved the address: nothing is cut to three times the request, and no Echo is asked for."""
    async with dtls_gateway(tmp_path, mail=WrittenMail({1: Command(4, 0, [600])})) as gateway:
        answer = await (await connect(gateway).open()).ask(coap.POST, "r", READING)
        assert read_answer_untrusted(answer.payload).item == Command(4, 0, [600])


def sealed(context: oscore.Context, counter: int) -> tuple[int, list[tuple[int, bytes]], bytes]:
    code, outside, payload, _ = oscore.protect_request(context, counter, coap.POST, [(URI_PATH, b"r")], READING)
    return code, list(outside), payload


@pytest.mark.parametrize("own", [True, False])
async def test_oscore_inside_dtls_must_be_of_the_same_node(gateway: DtlsGateway, connect: Connect, own: bool) -> None:
    other = provision(gateway.store, "shed", b"shed")
    number = 1 if own else other.number
    secret = bytes(range(16))
    gateway.store.write(lambda connection: contexts.add(connection, number, "u", secret))
    gateway.directory.changed("node", number)
    talker = await connect(gateway).open()
    code, outside, payload = sealed(Keys(secret, node_id(number), b"", aead).context(), 1)
    talker.say(coap.Message(coap.CON, code, 5, b"x", outside, payload))
    await eventually(lambda: len(talker.heard) == 1)
    assert len(gateway.stored) == own
    if not own:
        assert talker.heard[0].code == coap.UNAUTHORIZED
        assert "OSCORE identity of another node" in gateway.told[0]


async def test_a_plain_datagram_does_not_pass_for_one_of_an_association(gateway: DtlsGateway) -> None:
    """Neither at the DTLS port nor, from a node's own address, at the plain one."""
    request = coap.encode(coap.Message(coap.CON, coap.POST, 1, b"", [(URI_PATH, b"r")], READING))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(request, ("127.0.0.1", gateway.port))
        sock.sendto(request, gateway.udp.addresses[0])
        await asyncio.sleep(0.1)
    assert gateway.stored == []


async def test_the_port_taken_by_another_program_is_told(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        settings = replace(DtlsSettings(), listen=f"127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(GatewayError, match="cannot listen on UDP") as told:
            async with dtls_gateway(tmp_path, settings):
                pass
    assert "[dtls] listen" in told.value.next_step
