"""The disk and the database on it."""

import asyncio

from comatrix.gateway.admin.doctor.lines import (
    OK,
    RESTART,
    SHOW,
    WARNING,
    WRONG,
    Line,
    Lines,
    Outcome,
    bytes_text,
    outcome,
)
from comatrix.gateway.admin.doctor.process import Running
from comatrix.gateway.admin.doctor.surroundings import Surroundings
from comatrix.gateway.config.settings import Settings
from comatrix.gateway.config.values import size_bytes
from comatrix.gateway.edges.store.capacity import LARGEST_RESERVE, SMALLEST_RESERVE
from comatrix.gateway.edges.store.checkup import Contents, examine, existing, write_refused

LOW, FULL = 500 << 20, 50 << 20
LOOK_S = 2.5
FILLING = 0.75  # of the allowed size
QUEUE = "comatrix queue"
BACKUP = "stop the gateway and put back a backup (docs/howto/run-the-gateway.md)"

LINES = Lines(
    {
        "disk.ok": Line(OK, "{free} are free where the database is"),
        "disk.low": Line(WARNING, "only {free} are free in {folder}", "df -h {folder}"),
        "disk.full": Line(WRONG, "only {free} are free in {folder}: nodes will be told to wait", "df -h {folder}"),
        "disk.readonly": Line(WRONG, "nothing can be written to {folder} ({why})", "findmnt -T {folder}"),
        "database.ok": Line(OK, "{size}, and sound"),
        "database.none": Line(OK, "there is none yet; the first command that needs one makes it"),
        "database.long": Line(OK, "{size}; sound as far as it could be looked at in {seconds} s"),
        "database.open": Line(WRONG, "others can read {file}, and it holds the nodes' keys", "chmod 600 {file}"),
        "database.damaged": Line(WRONG, "{file} is damaged ({why})", BACKUP),
        "database.foreign": Line(WRONG, "{file} is some other program's database", SHOW),
        "database.newer": Line(WRONG, "{file} was written by a newer CoMatrix ({why})", "comatrix --version"),
        "database.older": Line(
            WARNING, "{file} is of an older CoMatrix ({why}); the gateway's next start brings it up to date", RESTART
        ),
        "disk.ballast": Line(
            WARNING, "the space kept back for a full disk is used up: the disk was full, or nearly is", "df -h {folder}"
        ),
        "size.ok": Line(OK, "{used} of at most {most}"),
        "size.filling": Line(
            WARNING, "{used} of at most {most} are used, most of it by {count} records not posted yet", QUEUE
        ),
        "size.full": Line(WRONG, "{used} of at most {most}: nodes are told to wait until something is posted", QUEUE),
        "database.unreadable": Line(WRONG, "{file} cannot be read ({why})", "ls -l {file}"),
    }
)


async def disk(given: Surroundings) -> Outcome:
    """Whether there is space, and it can be written to."""
    folder = existing(given.paths.state)
    why = await asyncio.to_thread(write_refused, folder)
    if why:
        return outcome(LINES.say("disk.readonly", folder=folder, why=why))
    free = given.free_bytes(folder)
    code = "disk.full" if free < FULL else "disk.low" if free < LOW else "disk.ok"
    return outcome(LINES.say(code, free=bytes_text(free), folder=folder))


async def database(given: Surroundings) -> Outcome:
    """Its fact: the Contents; empty while there is no database, None where it cannot be read."""
    file = given.paths.database
    found = await asyncio.to_thread(examine, file, LOOK_S)
    if found.state == "none":
        return outcome(LINES.say("database.none"), fact=Contents())
    code = "long" if found.state == "ok" and not found.checked else found.state
    facts = {"file": file, "why": found.detail, "size": bytes_text(found.size), "seconds": LOOK_S}
    return outcome(LINES.say(f"database.{code}", **facts), fact=found.contents)


async def size(given: Surroundings, settings: Settings, contents: Contents) -> Outcome:
    """What was posted leaves by itself when room is needed; what waits does not."""
    most = size_bytes(settings.store.max_size)
    waiting = sum(part.count for part in contents.waiting) + sum(len(row.records) for row in contents.open)
    facts = {"used": bytes_text(contents.used), "most": bytes_text(most), "count": waiting}
    if contents.used < FILLING * most or waiting < contents.logged / 2:
        return outcome(LINES.say("size.ok", **facts))
    full = contents.used >= most - min(max(most // 16, SMALLEST_RESERVE), LARGEST_RESERVE)
    return outcome(LINES.say("size.full" if full else "size.filling", **facts))


async def ballast(given: Surroundings, gateway: Running) -> Outcome:
    """A running gateway keeps some, unless the disk took it."""
    file = given.paths.database.with_name(given.paths.database.name + ".ballast")
    if not gateway.running or file.exists():
        return outcome()
    return outcome(LINES.say("disk.ballast", folder=file.parent))
