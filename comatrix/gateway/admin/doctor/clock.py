"""This machine's clock: set at all, as the homeserver's, and shown in the time zone where it stands."""

from datetime import UTC, datetime

from comatrix.gateway.admin.doctor.lines import OK, TO_CHECK, WARNING, WRONG, Line, Lines, Outcome, outcome, span
from comatrix.gateway.admin.doctor.surroundings import Surroundings
from comatrix.gateway.config.settings import Settings
from comatrix.gateway.edges.matrix.probe import Look

SET = "timedatectl set-ntp true"
BUILT_MS = 1_577_836_800_000  # 2020: a clock before it was never set
OFF_S, FAR_S = 30, 600

LINES = Lines(
    {
        "clock.ok": Line(OK, "is set ({now})"),
        "clock.unset": Line(WRONG, "this machine believes it is {now}: readings would carry that time", SET),
        "clock.same": Line(OK, "agrees with the homeserver's"),
        "clock.off": Line(WARNING, "is {span} {way} the homeserver's: the times of readings are off by as much", SET),
        "clock.far": Line(WRONG, "is {span} {way} the homeserver's: the times of readings are wrong", SET),
        "clock.timezone": Line(
            WARNING,
            "times are shown in {configured}, but this machine stands in {local}",
            'set [gateway] timezone = "{local}"' + TO_CHECK,
        ),
    }
)


async def clock(given: Surroundings) -> Outcome:
    """Whether it was ever set."""
    now_ms = given.wall_ms()
    now = datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return outcome(LINES.say("clock.unset" if now_ms < BUILT_MS else "clock.ok", now=now))


async def difference(given: Surroundings, homeserver: Look) -> Outcome:
    """Against the Date the homeserver's answer carried, which is to the second."""
    if homeserver.date_ms is None:
        return outcome()
    ahead_s = (given.wall_ms() - homeserver.date_ms) / 1000
    if abs(ahead_s) <= OFF_S:
        return outcome(LINES.say("clock.same"))
    code = "clock.far" if abs(ahead_s) > FAR_S else "clock.off"
    return outcome(LINES.say(code, span=span(abs(ahead_s)), way="ahead of" if ahead_s > 0 else "behind"))


async def timezone(given: Surroundings, settings: Settings) -> Outcome:
    """UTC is what stands there when nobody chose."""
    configured = settings.gateway.timezone
    local = str(given.localtime.resolve()).partition("/zoneinfo/")[2]
    if configured != "UTC" or local in ("", "UTC", "Etc/UTC", "Universal", "Zulu", "Etc/Universal", "GMT", "Etc/GMT"):
        return outcome()
    return outcome(LINES.say("clock.timezone", configured=configured, local=local))
