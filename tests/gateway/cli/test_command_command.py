"""`comatrix command`: what is typed in a terminal waits in the same mailbox, and is shown until it is over."""

import asyncio
import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from comatrix.codec import cbor
from comatrix.codec.description import Description, Method, Setting
from comatrix.gateway.admin import Collaborators, operations
from comatrix.gateway.cli.main import cli
from comatrix.gateway.config.settings import Settings
from comatrix.gateway.downlink import states
from comatrix.gateway.downlink.items import NewItem, Order
from comatrix.gateway.edges.control import ControlServer
from comatrix.gateway.edges.store import descriptions, mailbox, nodes, rooms
from comatrix.gateway.edges.store.store import Store
from tests.gateway.cli.conftest import Comatrix

NOW_MS = 1_700_000_000_000
GARDEN = Description(
    [Setting("interval", "s", 5, 86_400), Setting("offset", "Cel", -100, 100, 1)],
    [Method("relay", [Setting("state", "", 0, 1)]), Method("label", ["text"])],
)
COMMANDS = ["set", "get", "call", "say", "list", "show", "cancel"]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A gateway's folder with the nodes `garden`, described, and `shed`, not yet."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "comatrix.toml").write_text('[homeserver]\nurl = "http://127.0.0.1:9"\nuser = "@cx:localhost"\n')
    with Store.open(home / "comatrix.db", NOW_MS) as store:
        room = store.write(lambda c: rooms.add(c, "!a:b"))
        for name in ("garden", "shed"):
            store.write(lambda c, name=name: nodes.add(c, name, room.id, now_ms=0))  # type: ignore[misc]
        store.write(lambda c: descriptions.put(c, 1, b"hash", cbor.encode(GARDEN.body()), 0))
    return home


@pytest.fixture
def offline(home: Path, comatrix: Comatrix) -> Comatrix:
    """No gateway runs."""
    return comatrix


class Running:
    """The running gateway's control socket, in a thread of its own."""

    def __init__(self, home: Path) -> None:
        self.told: list[tuple[str, int]] = []
        self._home = home
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._do(self._start())

    def end(self, number: int, event: str, value: int | None = None, *, later_s: float = 0) -> None:
        """What becomes of a command, at once or later."""
        run = threading.Timer(later_s, lambda: self._do(self._end(number, event, value)))
        run.start()
        if not later_s:
            run.join()

    def stop(self) -> None:
        """The gateway ends."""
        self._do(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _do(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _start(self) -> None:
        self._store = Store.open(self._home / "comatrix.db", NOW_MS)
        given = Collaborators(
            store=self._store,
            settings=Settings(),
            homeserver=lambda: None,  # type: ignore[arg-type, return-value]
            now_ms=lambda: time.time_ns() // 1_000_000,
            random_bytes=bytes,
            local_address=lambda: "",
            wait=asyncio.sleep,
            changed=lambda what, key: self.told.append((what, key)),
        )
        self._control = ControlServer(self._home / "control.sock", operations(given))
        await self._control.start()

    async def _end(self, number: int, event: str, value: int | None) -> None:
        def job(connection: Any) -> None:
            item = mailbox.by_number(connection, number)
            assert item is not None
            if item.state == states.QUEUED:
                mailbox.air(connection, item, NOW_MS)
            mailbox.end(connection, number, event, NOW_MS, value=value)

        await self._store.run(job)

    async def _stop(self) -> None:
        await self._control.aclose()
        await self._store.aclose()


@pytest.fixture
def running(home: Path, comatrix: Comatrix) -> Iterator[tuple[Comatrix, Running]]:
    """A gateway runs."""
    gateway = Running(home)
    yield comatrix, gateway
    gateway.stop()


def read(comatrix: Comatrix, *words: str) -> Any:
    result = comatrix("command", *words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


Typed = tuple[list[str], str, list[int | str]]
TYPED: list[Typed] = [
    (["set", "garden", "interval", "5min"], "interval = 300 s", [300]),
    (["set", "garden", "interval", "5", "min"], "interval = 300 s", [300]),
    (["set", "GARDEN", "offset", "-2.5"], "offset = -2.5 °C", [-25]),
    (["get", "1", "interval"], "interval", []),
    (["call", "garden", "relay", "on"], "relay(on)", [1]),
    (["call", "garden", "label", "back", "at", "six"], 'label("back at six")', ["back at six"]),
    (["say", "shed", "back", "at six"], '"back at six"', ["back at six"]),
]


@pytest.mark.parametrize(("words", "shown", "values"), TYPED, ids=[typed[1] for typed in TYPED])
def test_what_is_typed_waits(offline: Comatrix, home: Path, words: list[str], shown: str, values: list[Any]) -> None:
    result = offline("command", *words, "--ttl", "2h")
    assert result.exit_code == 0, result.output
    node = "shed" if "shed" in words else "garden"
    assert result.stdout.splitlines() == [f"#1 {node}: {shown} - queued", "Next: comatrix command show 1"]
    with Store.open(home / "comatrix.db", NOW_MS) as store:
        (item,) = store.read(mailbox.open_items)
    assert (list(item.new.order.values), item.new.room, item.new.event_id) == (values, None, None)
    assert item.new.expires_ms - item.new.created_ms == 7_200_000
    assert item.new.sender == "comatrix command"


def test_json_says_it_whole(offline: Comatrix) -> None:
    added = read(offline, "set", "garden", "interval", "5min")
    assert added == {
        "number": 1,
        "node": "garden",
        "verb": "set",
        "name": "interval",
        "shown": "interval = 300 s",
        "sender": "comatrix command",
        "state": "queued",
        "attempts": 0,
        "created_ms": added["created_ms"],
        "expires_ms": added["created_ms"] + 86_400_000,
        "aired_ms": None,
        "ended_ms": None,
        "reason": "",
        "value": None,
        "told": "",
    }
    assert read(offline, "show", "1") == added
    assert read(offline, "list") == read(offline, "list", "garden") == read(offline, "list", "--all") == [added]
    assert read(offline, "list", "shed") == []


@pytest.mark.parametrize(
    ("words", "told", "next_step"),
    [
        (
            ["set", "garden", "intervall", "5"],
            'garden has no setting "intervall". Did you',
            "comatrix node show garden",
        ),
        (["set", "garden", "interval", "3"], '"3" is too little', "comatrix node show garden"),
        (["set", "shed", "interval", "5"], "shed has not told yet what it can do", "comatrix node show shed"),
        (["set", "pump", "interval", "5"], "There is no node 'pump'", "comatrix node list"),
        (["get", "garden", "interval", "--ttl", "31d"], "must be a span", "comatrix command get --help"),
        (["say", "garden", "\u202e"], "a character that hides or reorders text", "comatrix node show garden"),
        (["show", "7"], "There is no command 7.", "comatrix command list --all"),
        (["cancel", "7"], "There is no command 7.", "comatrix command list --all"),
        (["set", "garden", "interval", "5", "--wait"], "No gateway runs", "comatrix gateway run"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_waits(
    offline: Comatrix, words: list[str], told: str, next_step: str
) -> None:
    result = offline("command", *words)
    assert result.exit_code == 2
    assert told in result.stderr
    assert result.stderr.splitlines()[-1] == f"next: {next_step}"
    assert offline("command", "list").stdout == "No command waits for a node.\n"


def test_as_many_wait_as_may(offline: Comatrix, home: Path) -> None:
    with (home / "comatrix.toml").open("a") as file:
        file.write("[commands]\nper_node = 1\n")
    assert offline("command", "get", "garden", "interval").exit_code == 0
    result = offline("command", "get", "garden", "interval")
    assert (result.exit_code, result.stderr.splitlines()[-1]) == (1, "next: comatrix command list")


def test_what_waits_can_be_listed_and_cancelled_once(offline: Comatrix) -> None:
    offline("command", "set", "garden", "interval", "5min")
    heads, row = offline("command", "list").stdout.splitlines()
    assert heads.split() == ["#", "NODE", "COMMAND", "SINCE", "STATE", "ATTEMPTS", "BY"]
    assert row.split()[:6] == ["1", "garden", "interval", "=", "300", "s"]
    result = offline("command", "cancel", "1")
    assert result.stdout == "#1 garden: interval = 300 s - cancelled - the operator\n"
    again = offline("command", "cancel", "1")
    assert again.exit_code == 2
    assert "Command 1 is cancelled: only one that waits can be cancelled." in again.stderr
    assert offline("command", "list").stdout == "No command waits for a node.\n"
    assert read(offline, "list", "--all")[0]["state"] == "cancelled"


def test_a_running_gateway_hears_of_it(running: tuple[Comatrix, Running]) -> None:
    comatrix, gateway = running
    assert comatrix("command", "say", "garden", "hello").exit_code == 0
    assert comatrix("command", "cancel", "1").exit_code == 0
    assert gateway.told == [("command", 1), ("command", 1)]


def test_what_is_on_air_cannot_be_cancelled(running: tuple[Comatrix, Running]) -> None:
    comatrix, gateway = running
    comatrix("command", "say", "garden", "hello")
    gateway.end(1, states.AIRED)
    result = comatrix("command", "cancel", "1")
    assert (result.exit_code, "Command 1 is on air" in result.stderr) == (2, True)
    assert gateway.told == [("command", 1)]


def test_wait_shows_each_state_until_the_last(running: tuple[Comatrix, Running]) -> None:
    comatrix, gateway = running
    gateway.end(1, states.AIRED, later_s=0.2)
    gateway.end(1, states.DONE, 300, later_s=0.9)
    result = comatrix("command", "set", "garden", "interval", "5min", "--wait")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "#1 garden: interval = 300 s - queued",
        "#1 garden: interval = 300 s - on air - attempt 1",
        "#1 garden: interval = 300 s - confirmed - the node says 300 s",
    ]


def test_wait_with_json_says_only_the_last_and_fails_unless_it_is_confirmed(
    running: tuple[Comatrix, Running],
) -> None:
    comatrix, gateway = running
    gateway.end(1, states.DENIED, later_s=0.2)
    result = comatrix("command", "get", "garden", "interval", "--wait", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["state"] == "refused"


def test_wait_ends_with_the_gateway(home: Path, comatrix: Comatrix) -> None:
    gateway = Running(home)
    threading.Timer(0.2, gateway.stop).start()
    result = comatrix("command", "get", "garden", "interval", "--wait")
    assert result.exit_code == 3
    assert result.stderr.splitlines()[-1] == "next: comatrix command show 1"
    assert read(comatrix, "show", "1")["state"] == "queued"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str) -> None:
    result = CliRunner().invoke(cli, ["command", name, "--help"])
    assert result.exit_code == 0
    assert "--json" in result.stdout
    listed = CliRunner().invoke(cli, ["command", "--help"]).stdout
    assert f"  {name} " in listed


def test_all_of_a_node_are_its_newest_100_whatever_others_were_told_since(home: Path, offline: Comatrix) -> None:
    def told(connection: sqlite3.Connection) -> None:
        for node in [2] * 3 + [1] * 105:
            order = Order("say", "", ("hi",), "hi")
            item, _ = mailbox.add(connection, NewItem(node, order, "x", NOW_MS, NOW_MS + 1), 0, 32)
            mailbox.end(connection, item.number, states.CANCELLED_BY, NOW_MS, "")

    with Store.open(home / "comatrix.db", NOW_MS) as store:
        store.write(told)

    def numbers(*words: str) -> list[int]:
        return [one["number"] for one in json.loads(offline("command", "list", *words, "--all", "--json").stdout)]

    assert numbers("shed") == [1, 2, 3]
    assert numbers("garden") == numbers() == list(range(9, 109))
