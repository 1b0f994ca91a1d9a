"""Each line the doctor can say: the very thing behind it is broken, and exactly that line is told, with its command."""

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from comatrix.gateway.admin.doctor import CHECKS, LINES
from comatrix.gateway.admin.doctor.examination import Check
from comatrix.gateway.admin.doctor.lines import OK, Outcome
from tests.gateway.doctor import breakings_here as breakings_here
from tests.gateway.doctor import breakings_nodes as breakings_nodes
from tests.gateway.doctor import breakings_service as breakings_service
from tests.gateway.doctor import breakings_there as breakings_there
from tests.gateway.doctor.breakings import BREAKINGS
from tests.gateway.doctor.patient import Patient, shown, told
from tests.gateway.doctor.sockets import unprivileged

# Said of the doctor itself: broken below with checks made for it.
OF_ITSELF = {"doctor.slow", "doctor.broken"}
FOR_THE_TEST = {"kept", "only", "unprivileged", "port", "url"}
PORT_FOR_ALL = 683


def test_every_line_has_a_test_that_breaks_it() -> None:
    assert set(BREAKINGS) | OF_ITSELF == {code for code, line in LINES.items() if line.level != OK}


def test_every_line_that_is_not_ok_names_a_next_command() -> None:
    assert [code for code, line in LINES.items() if (line.level == OK) == bool(line.next)] == []


def test_every_line_stands_in_one_check_only() -> None:
    assert len(CHECKS) == len({check.name for check in CHECKS})


@pytest.mark.parametrize("code", sorted(BREAKINGS))
def test_what_is_broken_is_told_and_nothing_else(patient: Patient, code: str) -> None:
    if code == "ports.forbidden" and _first_free_port() <= PORT_FOR_ALL:
        pytest.skip("this machine lets everybody have low ports")
    breaking = BREAKINGS[code]
    found: dict[str, Any] = breaking.run(patient) or {}
    given = {name: value for name, value in found.items() if name not in FOR_THE_TEST}
    if found.get("unprivileged"):
        with unprivileged():
            report = patient.examine(_only(found["only"]), **given)
    else:
        report = patient.examine(**given)
    lines = told(report)
    assert set(lines) - {"gateway.stopped"} == {code, *breaking.also} - {"gateway.stopped"}, shown(report)
    facts = {"home": patient.paths.state, "pid": os.getpid(), "url": patient.loopback.url} | found
    assert lines[code][1] == breaking.next.format(**facts)
    assert LINES[code].level == next(one.level for one in report.findings if one.code == code)
    assert report.well == all(LINES[told].level != "wrong" for told in lines)


def test_a_check_that_breaks_hides_no_other(patient: Patient) -> None:
    async def broken(given: object) -> Outcome:
        raise ZeroDivisionError("a bug")

    report = patient.examine((Check("broken", broken), *CHECKS))
    assert set(told(report)) == {"doctor.broken", "gateway.stopped"}, shown(report)
    assert told(report)["doctor.broken"][1] == "comatrix --version"
    assert not report.well and not report.skipped


def test_a_check_that_hangs_hides_no_other_and_ends(patient: Patient) -> None:
    async def hanging(given: object) -> Outcome:
        await asyncio.Event().wait()
        return Outcome()

    report = patient.examine((Check("hanging", hanging, limit_s=0.2), *CHECKS))
    assert set(told(report)) == {"doctor.slow", "gateway.stopped"}, shown(report)
    assert told(report)["doctor.slow"][1] == "comatrix doctor"


def test_what_builds_on_a_broken_thing_is_named_as_not_looked_at(patient: Patient) -> None:
    patient.paths.secrets.unlink()
    report = patient.examine()
    assert report.skipped == {
        "account": "secrets",
        "token": "secrets",
        "intake": "secrets",
        "rooms": "secrets",
        "permissions": "rooms",
        "ghosts": "secrets",
        "openness": "rooms",
    }


def _only(name: str) -> tuple[Check, ...]:
    """The check of this name, and those it builds on."""
    (wanted,) = [check for check in CHECKS if check.name == name]
    return tuple(check for check in CHECKS if check is wanted or check.name in wanted.needs)


def _first_free_port() -> int:
    """From which port on everybody may bind."""
    try:
        return int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
    except OSError:
        return 1024
