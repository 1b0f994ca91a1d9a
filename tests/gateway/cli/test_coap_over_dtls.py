"""`comatrix coap` on coaps://: against our own gateway and libcoap's servers, and what it says without a handshake."""

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from comatrix.codec import cbor
from comatrix.codec.records import Command, Text, encode
from comatrix.gateway.cli.main import cli
from comatrix.gateway.demo.free_port import free_port
from comatrix.gateway.downlink import states
from comatrix.gateway.edges.store import dtls_keys, nodes, rooms, status
from comatrix.gateway.model import NewRecord
from tests.gateway.test_observing import item
from tests.support.coap_servers import LOOPBACK, Servers
from tests.support.dtls_gateway import IDENTITY, KEY, DtlsGateway, dtls_gateway, eventually
from tests.support.dtls_servers import LIBCOAP, libcoap, pair_of_ports, running, s_server
from tests.support.written_mail import WrittenMail

NEWER = bytes(range(16))


class Scene:
    """Our gateway's DTLS server, whose database is in `home`; `run` types a command there."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.mail = WrittenMail()
        self.servers = Servers()
        self._stack = AsyncExitStack()
        entered = self._stack.enter_async_context(dtls_gateway(home, mail=self.mail))
        self.gateway: DtlsGateway = self.servers.call(entered)

    def close(self) -> None:
        self.servers.call(self._stack.aclose())
        self.servers.close()

    def run(self, *words: str) -> Result:
        return run(self.home, *words)

    def uri(self, path: str) -> str:
        return f"coaps://{LOOPBACK}:{self.gateway.port}/{path}"

    def hello(self) -> None:
        """The node is a board of ours, and was heard."""
        said = status.NodeStatus(1, firmware="test")
        self.gateway.store.write(lambda connection: status.update(connection, said))

    def rotate(self) -> None:
        """The node has a newer key, under another identity."""

        async def changed() -> None:
            self.gateway.store.write(lambda connection: dtls_keys.add(connection, 1, b"garden.2", NEWER))
            self.gateway.directory.changed("node", 1)

        self.servers.call(changed())

    def stored(self, seq: int) -> None:
        """The board posted a record with this seq."""

        async def store() -> None:
            told = self.servers.loop.create_future()
            self.gateway.store.append(NewRecord(1, 1, seq, 1, "readings", b"\xa0", 0, 0), None, told.set_result)
            await told

        self.servers.call(store())


def run(home: Path, *words: str) -> Result:
    result = CliRunner().invoke(cli, ["coap", *words], env={"COMATRIX_HOME": str(home)})
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    assert KEY.hex() not in result.output and KEY.decode() not in result.output
    return result


def last(result: Result) -> str:
    return result.stderr.splitlines()[-1]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path)
    yield made
    made.close()


@pytest.fixture
def key(tmp_path: Path) -> tuple[str, ...]:
    """The options that give the right key by a file."""
    return of_file(tmp_path, KEY.hex())


def of_file(folder: Path, content: str) -> tuple[str, ...]:
    path = folder / "a key"
    path.write_text(content)
    path.chmod(0o600)
    return "--psk-identity", IDENTITY.decode(), "--psk-file", str(path)


def test_a_node_of_the_registry_asks_and_posts_with_the_key_it_has(scene: Scene) -> None:
    told = json.loads(scene.run("get", scene.uri("t"), "--node", "garden", "--json").stdout)
    assert (told["code"], told["protected"]) == ("2.05", True) and isinstance(told["value"][0], int)
    posted = scene.run("post", scene.uri("r"), "temperature=21.37", "--node", "garden")
    assert (posted.exit_code, posted.stdout.splitlines()[0]) == (0, "2.04 Changed (5 bytes)"), posted.output
    (record,) = scene.gateway.stored
    assert (record.node, cbor.decode_untrusted(record.body)) == (1, {0: 2137})
    scene.servers.call(eventually(lambda: len(scene.gateway.dtls.sessions) == 0))  # it said that it is over


def test_a_long_answer_and_a_long_text_pass_in_blocks(scene: Scene, key: tuple[str, ...]) -> None:
    found = scene.run("get", scene.uri(".well-known/core"), *key)
    assert found.exit_code == 0 and "comatrix" in found.stdout
    body = encode(Text("ä" * 900))
    (scene.home / "text").write_bytes(body)
    posted = scene.run("post", scene.uri("m"), "--file", str(scene.home / "text"), *key)
    assert posted.exit_code == 0, posted.output
    assert scene.gateway.stored[0].body == body


def test_the_configuration_of_a_node_is_a_key_too(scene: Scene) -> None:
    (scene.home / "garden.json").write_text(json.dumps({"psk_identity": "garden", "psk": KEY.hex(), "node": 1}))
    (scene.home / "garden.json").chmod(0o600)
    result = scene.run("get", scene.uri("t"), "--psk-file", str(scene.home / "garden.json"))
    assert result.exit_code == 0, result.output


def test_an_item_comes_as_a_notification(scene: Scene, key: tuple[str, ...]) -> None:
    observers = scene.gateway.receiver.observers

    def tell() -> None:
        if not len(observers):
            scene.servers.loop.call_later(0.01, tell)
            return
        scene.mail.items[1] = Command(5, 0, ["hello"])
        observers.changed(item(states.QUEUED, node=1))

    scene.servers.soon(tell)
    result = scene.run("observe", scene.uri("c"), *key, "--for", "0.5", "--json")
    values = [json.loads(line)["value"] for line in result.stdout.splitlines()]
    assert values == [None, [[5, 0, "hello"]]]
    assert len(observers) == 0


def test_a_key_that_waits_for_its_board_is_not_used_before_it(scene: Scene, key: tuple[str, ...]) -> None:
    scene.rotate()
    assert scene.run("get", scene.uri("t"), "--node", "garden").exit_code == 0
    assert scene.run("get", scene.uri("t"), *key).exit_code == 0, "the key the board has still counts"


def test_a_board_that_counts_loses_no_record(scene: Scene) -> None:
    scene.hello()
    for seq in (0, 1, 3, 9):
        scene.stored(seq)
    for value in ("1", "2"):
        posted = scene.run("post", scene.uri("r"), f"temperature={value}", "--node", "garden")
        assert posted.exit_code == 0, posted.output
    assert [record.seq for record in scene.gateway.stored[-2:]] == [2, 4]


def test_a_record_that_could_have_no_number_is_not_sent(scene: Scene) -> None:
    scene.hello()
    none = scene.run("post", scene.uri("r"), "temperature=1", "--node", "garden")
    assert none.exit_code == 1 and "No number is free" in none.stderr
    foreign = scene.run("post", scene.uri("r"), "--format", "json", '{"temperature": 1}', "--node", "garden")
    assert foreign.exit_code == 2 and "one of its own would be lost" in foreign.stderr
    assert scene.gateway.dtls.received == 0
    numbered = scene.run("post", scene.uri("r"), "--hex", "05a1000a", "--node", "garden")
    assert numbered.exit_code == 0 and scene.gateway.stored[0].seq == 5, "the person gave one"


def test_a_wrong_key_is_told_in_words(scene: Scene) -> None:
    wrong = of_file(scene.home, NEWER.hex())
    result = scene.run("get", scene.uri("t"), *wrong, "--timeout", "0.5")
    assert result.exit_code == 1 and "fell silent when it was shown this key of 'garden'" in result.stderr
    assert last(result) == "next: comatrix status"
    assert scene.gateway.told == ["node 'garden' knocked once with a wrong key"]


def test_an_unknown_identity_is_told_at_once(scene: Scene, key: tuple[str, ...]) -> None:
    result = scene.run("get", scene.uri("t"), *key, "--psk-identity", "shed", "--timeout", "60")
    assert (result.exit_code, last(result)) == (1, "next: comatrix node list")
    assert "knows no PSK identity 'shed'" in result.stderr


def test_a_gateway_that_ends_the_association_is_told(scene: Scene, key: tuple[str, ...]) -> None:
    observers = scene.gateway.receiver.observers

    def drop() -> None:
        if not len(observers):
            scene.servers.loop.call_later(0.01, drop)
            return
        scene.gateway.dtls.drop(1, {IDENTITY})

    scene.servers.soon(drop)
    result = scene.run("observe", scene.uri("c"), *key, "--for", "20")
    assert result.exit_code == 3 and "ended the DTLS association" in result.stderr


def test_silence_and_a_refused_port_are_told_apart_in_bounded_time(tmp_path: Path, key: tuple[str, ...]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind((LOOPBACK, 0))
        uri = f"coaps://{LOOPBACK}:{silent.getsockname()[1]}/t"
        began_s = time.monotonic()
        quiet = run(tmp_path, "get", uri, *key, "--timeout", "0.2")
        assert time.monotonic() - began_s < 5
    refused = run(tmp_path, "get", uri, *key)
    assert (quiet.exit_code, refused.exit_code) == (3, 3)
    assert "within 0.2 s: nothing there speaks DTLS" in quiet.stderr
    assert "Nobody listens" in refused.stderr
    assert last(quiet) == last(refused) == "next: comatrix status"


def test_a_server_with_certificates_alone_is_told(tmp_path: Path, key: tuple[str, ...]) -> None:
    port = free_port(socket.SOCK_DGRAM)
    made = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1")
    subject = ("-subj", "/CN=x", "-keyout", str(tmp_path / "k"), "-out", str(tmp_path / "c"))
    with running(*s_server(port, "-version")):  # skips without openssl
        subprocess.run(["openssl", *made, *subject], check=True, capture_output=True)
    with running(*s_server(port, "-cert", str(tmp_path / "c"), "-key", str(tmp_path / "k"))):
        result = run(tmp_path, "get", f"coaps://{LOOPBACK}:{port}/t", *key, "--timeout", "10")
    assert result.exit_code == 1 and "it may want certificates" in result.stderr
    assert last(result) == f"next: openssl s_client -dtls1_2 -connect {LOOPBACK}:{port}"


@pytest.mark.slow
@pytest.mark.parametrize("name", LIBCOAP)
def test_libcoap_s_servers_are_asked(tmp_path: Path, name: str, key: tuple[str, ...]) -> None:
    port = pair_of_ports()
    with running(*libcoap(name, port, KEY.decode())):
        found = run(tmp_path, "get", f"coaps://{LOOPBACK}:{port}/.well-known/core", *key)
        assert found.exit_code == 0 and "/time" in found.stdout, found.output
        wrong = of_file(tmp_path, NEWER.hex())
        told = run(tmp_path, "get", f"coaps://{LOOPBACK}:{port}/time", *wrong, "--timeout", "1")
    assert told.exit_code == 1 and "fell silent when it was shown this key" in told.stderr, told.output


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("sesame", "in hexadecimal"),
        ("", "in hexadecimal"),
        ("00" * 65, "in hexadecimal"),
        ("{", "no configuration"),
        ('{"secret": "00"}', "no configuration"),
    ],
)
def test_a_file_without_a_key_is_told_and_not_shown(tmp_path: Path, content: str, says: str) -> None:
    result = run(tmp_path, "get", "coaps://127.0.0.1:9/t", *of_file(tmp_path, content))
    assert result.exit_code == 2 and says in result.stderr and last(result).startswith("next: ")
    assert "sesame" not in result.output


def test_who_speaks_must_be_said_once_and_kept_to_oneself(scene: Scene, key: tuple[str, ...]) -> None:
    room = scene.gateway.store.write(lambda connection: rooms.add(connection, "!other:localhost")).id
    scene.gateway.store.write(lambda connection: nodes.add(connection, "shed", room, now_ms=0))
    Path(key[3]).chmod(0o644)
    for words, says in (
        ((), "needs --node, or --psk-identity"),
        (key, "can be read by others"),
        ((*key, "--node", "garden"), "not both"),
        (("--node", "shed"), "shed has no key for DTLS"),
        (("--node", "nobody"), "nobody"),
        (("--psk-file", str(scene.home / "none")), "No such file"),
    ):
        result = scene.run("get", scene.uri("t"), *words)
        assert result.exit_code == 2 and says in result.stderr, result.output
        assert last(result).startswith("next: ")
    assert scene.gateway.dtls.received == 0
