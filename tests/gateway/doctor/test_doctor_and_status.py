"""`comatrix doctor` and `comatrix status` as a person and a program see them."""

import json
import os
import pty
import re
import subprocess
import sys
import time
from typing import Any

import pytest
from click.testing import CliRunner, Result

from comatrix import __version__
from comatrix.gateway.admin.doctor import LINES
from comatrix.gateway.admin.doctor.page import markdown
from comatrix.gateway.cli.main import cli
from comatrix.gateway.edges.store import nodes, rooms
from tests.gateway.doctor import sockets
from tests.gateway.doctor.patient import Patient, now_ms

DOCTOR = "import sys; from comatrix.gateway.cli.main import main; main()"
RED, GREEN = b"\x1b[31m", b"\x1b[32m"


def run(patient: Patient, *words: str) -> Result:
    """A command on the patient's folder; what it prints never holds a traceback."""
    result = CliRunner().invoke(cli, list(words), env={"COMATRIX_HOME": str(patient.paths.state)})
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def doctor_json(patient: Patient, exit_code: int) -> dict[str, Any]:
    result = run(patient, "doctor", "--json")
    assert result.exit_code == exit_code, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_exit_code_0_where_nothing_is_wrong_also_with_warnings(patient: Patient) -> None:
    found = doctor_json(patient, 0)
    assert found["ok"] and found["counts"]["warning"] and not found["counts"]["wrong"]
    assert sum(found["counts"].values()) == len(found["findings"])


def test_exit_code_1_where_something_is_wrong(patient: Patient) -> None:
    patient.paths.secrets.unlink()
    found = doctor_json(patient, 1)
    assert not found["ok"] and found["skipped"]["token"] == "secrets"
    (line,) = [one for one in found["findings"] if one["level"] == "wrong"]
    file = str(patient.paths.secrets)
    assert line == {
        "subject": "secrets",
        "code": "secrets.missing",
        "level": "wrong",
        "text": f"there is no access token at {file}",
        "next": "comatrix init --force",
    }


def test_each_line_in_words_has_its_level_subject_and_next_command(patient: Patient) -> None:
    patient.paths.secrets.unlink()
    result = run(patient, "doctor")
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    place = next(number for number, line in enumerate(lines) if line.startswith("wrong"))
    assert lines[place].split()[:2] == ["wrong", "secrets"]
    assert lines[place + 1].strip() == "next: comatrix init --force"
    assert "Not looked at" in result.stdout and lines[-1].startswith("1 wrong, ")


def test_many_rooms_that_are_well_take_few_lines(patient: Patient) -> None:
    def bind_more(connection: Any) -> None:
        for number in range(1, 9):
            room = rooms.add(connection, patient.room_id + str(number))
            nodes.bind_room(connection, 1, number, room.id)

    def copies(server: Any) -> None:
        garden = server.rooms[patient.room_id]
        server.rooms.update({f"{patient.room_id}{number}": garden for number in range(1, 9)})

    patient.server(copies)
    patient.write(bind_more)
    result = run(patient, "doctor")
    assert result.exit_code == 0, result.output
    assert result.stdout.count(": joined") == 3 and "... and 6 more like that" in result.stdout


def test_a_homeserver_cannot_move_the_cursor(patient: Patient) -> None:
    patient.put_state("tombstone", body="", replacement_room="!x\x1b[2J")
    result = run(patient, "doctor")
    assert result.exit_code == 1 and "\x1b" not in result.stdout and "in favour of !x?[2J" in result.stdout


@pytest.mark.slow
def test_colours_only_on_a_terminal(patient: Patient) -> None:
    words = [sys.executable, "-c", DOCTOR, "--home", str(patient.paths.state), "doctor"]
    patient.paths.secrets.unlink()
    piped = subprocess.run(words, capture_output=True, check=False)
    assert piped.returncode == 1 and b"\x1b" not in piped.stdout + piped.stderr
    ours, theirs = pty.openpty()
    shown = subprocess.run(words, stdout=theirs, check=False)
    os.close(theirs)
    seen = os.read(ours, 65_536)
    os.close(ours)
    assert shown.returncode == 1 and GREEN in seen and RED in seen.replace(b"\x1b[1m", b"")


@pytest.mark.slow
def test_nothing_set_up_at_all_is_told_in_a_second(patient: Patient) -> None:
    for path in (patient.paths.config, patient.paths.secrets, patient.paths.database):
        path.unlink()
    began_s = time.monotonic()
    result = run(patient, "doctor")
    assert result.exit_code == 1 and "next: comatrix init" in result.stdout
    assert time.monotonic() - began_s < 3


def test_the_page_has_every_line() -> None:
    page = markdown()
    assert [code for code in LINES if f"| `{code}` |" not in page] == []


# Status


def status_json(patient: Patient) -> dict[str, Any]:
    result = run(patient, "status", "--json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_status_tells_what_waits_for_each_room_also_offline(patient: Patient) -> None:
    patient.receive(now_ms() - 3_600_000)
    (room,) = status_json(patient)["rooms"]
    assert (room["room"], room["waiting"], room["encrypted"], room["paused"]) == ("#garden:localhost", 1, False, None)
    shown = run(patient, "status").stdout
    assert "#garden:localhost: 1 record waits since " in shown
    assert shown.splitlines()[-1] == "Next: comatrix gateway run"


def test_status_tells_how_large_the_database_is_and_may_become(patient: Patient) -> None:
    patient.configure(more='[store]\nmax_size = "64MiB"\n')
    found = status_json(patient)["database"]
    assert found["max_size"] == 64 << 20 and 0 < found["used"] < 1 << 20
    assert " of at most 64.0 MB (0 %)" in run(patient, "status").stdout


def test_status_of_a_running_gateway_tells_lag_limit_and_who_knocked(patient: Patient) -> None:
    gateway = patient.start()
    patient.send(gateway.port, b"\x41\x02\0\1T\xb1r\xff\xa1\0\1")
    gateway.until(lambda live: bool(live["security"] and live["lags"]))
    found = status_json(patient)
    assert found["running"] and found["live"]["security"][0]["count"] == 1
    assert found["rooms"][0]["rate"] == "as often as needed" and found["rooms"][0]["trouble"] == ""
    shown = run(patient, "status").stdout
    assert "#garden:localhost: nothing waits" in shown
    assert "knocked once without security" in shown
    assert not shown.splitlines()[-1].startswith("Next")


def test_status_tells_an_outage_of_the_homeserver_before_anything_waits(patient: Patient) -> None:
    gateway = patient.start()
    gateway.until(lambda live: live["silence"] is None)
    patient.loopback.server.down = True
    gateway.until(lambda live: live["silence"] is not None)
    shown = run(patient, "status").stdout
    assert re.search(r"homeserver +http://\S+, no answer since 2\S+ \S+ \(.+\)\n", shown)
    assert shown.splitlines()[-1] == "Next: comatrix doctor"
    assert status_json(patient)["live"]["silence"]["since_ms"] > now_ms() - 60_000
    patient.loopback.server.down = False


def test_status_of_a_running_gateway_counts_whom_its_limits_kept_out(patient: Patient) -> None:
    patient.configure(more="[limits]\naddress_rate = 1\naddress_burst = 1\n")
    gateway = patient.start()
    for number in range(5):
        patient.send(gateway.port, b"\x41\x02\0%c" % number + b"T\xb1r\xff\xa1\0\1")
    gateway.until(lambda live: live["dropped"] == 4)
    assert "limits          4 datagrams of strangers dropped unread" in run(patient, "status").stdout


def test_status_of_a_limited_gateway_tells_when_the_next_event_is_expected(patient: Patient) -> None:
    at_ms = 1_700_000_000_000
    room = {
        "room": "#garden:localhost",
        "room_id": patient.room_id,
        "encrypted": False,
        "paused": "M_FORBIDDEN",
        "waiting": 40,
        "oldest_ms": at_ms,
        "lag_ms": 600_000,
        "next_ms": at_ms,
        "rate": "1 event every 5 s",
        "interval_ms": 5_000,
        "trouble": "",
    }
    counts = dict.fromkeys(("nodes", "records", "late", "waiting", "sealed", "parked", "posted"), 0)
    live = {"listening": [], "lags": [room], "troubles": ["the homeserver limits us"]}
    status = {"version": __version__, "running": True, "homeserver": "x", "live": live, "rooms": [room], **counts}
    sockets.control(patient.paths.socket, status)
    shown = run(patient, "status").stdout
    assert (
        "#garden:localhost: 40 records wait, the oldest for 10 min;"
        " next event expected 2023-11-14 22:13:20; M_FORBIDDEN" in shown
    )
    assert "the homeserver takes 1 event every 5 s of this account" in shown
    assert "trouble         the homeserver limits us" in shown
    assert shown.splitlines()[-1] == "Next: comatrix doctor"


def test_node_show_says_where_a_node_was_heard_last(patient: Patient) -> None:
    patient.configure(more='plain_bind = ["[::1]:0"]\n')
    patient.write(lambda connection: nodes.add(connection, "old", 1, now_ms=1, security="plain", address="::1"))
    gateway = patient.start()
    port = gateway.do(lambda running: running.udp.addresses[1][1])
    patient.send(port, b"\x41\x02\0\1T\xb1r\xff\xa1\0\1")
    gateway.until(lambda live: "2" in live["addresses"])
    assert gateway.do(lambda running: running.live()["addresses"]) == {"2": "::1"}
    assert "address         ::1\n" in run(patient, "node", "show", "old").stdout


def test_status_of_an_older_gateway_is_shown_as_far_as_it_goes(patient: Patient) -> None:
    counts = dict.fromkeys(("nodes", "records", "late", "waiting", "sealed", "parked", "posted"), 0)
    status = {"version": "0.0.1", "running": True, "homeserver": "x", "live": {"listening": []}, **counts}
    sockets.control(patient.paths.socket, status)
    assert "running (CoMatrix 0.0.1)" in run(patient, "status").stdout
