"""The running gateway, asked through its control socket; the doctor needs none."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from comatrix import __version__
from comatrix.gateway.admin.doctor.lines import (
    OK,
    RESTART,
    RUN,
    STATUS,
    WARNING,
    WRONG,
    Finding,
    Line,
    Lines,
    Outcome,
    outcome,
)
from comatrix.gateway.admin.doctor.surroundings import Surroundings
from comatrix.gateway.edges.control_client import ask
from comatrix.gateway.edges.store.checkup import owner
from comatrix.gateway.errors import GatewayError

ANSWER_S = 2.0

LINES = Lines(
    {
        "gateway.ok": Line(OK, "runs since {since} (CoMatrix {version})"),
        "gateway.stopped": Line(WARNING, "is not running: no node is heard and nothing is posted", RUN),
        "gateway.hung": Line(
            WRONG, "process {pid} holds the database and answers no command: it is starting, or hangs", "ps -fp {pid}"
        ),
        "gateway.silent": Line(WRONG, "is there but does not answer ({why})", RESTART),
        "gateway.forbidden": Line(WRONG, "belongs to another user, and you are not in its group", "ls -l {file}"),
        "gateway.version": Line(WARNING, "runs CoMatrix {running}, but {installed} is installed", RESTART),
        "gateway.trouble": Line(WARNING, "says: {trouble}", STATUS),
    }
)


@dataclass(frozen=True, slots=True)
class Running:
    """`running`: it answers. `live`: what only a running gateway knows; {} without one."""

    running: bool
    live: Mapping[str, Any] = field(default_factory=dict)


async def gateway(given: Surroundings) -> Outcome:
    """Its fact: Running, also where none runs."""
    stopped = Running(False)
    try:
        status = await ask(given.paths.socket, "status", {}, ANSWER_S)
    except PermissionError:
        return outcome(LINES.say("gateway.forbidden", file=given.paths.socket), fact=stopped)
    except GatewayError as error:
        return outcome(LINES.say("gateway.silent", why=error.text), fact=stopped)
    if status is None:
        pid = owner(given.paths.database)
        code = "gateway.hung" if pid else "gateway.stopped"
        return outcome(LINES.say(code, pid=pid), fact=stopped)
    live = status.get("live") or {}
    return outcome(*_said(status, live), fact=Running(True, live))


def _said(status: Mapping[str, Any], live: Mapping[str, Any]) -> list[Finding]:
    since = datetime.fromtimestamp(live.get("started_ms", 0) / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
    said = [LINES.say("gateway.ok", since=since, version=status.get("version"))]
    if status.get("version") != __version__:
        said.append(LINES.say("gateway.version", running=status.get("version"), installed=__version__))
    return said + [LINES.say("gateway.trouble", trouble=trouble) for trouble in live.get("troubles", [])]
