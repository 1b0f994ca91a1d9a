"""Rooms, nodes, queue, status and tail, run by the command line itself against a homeserver on loopback."""

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from comatrix.codec import records as said
from comatrix.gateway.edges.store import contexts, nodes, outbox, rooms
from comatrix.gateway.edges.store import status as node_status
from comatrix.gateway.edges.store.appender import Appender
from comatrix.gateway.edges.store.store import Store
from comatrix.gateway.model import NewRecord, SealedRow
from tests.gateway.cli.conftest import Comatrix, Loopback
from tests.support.homeserver import Homeserver
from tests.support.people import Place

NOW_MS = 1_700_000_000_000


@pytest.fixture
def garden(ready: Comatrix, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Comatrix:
    """One room and, in the folder commands run in, one node's file."""
    monkeypatch.chdir(tmp_path)
    assert ready("room", "create", "Garden", "--invite", "@me:localhost").exit_code == 0
    result = ready("node", "add", "garden", "--room", "#garden:localhost", "--gateway-address", "pi.local:5683")
    assert result.exit_code == 0, result.output
    return ready


def read(comatrix: Comatrix, *words: str) -> Any:
    result = comatrix(*words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def in_store(tmp_path: Path, job: Callable[[Store], Any]) -> Any:
    with Store.open(tmp_path / "home" / "comatrix.db", NOW_MS) as store:
        return job(store)


def test_room_create_says_how_to_go_on(ready: Comatrix, homeserver: Loopback) -> None:
    result = ready("room", "create", "My Garden", "--invite", "@me:localhost", "--no-federate")
    assert result.exit_code == 0, result.output
    assert "Next: comatrix node add garden --room '#my-garden:localhost'" in result.stdout
    (room,) = homeserver.server.rooms.values()
    assert room.membership("@me:localhost") == "invite"
    assert room.content("m.room.create")["m.federate"] is False
    (listed,) = read(ready, "room", "list")
    assert (listed["alias"], listed["room_id"]) == ("#my-garden:localhost", room.room_id)


def test_a_room_nobody_else_is_invited_to_says_so(ready: Comatrix) -> None:
    for words in (("shed",), ("barn", "--invite", "@cx:localhost")):  # the latter is the gateway's own account
        result = ready("room", "create", *words)
        assert result.exit_code == 0, result.output
        assert "Nobody is invited" in result.stdout
    assert "Nobody is invited" not in ready("room", "create", "attic", "--invite", "@me:localhost").stdout


def test_another_server_s_user_is_not_invited_to_a_room_of_this_one_alone(
    ready: Comatrix, homeserver: Loopback
) -> None:
    result = ready("room", "create", "shed", "--invite", "@you:nowhere.invalid", "--no-federate")
    assert result.exit_code == 2, result.output
    assert "@you:nowhere.invalid" in result.stderr and "localhost" in result.stderr
    assert result.stderr.splitlines()[-1] == "next: comatrix room create shed --invite @you:nowhere.invalid"
    assert not homeserver.server.rooms
    assert ready("room", "create", "shed", "--invite", "@you:localhost", "--no-federate").exit_code == 0


@pytest.mark.parametrize("verb", ["add", "rotate"])
def test_a_node_that_stays_awake_is_told_so_in_its_file(garden: Comatrix, tmp_path: Path, verb: str) -> None:
    name, *room = ["garden"] if verb == "rotate" else ["cellar", "--room", "#garden:localhost"]
    said = ("--gateway-address", "pi.local:5683", "--out", "made.json")
    assert garden("node", verb, name, *room, "--observe", *said).exit_code == 0
    assert json.loads((tmp_path / "made.json").read_text())["observe"] is True
    assert "observe" not in json.loads((tmp_path / "garden.json").read_text())


def test_tail_says_that_nothing_came(garden: Comatrix) -> None:
    assert garden("tail").stdout == "Nothing came yet. Next: comatrix node list\n"
    assert garden("tail", "--json").stdout == ""


def test_a_wrong_name_leads_to_the_help_of_what_was_typed(garden: Comatrix) -> None:
    result = garden("node", "rename", "garden", "my.node")
    assert (result.exit_code, result.stderr.splitlines()[-1]) == (2, "next: comatrix node rename --help")


def test_a_taken_alias_names_the_way_out(garden: Comatrix) -> None:
    result = garden("room", "create", "garden")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == "next: comatrix room create 'garden' --alias OTHER"
    assert garden("room", "create", "garden", "--alias", "other").exit_code == 0
    assert garden("room", "create", "garden", "--alias", "").exit_code == 0


def test_node_add_writes_a_private_configuration(garden: Comatrix, tmp_path: Path) -> None:
    path = tmp_path / "garden.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    written = json.loads(path.read_text())
    secret = written.pop("secret")
    assert written == {
        "v": 1,
        "node": 1,
        "name": "garden",
        "enrolment": 1,
        "gateway": "pi.local:5683",
        "interval_s": 60,
    }
    kept = in_store(tmp_path, lambda store: store.read(lambda c: contexts.living(c, 1)))
    assert [context.secret.hex() for context in kept] == [secret]
    for words in (("node", "show", "garden"), ("node", "show", "1", "--json"), ("node", "list", "--json")):
        assert secret not in garden(*words).output


def test_node_add_shows_a_qr_code_only_if_asked(garden: Comatrix, tmp_path: Path) -> None:
    result = garden("node", "add", "shed", "--room", "#garden:localhost", "--qr", "--out", str(tmp_path / "x.json"))
    assert result.exit_code == 0, result.output
    assert "▄" in result.stdout
    secret = json.loads((tmp_path / "x.json").read_text())["secret"]
    assert secret not in result.output


def test_the_room_is_resolved_once_and_joined(garden: Comatrix, homeserver: Loopback) -> None:
    homeserver.server.down = True
    assert garden("node", "add", "shed", "--room", "#garden:localhost").exit_code == 0
    result = garden("node", "add", "barn", "--room", "#barn:localhost")
    assert result.exit_code == 3
    assert result.stderr.splitlines()[-1] == "next: comatrix doctor"


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["Garden"], 2, "There is a node garden already."),
        (["garden"], 2, "There is a node garden already."),  # though its file is there too
        (["a b"], 2, "1 to 32 letters, digits, - or _"),
        (["x" * 33], 2, "1 to 32 letters"),
        (["7"], 2, "taken for a node's number"),
        (["shed", "--post", "monthly"], 2, 'must be "every"'),
        (["shed", "--gateway-address", "pi"], 2, "must be a host and a port"),
        (["shed", "--plain", "garden"], 2, "known by its IP address"),
        (["shed", "--interval", "0"], 2, "--interval"),
        (["shed", "--out", "garden.json"], 2, "exists already"),
        (["shed", "--out", "no/where.json"], 2, "cannot be written"),
    ],
)
def test_what_cannot_be_a_node_is_told_before_anything_is_stored(
    garden: Comatrix, words: list[str], code: int, told: str
) -> None:
    result = garden("node", "add", *words, "--room", "#garden:localhost")
    assert result.exit_code == code
    assert told in result.stderr and result.stderr.splitlines()[-1].startswith("next: comatrix ")
    assert len(read(garden, "node", "list")) == 1


@pytest.mark.parametrize("room", ["garden", "#nowhere:localhost"])
def test_a_room_that_is_none_is_told(garden: Comatrix, room: str) -> None:
    result = garden("node", "add", "shed", "--room", room)
    assert result.exit_code in (1, 2) and "next: comatrix " in result.stderr


async def _encrypted_room(server: Homeserver) -> str:
    """A room of somebody else, encrypted, to which the gateway is invited."""
    place = Place(server, server)
    person = await place.person()
    room_id = await person.create_room(invite=["@cx:localhost"], room_alias_name="secret")
    await person.put_state(room_id, "m.room.encryption", {"algorithm": "m.megolm.v1.aes-sha2"})
    await place.aclose()
    return room_id


def test_an_encrypted_room_is_refused(garden: Comatrix, homeserver: Loopback, tmp_path: Path) -> None:
    room_id = homeserver.do(_encrypted_room)
    for room in ("#secret:localhost", str(room_id)):
        result = garden("node", "add", "shed", "--room", room)
        assert result.exit_code == 1
        assert "is encrypted" in result.stderr
        assert result.stderr.splitlines()[-1].startswith("next: comatrix room create")
    assert not (tmp_path / "shed.json").exists()
    in_store(tmp_path, lambda store: store.write(lambda c: rooms.set_encrypted(c, 1)))  # seen later, remembered
    assert garden("node", "add", "shed", "--room", "#garden:localhost").exit_code == 1
    assert len(read(garden, "room", "list")) == 1


def test_a_plain_node_has_no_keys_and_warns_while_nothing_listens(garden: Comatrix, tmp_path: Path) -> None:
    result = garden("node", "add", "old", "--room", "#garden:localhost", "--plain", "192.168.1.20")
    assert result.exit_code == 0
    assert "set [udp] plain_bind" in result.stderr
    assert "secret" not in json.loads((tmp_path / "old.json").read_text())
    shown = read(garden, "node", "show", "old")
    assert (shown["security"], shown["address"], shown["keys"]) == ("plain", "192.168.1.20", [])
    assert garden("node", "rotate", "old", "--out", "new.json").exit_code == 2


def test_rotate_keeps_the_old_keys_until_the_new_ones_were_heard(garden: Comatrix, tmp_path: Path) -> None:
    old = json.loads((tmp_path / "garden.json").read_text())
    assert garden("node", "rotate", "garden").exit_code == 2  # never over the old file
    assert garden("node", "rotate", "garden", "--out", "new.json", "--gateway-address", "pi.local:5683").exit_code == 0
    new = json.loads((tmp_path / "new.json").read_text())
    assert new["secret"] != old["secret"]
    assert {**new, "secret": ""} == {**old, "secret": ""}
    keys = read(garden, "node", "show", "garden")["keys"]
    assert [(key["generation"], key["state"]) for key in keys] == [(2, "active"), (1, "retiring")]


def test_rename_and_revoke(garden: Comatrix, tmp_path: Path) -> None:
    assert garden("node", "add", "shed", "--room", "#garden:localhost").exit_code == 0
    assert garden("node", "rename", "shed", "GARDEN").exit_code == 2
    assert garden("node", "rename", "shed", "Shed").exit_code == 0  # only its case
    assert garden("node", "rename", "SHED", "barn").exit_code == 0
    assert [one["name"] for one in read(garden, "node", "list")] == ["garden", "barn"]
    assert garden("node", "revoke", "barn").exit_code == 0
    for words in (("show", "barn"), ("block", "Barn"), ("revoke", "2")):
        gone = garden("node", *words)
        assert (gone.exit_code, gone.stderr.splitlines()) == (
            2,
            ["error: Node 2 barn is revoked: nothing can be done with it.", "next: comatrix node list --revoked"],
        )
    assert [one["name"] for one in read(garden, "node", "list", "--revoked")] == ["garden", "barn"]
    assert in_store(tmp_path, lambda store: store.read(lambda c: contexts.living(c, 2))) == []
    assert garden("node", "add", "barn", "--room", "#garden:localhost").exit_code == 0
    assert json.loads((tmp_path / "barn.json").read_text())["node"] == 3  # a number is never given twice


def test_block_and_unblock(garden: Comatrix, tmp_path: Path) -> None:
    blocked = garden("node", "block", "GARDEN")
    assert blocked.stdout == "Node 1 garden is blocked. To hear it again: comatrix node unblock garden\n"
    assert read(garden, "node", "show", "garden")["blocked"] is True
    assert [one["blocked"] for one in read(garden, "node", "list")] == [True]
    assert "garden (blocked)" in garden("node", "list").stdout
    assert "blocked         yes" in garden("node", "show", "garden").stdout
    stored = in_store(tmp_path, lambda store: store.read(lambda c: nodes.by_number(c, 1)))
    assert stored.blocked and not stored.revoked
    assert read(garden, "node", "unblock", "1")["blocked"] is False
    assert garden("node", "unblock", "garden").stdout == "Node 1 garden is heard again.\n"
    assert "(blocked)" not in garden("node", "list").stdout
    assert garden("node", "block", "nobody").exit_code == 2


def test_a_node_moves_to_another_room(garden: Comatrix) -> None:
    assert garden("room", "create", "Cellar").exit_code == 0
    moved = garden("node", "move", "garden", "--room", "#cellar:localhost")
    assert moved.stdout == "Node 1 garden posts to #cellar:localhost now.\n"
    assert read(garden, "node", "show", "garden")["room"] == "#cellar:localhost"
    assert garden("node", "move", "garden", "--room", "#nowhere:localhost").exit_code != 0
    assert read(garden, "node", "show", "garden")["room"] == "#cellar:localhost"


def test_a_node_is_given_a_further_room_by_a_number(garden: Comatrix) -> None:
    assert garden("room", "create", "Cellar").exit_code == 0
    bound = garden("node", "bind", "garden", "3", "--room", "#cellar:localhost")
    assert bound.stdout == "Room 3 of node 1 garden is #cellar:localhost now.\n"
    assert read(garden, "node", "show", "garden")["rooms"] == {"3": "#cellar:localhost"}
    assert "#cellar:localhost" in garden("node", "show", "garden").stdout
    assert garden("node", "bind", "garden", "0", "--room", "#cellar:localhost").exit_code == 2


def test_node_show_leaves_out_what_is_not_known_and_reads_the_battery_from_readings(
    garden: Comatrix, tmp_path: Path
) -> None:
    """Neither means that the node has none."""

    def labels() -> set[str]:
        return {line[:15].strip() for line in garden("node", "show", "garden").stdout.splitlines()}

    assert not labels() & {"battery", "address", "firmware", "wakes every", "further rooms"}
    in_store(tmp_path, _store_readings)
    assert "battery" not in labels()
    in_store(tmp_path, _store_battery)
    assert "battery         3.31 V" in garden("node", "show", "garden").stdout


def test_rotate_keeps_the_interval_the_node_has(garden: Comatrix, tmp_path: Path) -> None:
    said = node_status.NodeStatus(1, wake_interval_s=600)
    in_store(tmp_path, lambda store: store.write(lambda connection: node_status.update(connection, said)))
    assert garden("node", "rotate", "garden", "--out", "new.json").exit_code == 0
    assert json.loads((tmp_path / "new.json").read_text())["interval_s"] == 600


def test_status_and_lists_read_nicely(garden: Comatrix) -> None:
    status = read(garden, "status")
    assert (status["running"], status["nodes"], status["parked"]) == (False, 1, 0)
    shown = garden("status")
    assert "not running" in shown.stdout and "Next: comatrix gateway run" in shown.stdout
    heads, row = garden("node", "list").stdout.splitlines()
    assert heads.startswith("NUMBER  NAME    ROOM")
    assert row.index("#garden:localhost") == heads.index("ROOM")
    assert "garden" in garden("room", "list").stdout
    assert "generation 1 active, never heard" in garden("node", "show", "garden").stdout


def test_empty_lists_name_the_next_command(ready: Comatrix) -> None:
    for words in (("node", "list"), ("room", "list")):
        assert "Next: comatrix " in ready(*words).stdout
    assert "No event waits" in ready("queue").stdout


def test_without_a_configuration_every_command_says_init(comatrix: Comatrix, tmp_path: Path) -> None:
    for words in (("node", "list"), ("room", "list"), ("queue",), ("status",), ("tail",), ("gateway", "run")):
        result = comatrix(*words)
        assert (result.exit_code, result.stderr.splitlines()[-1]) == (2, "next: comatrix init"), words
    assert not (tmp_path / "home").exists()


def _store_readings(store: Store) -> None:
    def append(connection: Any) -> None:
        known = nodes.all_nodes(connection)[0]
        for seq in range(3):
            body = said.encode(said.Readings({0: 2000 + seq}))
            new = NewRecord(1, 1, seq, known.room, "readings", body, NOW_MS, NOW_MS)
            Appender().append(connection, [(new, None, None)])

    store.write(append)


def _store_battery(store: Store) -> None:
    def append(connection: Any) -> None:
        room = nodes.all_nodes(connection)[0].room
        for seq, values in ((3, {0: 2000, 2: 331}), (4, {0: 2001})):
            new = NewRecord(1, 1, seq, room, "readings", said.encode(said.Readings(values)), NOW_MS, NOW_MS)
            Appender().append(connection, [(new, None, None)])

    store.write(append)


def test_tail_shows_readings_in_words_and_as_json(garden: Comatrix, tmp_path: Path) -> None:
    in_store(tmp_path, _store_readings)
    lines = garden("tail", "-n", "2").stdout.splitlines()
    assert [line.split("  ", 1)[1].split(" (")[0].strip() for line in lines] == [
        "garden #1  temperature 20.01 °C",
        "garden #2  temperature 20.02 °C",
    ]
    items = [json.loads(line) for line in garden("tail", "--json", "--node", "garden").stdout.splitlines()]
    assert [item["value"]["readings"][0]["value"] for item in items] == ["20.00", "20.01", "20.02"]
    assert [item["value"]["seq"] for item in items] == [0, 1, 2]


def test_tail_shows_times_in_the_configured_zone(garden: Comatrix, tmp_path: Path) -> None:
    in_store(tmp_path, _store_readings)
    path = tmp_path / "home" / "comatrix.toml"
    text = path.read_text().split("[gateway]")[0]
    for name, time in (("UTC", "2023-11-14 22:13:20"), ("Asia/Tokyo", "2023-11-15 07:13:20")):
        path.write_text(f'{text}[gateway]\ntimezone = "{name}"\n')
        assert garden("tail", "-n", "1").stdout.startswith(time)


def test_tail_follow_needs_a_running_gateway(garden: Comatrix, tmp_path: Path) -> None:
    in_store(tmp_path, _store_readings)
    result = garden("tail", "-f")
    assert result.exit_code == 3
    assert len(result.stdout.splitlines()) == 3
    assert result.stderr.splitlines()[-1] == "next: comatrix gateway run"


def _park(store: Store) -> None:
    def park(connection: Any) -> None:
        room = nodes.all_nodes(connection)[0].room
        for id in (1, 2):
            row = SealedRow(
                id, room, "!x", "m.room.message", f"t{id}", b"{}", NOW_MS, (1,), False, 0, "sealed",
                sender="@cx:localhost", device="D",
            )  # fmt: skip
            outbox.seal(connection, row, [])
        outbox.park(connection, 1, "unknown whether posted")

    store.write(park)


def test_parked_events_are_shown_retried_and_dropped(garden: Comatrix, tmp_path: Path) -> None:
    in_store(tmp_path, _park)
    assert [row["id"] for row in read(garden, "queue")["rows"]] == [1, 2]
    (row,) = read(garden, "queue", "--parked")["rows"]
    assert (row["id"], row["state"], row["reason"]) == (1, "parked", "unknown whether posted")
    assert "unknown whether posted" in garden("queue", "--parked").stdout
    assert "Next: comatrix queue --parked" in garden("status").stdout
    for words in (("retry", "2"), ("drop", "2"), ("retry", "99"), ("retry",), ("drop", "1", "--all")):
        assert garden("queue", *words).exit_code == 2, words
    assert read(garden, "queue", "retry", "1") == {"ids": [1]}
    assert read(garden, "queue", "--parked")["rows"] == []
    in_store(tmp_path, lambda store: store.write(lambda c: outbox.park(c, 1, "again")))
    assert read(garden, "queue", "drop", "--all") == {"ids": [1]}
    assert [row["id"] for row in read(garden, "queue")["rows"]] == [2]


def test_a_database_somebody_has_is_told(garden: Comatrix, tmp_path: Path) -> None:
    with Store.open(tmp_path / "home" / "comatrix.db", NOW_MS):
        result = garden("node", "list")
    assert result.exit_code == 1
    assert "in use by another process" in result.stderr
