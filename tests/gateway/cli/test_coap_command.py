"""`comatrix coap` against aiocoap's server and our own gateway, and what it says when there is no good answer."""

import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cbor2
import pytest
from click.testing import CliRunner, Result

from comatrix.codec import cbor
from comatrix.gateway.cli.main import cli
from comatrix.gateway.edges.coap_client.observing import Observation
from comatrix.gateway.edges.coap_client.peer import Peer
from comatrix.gateway.edges.coap_client.requests import Asking
from comatrix.gateway.model import Node
from tests.support.coap_servers import LOOPBACK, Counting, Fixed, Servers

PLAIN = Node(9, "meter", 1, 1, security="plain", address=LOOPBACK)
LONG = bytes(range(256)) * 20


@pytest.fixture
def servers() -> Iterator[Servers]:
    made = Servers()
    yield made
    made.close()


def run(*words: str, input: bytes | str | None = None) -> Result:
    result = CliRunner().invoke(cli, ["coap", *words], input=input)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    return result


def at(port: int, path: str) -> str:
    return f"coap://{LOOPBACK}:{port}/{path}"


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_links_are_a_table_text_is_text_and_cbor_is_diagnostic_notation(servers: Servers) -> None:
    resources = {
        "text": Fixed("21.4 °C".encode(), 0),
        "map": Fixed(cbor2.dumps({"temperature": 21.5, 7: b"\x01"}), 60),
        "json": Fixed(b'{"a":[1,2]}', 50),
        "bytes": Fixed(b"\xff\x00", 42),
        "nasty": Fixed(b"\x1b[2Jgone", 0),
        "broken": Fixed(b"\xa2\x00", 60),
        "count": Counting(),
    }
    port = servers.aiocoap(resources)
    links = run("get", at(port, ".well-known/core")).stdout.splitlines()
    assert links[0].startswith("2.05 Content (") and links[0].endswith("application/link-format)")
    assert links[1].split()[0] == "PATH" and "OBS" in links[1].split()
    assert next(line.split() for line in links if line.startswith("/count")).count("yes") == 1
    assert run("get", at(port, "text")).stdout == "2.05 Content (8 bytes, text/plain)\n21.4 °C\n"
    assert "{\"temperature\": 21.5, 7: h'01'}" in run("get", at(port, "map")).stdout
    assert '  "a": [' in run("get", at(port, "json")).stdout
    assert "ff00" in run("get", at(port, "bytes")).stdout
    nasty = run("get", at(port, "nasty")).stdout
    assert "\x1b" not in nasty and b"\x1b[2J".hex() in nasty
    assert "no CBOR we can read" in run("get", at(port, "broken")).stdout
    told = json.loads(run("get", at(port, "map"), "--json").stdout)
    assert (told["code"], told["content_format"], told["value"]) == ("2.05", 60, [{"temperature": 21.5, "7": "h'01'"}])
    assert told["protected"] is False


def test_a_long_answer_comes_in_blocks_and_a_long_payload_leaves_in_blocks(servers: Servers, tmp_path: Path) -> None:
    long = Fixed(LONG, 42)
    port = servers.aiocoap({"long": long})
    assert json.loads(run("get", at(port, "long"), "--json").stdout)["payload"] == LONG.hex()
    (tmp_path / "file").write_bytes(LONG)
    assert run("post", at(port, "long"), "--format", "42", "--file", str(tmp_path / "file")).exit_code == 0
    assert run("post", at(port, "long"), "--format", "42", "-", input=LONG[:1025]).exit_code == 0
    assert long.taken == [(42, LONG), (42, LONG[:1025])]


@pytest.mark.parametrize(
    ("words", "sent"),
    [
        (("temperature=21.37", "humidity=45.2"), (None, cbor.encode({0: 2137, 1: 452}))),
        (('{"0": 2137, "-1": 60}',), (None, cbor.encode({0: 2137, -1: 60}))),
        (("--format", "cbor", '{"temperature": 21.5}'), (60, cbor2.dumps({"temperature": 21.5}, canonical=True))),
        (
            ("--format", "senml+cbor", '[{"n": "temperature", "u": "Cel", "v": 21.5}]'),
            (112, cbor2.dumps([{0: "temperature", 1: "Cel", 2: 21.5}], canonical=True)),
        ),
        (("--format", "senml+json", '[{"n": "x", "v": 1}]'), (110, b'[{"n": "x", "v": 1}]')),
        (("--format", "json", '{"temperature": 21.4}'), (50, b'{"temperature": 21.4}')),
        (("--format", "text", "21.4", "Cel"), (0, b"21.4 Cel")),
        (("--format", "42", "--hex", "03670110"), (42, bytes.fromhex("03670110"))),
        ((), (None, b"")),
    ],
    ids=["native", "native-json", "cbor", "senml-cbor", "senml-json", "json", "text", "number", "nothing"],
)
def test_a_payload_leaves_in_the_format_that_was_named(
    servers: Servers, words: tuple[str, ...], sent: tuple[int | None, bytes]
) -> None:
    taking = Fixed(b"")
    port = servers.aiocoap({"r": taking})
    result = run("post", at(port, "r"), *words)
    assert (result.exit_code, result.stdout) == (0, "2.04 Changed\n")
    assert taking.taken == [sent]


def test_a_non_confirmable_request_is_one(servers: Servers) -> None:
    import aiocoap

    fixed = Fixed(b"x", 0)
    port = servers.aiocoap({"x": fixed})
    assert run("get", at(port, "x"), "--non").exit_code == run("get", at(port, "x")).exit_code == 0
    assert fixed.types == [aiocoap.NON, aiocoap.CON]


def test_a_plain_node_of_a_gateway_posts_and_a_refusal_is_told_in_words(servers: Servers) -> None:
    gateway = servers.gateway(PLAIN, b"")
    assert run("post", at(gateway.port, "r"), "temperature=21.37").exit_code == 0
    (record,) = gateway.disk.records
    assert cbor.decode_untrusted(record.body) == {0: 2137}
    time = json.loads(run("get", at(gateway.port, "t"), "--json").stdout)
    assert isinstance(time["value"][0], int)
    wrong = run("post", at(gateway.port, "r"), "--format", "json", '{"temperatur": 1}')
    assert wrong.exit_code == 1
    assert "unknown name temperatur" in wrong.stdout
    assert "error: It was refused: 4.00 Bad Request." in wrong.stderr
    nowhere = run("get", at(gateway.port, "nowhere"))
    assert nowhere.stderr.splitlines()[-1] == f"next: comatrix coap get {at(gateway.port, '.well-known/core')}"
    assert "4.15 Unsupported" in run("post", at(gateway.port, "r"), "--format", "65000", "x").stderr


def test_who_is_not_declared_hears_401(servers: Servers) -> None:
    gateway = servers.gateway(Node(9, "meter", 1, 1, security="plain", address="192.0.2.1"), b"")
    result = run("post", at(gateway.port, "r"), "temperature=21.37")
    assert (result.exit_code, result.stderr.splitlines()[-1]) == (1, "next: comatrix node list")
    assert "4.01 Unauthorized" in result.stdout


def test_what_is_observed_is_told_at_each_change_and_cancelled_on_ctrl_c(servers: Servers) -> None:
    counting = Counting()
    port = servers.aiocoap({"count": counting})

    def play() -> None:
        until(lambda: counting.watched == 1)
        for _ in range(2):
            servers.soon(counting.change)
            time.sleep(0.1)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=play).start()
    result = run("observe", at(port, "count"), "--json")
    assert result.exit_code == 130
    assert [json.loads(line)["value"] for line in result.stdout.splitlines()] == ["count 0", "count 1", "count 2"]
    until(lambda: counting.watched == 0)


def test_observing_ends_after_the_span_that_was_given(servers: Servers) -> None:
    counting = Counting()
    port = servers.aiocoap({"count": counting})
    result = run("observe", at(port, "count"), "--for", "0.1")
    assert result.exit_code == 0 and "count 0" in result.stdout
    until(lambda: counting.watched == 0)


def test_what_cannot_be_observed_is_shown_once_and_told(servers: Servers) -> None:
    port = servers.aiocoap({"x": Fixed(b"still", 0)})
    result = run("observe", at(port, "x"))
    assert result.exit_code == 1
    assert "still" in result.stdout and "lets nobody observe" in result.stderr


def test_an_observation_is_registered_again_when_max_age_has_passed(servers: Servers) -> None:
    counting = Counting(max_age_s=0)
    port = servers.aiocoap({"count": counting})
    with Peer(LOOPBACK, port, lambda n: 5 % n) as peer:
        observation = Observation(Asking(peer, 2000), [(11, b"count")], grace_ms=30)
        told = observation.answers(peer.now() + 5000)
        assert [next(told).payload for _ in range(3)] == [b"count 0"] * 3
        assert counting.asked == [0, 0, 0]
        assert counting.watched == 1, "under the same token it stays one observation"
        observation.cancel()
        until(lambda: counting.watched == 0)


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("http://127.0.0.1/x", "must begin with coap://"),
        ("coap:///x", "names no host"),
        ("coap://127.0.0.1:99999/x", "is no URI"),
        ("coap://127.0.0.1/x#y", "no fragment"),
        ("coap://[::1/x", "is no URI"),
        ("coap://127.0.0.1/" + "x" * 256, "longer than 255 bytes"),
    ],
)
def test_a_bad_uri_is_told(uri: str, says: str) -> None:
    result = run("get", uri)
    assert result.exit_code == 2 and says in result.stderr
    assert result.stderr.splitlines()[-1].startswith("next: comatrix coap get coap://")


def test_a_refused_port_silence_and_an_unknown_name_are_told_apart() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind((LOOPBACK, 0))
        port = silent.getsockname()[1]
        quiet = run("get", at(port, "x"), "--timeout", "0.1")
    refused = run("get", at(port, "x"), "--timeout", "5")
    unknown = run("get", "coap://no-such-host.invalid/x")
    assert (quiet.exit_code, refused.exit_code, unknown.exit_code) == (3, 3, 2)
    assert "No answer from 127.0.0.1" in quiet.stderr and "within 0.1 s" in quiet.stderr
    assert "Nobody listens" in refused.stderr
    assert "No machine is known by the name" in unknown.stderr
    assert quiet.stderr.splitlines()[-1] == "next: comatrix status"
    assert unknown.stderr.splitlines()[-1] == "next: getent hosts no-such-host.invalid"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--format", "toml", "x"), "There is no format 'toml'"),
        (("--format", "70000", "x"), "There is no format"),
        (("temperature",), "A reading is NAME=VALUE"),
        (("temperatur=1",), "did you mean temperature?"),
        (("--format", "cbor", "{"), "is not JSON"),
        (("--format", "cbor", "NaN"), "is not JSON"),
        (("--format", "senml+cbor", "{}"), "SenML is a list"),
        (("--hex", "0"), "is not hexadecimal"),
        (("--psk-identity", "x", "y=1"), "are for coaps://"),
        (("--jsn",), "No such option"),
    ],
)
def test_a_bad_payload_is_told_before_anything_is_sent(words: tuple[str, ...], says: str) -> None:
    result = run("post", at(9, "r"), *words)
    assert result.exit_code == 2 and says in result.stderr
    assert result.stderr.splitlines()[-1].startswith("next: comatrix ")
