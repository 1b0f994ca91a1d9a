"""Runs every check beside the others, each bounded in time; one that breaks hides no other."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from comatrix.gateway.admin.doctor import (
    clock,
    disk,
    files,
    homeserver,
    limits,
    nodes,
    ports,
    process,
    queue,
    radios,
    rooms,
    service,
)
from comatrix.gateway.admin.doctor.lines import AGAIN, WRONG, Finding, Line, Lines, Outcome, outcome
from comatrix.gateway.admin.doctor.surroundings import Surroundings

LINES = Lines(
    {
        "doctor.slow": Line(WRONG, "the check '{check}' found nothing out within {seconds:g} s", AGAIN),
        "doctor.broken": Line(WRONG, "the check '{check}' broke, which is a bug: {why}", "comatrix --version"),
    }
)

# All that can be said: docs/reference/doctor.md is made from it.
ALL_LINES = Lines(
    files.LINES
    | process.LINES
    | ports.LINES
    | radios.LINES
    | clock.LINES
    | disk.LINES
    | homeserver.LINES
    | service.LINES
    | rooms.LINES
    | nodes.LINES
    | queue.LINES
    | limits.LINES
    | LINES
)


@dataclass(frozen=True, slots=True)
class Check:
    """`run(given, *facts)`. It is skipped where a fact of `needs` is missing; of `also` it may be None."""

    name: str
    run: Callable[..., Awaitable[Outcome]]
    needs: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    limit_s: float = 3.0


CHECKS = (
    Check("configuration", files.configuration),
    Check("secrets", files.secrets, (), ("configuration",)),
    Check("account", files.same_user, ("configuration", "secrets")),
    Check("gateway", process.gateway),
    Check("ports", ports.ports, ("configuration", "gateway"), limit_s=5.0),
    Check("radios", radios.radios, ("configuration", "gateway", "database"), limit_s=6.0),
    Check("clock", clock.clock),
    Check("clock difference", clock.difference, ("homeserver",)),
    Check("time zone", clock.timezone, ("configuration",)),
    Check("disk", disk.disk),
    Check("database", disk.database, limit_s=4.0),
    Check("size", disk.size, ("configuration", "database")),
    Check("ballast", disk.ballast, ("gateway",)),
    Check("homeserver", homeserver.homeserver, ("configuration",), limit_s=3.5),
    Check("token", homeserver.token, ("configuration", "secrets", "homeserver")),
    Check("intake", service.intake, ("configuration", "secrets", "token", "gateway")),
    Check("rooms", rooms.rooms, ("configuration", "secrets", "token", "database")),
    Check("permissions", rooms.permissions, ("rooms",)),
    Check("ghosts", service.ghosts, ("configuration", "secrets", "database", "rooms")),
    Check("encryption", rooms.encryption, ("database",), ("rooms",)),
    Check("openness", rooms.openness, ("rooms",)),
    Check("nodes", nodes.nodes, ("database", "gateway")),
    Check("knocks", nodes.knocks, ("gateway",)),
    Check("queue", queue.queue, ("database", "gateway")),
    Check("limits", limits.limits, ("database", "gateway")),
)


@dataclass(frozen=True, slots=True)
class Report:
    """`findings` in the order of the checks. `skipped`: check -> the check it needed a fact of."""

    findings: tuple[Finding, ...]
    skipped: dict[str, str]

    @property
    def well(self) -> bool:
        """Whether nothing is wrong. A warning is not wrong."""
        return all(finding.level != WRONG for finding in self.findings)


async def examine(given: Surroundings, checks: Sequence[Check] = CHECKS) -> Report:
    """Every check once."""
    running: dict[str, asyncio.Task[Outcome | str]] = {}
    for check in _in_order_of_need(checks):
        running[check.name] = asyncio.create_task(_outcome(check, given, running))
    findings: list[Finding] = []
    skipped: dict[str, str] = {}
    for check in checks:
        came = await running[check.name]
        if isinstance(came, str):
            skipped[check.name] = came
        else:
            findings += came.findings
    return Report(tuple(findings), skipped)


def _in_order_of_need(checks: Sequence[Check]) -> list[Check]:
    """Each after those it builds on."""
    placed: dict[str, Check] = {}
    waiting = list(checks)
    while waiting:
        ready = [check for check in waiting if placed.keys() >= {*check.needs, *check.also}]
        placed |= {check.name: check for check in ready}
        waiting = [check for check in waiting if check.name not in placed]
    return list(placed.values())


async def _outcome(check: Check, given: Surroundings, running: dict[str, "asyncio.Task[Outcome | str]"]) -> Any:
    """What the check found, or the name of the check whose fact is missing."""
    facts = []
    for name in (*check.needs, *check.also):
        came = await running[name]
        fact = came.fact if isinstance(came, Outcome) else None
        if fact is None and name in check.needs:
            return name
        facts.append(fact)
    try:
        async with asyncio.timeout(check.limit_s):
            return await check.run(given, *facts)
    except TimeoutError:
        return outcome(LINES.say("doctor.slow", check=check.name, seconds=check.limit_s))
    except Exception as error:  # noqa: BLE001 - whatever it is: the other checks must be heard
        return outcome(LINES.say("doctor.broken", check=check.name, why=f"{type(error).__name__}: {error}"))
