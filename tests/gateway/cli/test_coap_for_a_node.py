"""`comatrix coap --node`: under keys of its own, never the node's, and nothing of the node's is lost by it."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from click.testing import CliRunner, Result

from comatrix.codec import cbor, coap
from comatrix.codec.option_numbers import OSCORE
from comatrix.codec.records import Command, Hello, Readings, encode, read_answer_untrusted
from comatrix.errors import WireError
from comatrix.gateway.aead import aead
from comatrix.gateway.cli.coap_node import free_seqs
from comatrix.gateway.cli.main import cli
from comatrix.gateway.config.paths import find_paths
from comatrix.gateway.downlink import states
from comatrix.gateway.edges.store import contexts, nodes, rooms
from comatrix.gateway.edges.store.database import connect_reader
from comatrix.gateway.edges.store.store import Store
from comatrix.gateway.model import LORA, NewRecord, Node, WindowMove
from comatrix.session import oscore
from comatrix.session.client import Client, Delivered, Reserve
from comatrix.session.counter import Counter
from comatrix.session.endpoint import Endpoint
from comatrix.session.keys import Keys, node_id
from tests.gateway.test_observing import item
from tests.support.coap_servers import LOOPBACK, SECURE_LISTENER, GatewayOnSocket, Servers

SECRET = bytes(range(16))
GARDEN = Node(1, "garden", 1, 1)


class Scene:
    """A database with node 1, "garden", and a gateway on a socket that knows it and nothing else."""

    def __init__(self, home: Path, servers: Servers) -> None:
        self._home = home
        self.database = find_paths(str(home), {}, home).database
        self.database.parent.mkdir(parents=True, exist_ok=True)
        with Store.open(self.database, 0) as store:
            room = store.write(lambda connection: rooms.add(connection, "!a:b")).id
            store.write(lambda connection: nodes.add(connection, "garden", room, now_ms=0))
            store.write(lambda connection: contexts.add(connection, 1, "u", SECRET))
        self.servers = servers
        self._stored = 0
        self.gateway: GatewayOnSocket = servers.gateway(GARDEN, SECRET)
        self.board = Board(self)

    def run(self, *words: str, given: str | None = None) -> Result:
        result = CliRunner().invoke(cli, ["coap", *words], input=given, env={"COMATRIX_HOME": str(self._home)})
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        assert "Traceback" not in result.output and SECRET.hex() not in result.output
        return result

    def uri(self, path: str) -> str:
        return f"coap://{LOOPBACK}:{self.gateway.port}/{path}"

    @property
    def seqs(self) -> list[int]:
        return [record.seq for record in self.gateway.disk.records]

    def store(self) -> None:
        """What the gateway of the socket stored stands in the database too."""
        asyncio.run(self._store())
        self._stored = len(self.seqs)

    def hear(self, counter: int) -> None:
        """The database's window of the node's keys is moved."""
        with Store.open(self.database, 0) as store:
            store.write(lambda connection: contexts.move_windows(connection, [WindowMove(1, counter, 1)]))

    async def _store(self) -> None:
        store = Store.open(self.database, 0)
        for record in self.gateway.disk.records[self._stored :]:
            told: asyncio.Future[object] = asyncio.get_running_loop().create_future()
            store.append(NewRecord(1, 1, record.seq, 1, "readings", record.body, 0, 0), None, told.set_result)
            await told
        await store.aclose()


class Board:
    """The node itself, in virtual time: as its firmware it says hello when its state is new, then posts."""

    ADDRESS = SECURE_LISTENER, (LOOPBACK, 9)

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._now = 0
        keys = Keys(SECRET, node_id(1), b"", aead)
        self.client = Client(Endpoint(Random(1).randrange), self.ADDRESS, keys, Counter(1, 100), None)

    def hello(self) -> None:
        self._scene.servers.call(self._posted("h", encode(Hello("test", 1, None, 60))))

    def post(self, value: int) -> None:
        self._scene.servers.call(self._posted("r", encode(Readings({0: value}))))

    def ask(self) -> None:
        self._scene.servers.call(self._asked())

    async def _asked(self) -> None:
        self.client.get("t", self._now)
        self._settle()

    async def _posted(self, path: str, body: bytes) -> None:
        self.client.post(path, lambda now: body, self._now)
        self._settle()

    def _settle(self) -> None:
        world = self._scene.gateway.world
        for _ in range(1000):
            for data, _ in self.client.datagrams_to_send(self._now):
                world.receive(data, self.ADDRESS)
            for answer in world.take():
                self.client.receive_datagram(answer, self.ADDRESS, self._now)
            while (event := self.client.next_event()) is not None:
                if isinstance(event, Reserve):
                    self.client.reserved(event.limit, self._now)
                elif isinstance(event, Delivered):
                    assert event.code >> 5 == 2
                    highest = read_answer_untrusted(event.payload).highest
                    if highest is not None:
                        self.client.counter.skip_below(highest + 1)
                    return
            self._now = max(self._now, self.client.next_deadline() or 0)
            self.client.handle_timer(self._now)
        raise AssertionError("it was never delivered")


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    servers = Servers()
    yield Scene(tmp_path / "home", servers)
    servers.close()


def opened_by(context: oscore.Context, datagram: bytes) -> bool:
    """Whether a request is sealed under this context."""
    message = coap.decode_untrusted(datagram)
    (value,) = [value for number, value in message.options if number == OSCORE]
    counter = oscore.read_option_untrusted(value)[0]
    try:
        oscore.unprotect_request_untrusted(context, counter or 0, message.payload)
    except WireError:
        return False
    return True


def test_it_asks_under_keys_of_its_own_and_never_under_those_of_the_node(scene: Scene) -> None:
    scene.board.hello()
    before = scene.board.client.context
    told = json.loads(scene.run("get", scene.uri("t"), "--node", "garden", "--yes", "--json").stdout)
    assert told["code"] == "2.05" and told["protected"] is True and isinstance(told["value"][0], int)
    assert len(scene.gateway.heard) == 3, "R1, the time under R2 and R3, and the question itself"
    own = Keys(SECRET, b"", node_id(1), aead).context(b"")
    board = Keys(SECRET, b"", node_id(1), aead)
    board_context = board.context(scene.gateway.disk.contexts[max(scene.gateway.disk.contexts)].id_context)
    assert not any(opened_by(own, data) for data in scene.gateway.heard)
    assert any(opened_by(board_context, data) for data in scene.gateway.heard), "the test can tell"
    assert before.sender_id == node_id(1)


def test_two_runs_make_two_keys(scene: Scene) -> None:
    extras = []
    for _ in range(2):
        assert scene.run("get", scene.uri("t"), "--node", "garden", "--yes").exit_code == 0
        (context,) = scene.gateway.disk.contexts.values()
        extras.append(context.id_context)
    assert len(set(extras)) == 2 and all(len(extra) == 16 for extra in extras)


def test_a_reading_is_stored_and_the_node_itself_loses_none_and_makes_new_keys(scene: Scene) -> None:
    scene.board.hello()
    for value in range(5):
        scene.board.post(value)
        scene.board.ask()  # takes a number that no record has
    scene.store()
    for number in range(3):
        posted = scene.run("post", scene.uri("r"), f"temperature={40 + number}", "--node", "garden", "--yes")
        assert posted.exit_code == 0, posted.output
        scene.store()
        scene.board.post(100 + number)
        scene.store()
    values = [cbor.decode_untrusted(record.body) for record in scene.gateway.disk.records]
    assert values[5:] == [{0: 4000}, {0: 100}, {0: 4100}, {0: 101}, {0: 4200}, {0: 102}]
    assert len(set(scene.seqs)) == 11


def test_other_formats_have_a_number_of_their_own_too(scene: Scene) -> None:
    words = ("--format", "json", '{"temperature": 21.4}', "--node", "garden", "--yes")
    assert scene.run("post", scene.uri("r"), *words).exit_code == 0
    assert [cbor.decode_untrusted(record.body) for record in scene.gateway.disk.records] == [{0: 2140}]


def test_where_no_number_is_free_nothing_is_sent_that_could_be_lost(scene: Scene) -> None:
    scene.servers.call(_fill(scene, range(6)))
    scene.store()
    result = scene.run("post", scene.uri("r"), "temperature=1", "--node", "garden", "--yes")
    assert result.exit_code == 1 and "No number is free" in result.stderr
    assert scene.seqs == list(range(6))


async def _fill(scene: Scene, seqs: range) -> None:
    for seq in seqs:
        scene.gateway.disk.records.append(NewRecord(1, 1, seq, 1, "readings", cbor.encode({0: seq}), 0, 0))


def test_free_numbers_are_below_the_highest_and_not_stored(scene: Scene) -> None:
    scene.servers.call(_fill(scene, range(2, 9, 3)))
    scene.store()
    connection = connect_reader(scene.database)
    assert free_seqs(connection, GARDEN, 9) == (0, [0, 1, 3, 4, 6, 7])
    connection.close()


def test_a_board_that_was_never_heard_is_posted_for_often_and_goes_on_above(scene: Scene) -> None:
    assert scene.run("get", scene.uri("t"), "--node", "garden", "--yes").exit_code == 0
    for value in range(4):
        words = (f"temperature={value}", "--node", "garden", "--yes")
        assert scene.run("post", scene.uri("r"), *words).exit_code == 0
        scene.store()
    scene.board.hello()
    scene.board.post(7)
    assert len(set(scene.seqs)) == 5 and scene.seqs[-1] == max(scene.seqs)


def test_a_board_that_was_heard_and_posted_nothing_yet_loses_nothing(scene: Scene) -> None:
    scene.board.hello()
    scene.hear(3)
    posted = scene.run("post", scene.uri("r"), "temperature=1", "--node", "garden", "--yes")
    assert posted.exit_code == 0, posted.output
    scene.board.post(7)
    assert len(set(scene.seqs)) == 2 and scene.seqs[0] < 3


def test_nothing_is_replaced_unless_somebody_agrees(scene: Scene) -> None:
    result = scene.run("get", scene.uri("t"), "--node", "garden")
    assert result.exit_code == 2 and scene.gateway.heard == []
    assert "New keys will stand in place" in result.stderr and "--yes" in result.stderr


def test_a_node_the_gateway_does_not_know_is_told_at_once(scene: Scene) -> None:
    with Store.open(scene.database, 0) as store:
        room = store.write(lambda connection: rooms.add(connection, "!a:b")).id
        store.write(lambda connection: nodes.add(connection, "shed", room, now_ms=0))
        store.write(lambda connection: contexts.add(connection, 2, "u", SECRET))
    result = scene.run("get", scene.uri("t"), "--node", "shed", "--yes")
    assert (result.exit_code, result.stderr.splitlines()[-1]) == (1, "next: comatrix node show shed")
    assert "refuses the node's key" in result.stderr


def test_nodes_without_such_keys_are_told_why(scene: Scene) -> None:
    with Store.open(scene.database, 0) as store:
        room = store.write(lambda connection: rooms.add(connection, "!a:b")).id
        address = "192.0.2.1"
        store.write(lambda on: nodes.add(on, "meter", room, now_ms=0, security="plain", address=address))
        store.write(lambda connection: nodes.add(connection, "field", room, now_ms=0, link=LORA))
    for name, says in (("meter", "Leave --node out"), ("field", "over LoRa"), ("nobody", "nobody")):
        result = scene.run("get", scene.uri("t"), "--node", name, "--yes")
        assert result.exit_code == 2 and says in result.stderr
    assert scene.gateway.heard == []


def test_observing_under_oscore_is_told_and_cancelled(scene: Scene) -> None:
    result = scene.run("observe", scene.uri("c"), "--node", "garden", "--yes", "--for", "0.2", "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["code"] == "2.05" and "Observe" in [option["name"] for option in told["options"]]
    assert len(scene.gateway.world.receiver.observers) == 0


def test_an_item_comes_as_a_notification_under_the_keys_just_made(scene: Scene) -> None:
    gateway, observers = scene.gateway, scene.gateway.world.receiver.observers

    def tell() -> None:
        if not len(observers):
            scene.servers.loop.call_later(0.01, tell)
            return
        gateway.mail.items[1] = Command(5, 0, ["hello"])
        observers.changed(item(states.QUEUED, node=1))
        gateway.flush(gateway.came_from)

    scene.servers.soon(tell)
    result = scene.run("observe", scene.uri("c"), "--node", "garden", "--yes", "--for", "0.5", "--json")
    values = [json.loads(line)["value"] for line in result.stdout.splitlines()]
    assert values == [None, [[5, 0, "hello"]]]
    assert len(observers) == 0
