"""The application service, where one is configured: the homeserver reaches us, and nodes may speak for themselves."""

import secrets
from collections.abc import Iterable

from comatrix.gateway.admin.doctor.account import Account
from comatrix.gateway.admin.doctor.lines import AGAIN, OK, WARNING, WRONG, Line, Lines, Outcome, outcome
from comatrix.gateway.admin.doctor.process import Running
from comatrix.gateway.admin.doctor.rooms import Seen
from comatrix.gateway.admin.doctor.surroundings import Surroundings
from comatrix.gateway.admin.rooms import named
from comatrix.gateway.config.registration import announced_url
from comatrix.gateway.config.settings import Settings
from comatrix.gateway.edges.matrix import MatrixClient
from comatrix.gateway.edges.matrix.service import ServiceApi
from comatrix.gateway.edges.store.checkup import Contents
from comatrix.gateway.errors import UsageError
from comatrix.gateway.model import HomeserverAnswer, Voice
from comatrix.gateway.uplink import power
from comatrix.gateway.uplink.voices import DEVICE, ServiceNames

UNREACHED = {"M_CONNECTION_FAILED", "M_CONNECTION_TIMEOUT"}
ANOTHER = {"M_BAD_STATUS", "M_URL_NOT_SET", "M_FORBIDDEN"}

LINES = Lines(
    {
        "service.ok": Line(OK, "the homeserver reaches the gateway at {url}"),
        "service.unasked": Line(OK, "this homeserver cannot be asked whether it reaches {url}"),
        "service.unreached": Line(
            WRONG, "the homeserver cannot reach {url} ({why})", "comatrix appservice --url http://THIS-MACHINE:PORT"
        ),
        "service.another": Line(
            WRONG, "the homeserver has another registration than ours ({why})", "comatrix appservice"
        ),
        "service.urlless": Line(WRONG, "{why}", "{step}"),
        "service.unanswered": Line(WRONG, "the homeserver does not say whether it reaches {url} ({why})", AGAIN),
        "service.follows": Line(OK, "{user} can follow the rooms"),
        "service.deaf": Line(WRONG, "{user} cannot follow the rooms ({why})", "comatrix appservice --check"),
        "ghosts.ok": Line(OK, "nodes may speak for themselves"),
        "ghosts.invite": Line(
            WARNING,
            "{room}: inviting needs power {needed}, {user} has {power}: the bot speaks for new nodes",
            "give {user} power {needed} in {room}",
        ),
        "ghosts.refused": Line(
            WARNING,
            "{room}: {node} cannot speak for itself ({why}), the bot speaks for it",
            "let {user} invite in {room}",
        ),
    }
)


async def intake(given: Surroundings, settings: Settings, kept: Account, token: bool, gateway: Running) -> Outcome:
    """Where events are pushed only a running gateway can be reached."""
    if not kept.service_id:
        return outcome()
    async with kept.client(settings) as client:
        if settings.appservice.intake == "sync":
            return await _follows(client, ServiceNames(settings.appservice.prefix, kept.user_id))
        return await _reached(client, settings, kept) if gateway.running else outcome()


async def _follows(client: MatrixClient, names: ServiceNames) -> Outcome:
    answer = await client.sync(None, 0, {"room": {"rooms": []}}, voice=Voice(names.service, DEVICE))
    code = "service.follows" if answer.ok else "service.deaf"
    return outcome(LINES.say(code, user=names.service, why=_why(answer)))


async def _reached(client: MatrixClient, settings: Settings, kept: Account) -> Outcome:
    try:
        url = announced_url(settings)
    except UsageError as error:
        return outcome(LINES.say("service.urlless", why=error.text.rstrip("."), step=error.next_step))
    answer = await ServiceApi(client).ping(kept.service_id, secrets.token_hex(8))
    if answer.ok:
        code = "service.ok"
    elif answer.errcode == "M_UNRECOGNIZED":
        code = "service.unasked"
    elif answer.errcode in UNREACHED:
        code = "service.unreached"
    else:
        code = "service.another" if answer.errcode in ANOTHER else "service.unanswered"
    return outcome(LINES.say(code, url=url, why=_why(answer)))


async def ghosts(
    given: Surroundings, settings: Settings, kept: Account, contents: Contents, seen: Iterable[Seen]
) -> Outcome:
    """Whether the bot may invite them, and which of them had to give up."""
    if not kept.service_id:
        return outcome()
    names = ServiceNames(settings.appservice.prefix, kept.user_id)
    called = {node.number: f"'{node.name}'" for node in contents.nodes}
    said = []
    for one in seen:
        needed = power.needed_to_invite(one.state.get("power_levels", {}))
        if one.power < needed and one.room.id:
            said.append(
                LINES.say("ghosts.invite", room=named(one.room), needed=needed, power=one.power, user=kept.user_id)
            )
    known = {room.room_id: named(room) for room in contents.rooms}
    for refusal in contents.refusals:
        node = called.get(names.node_of(refusal.user_id) or 0, refusal.user_id)
        room = known.get(refusal.room_id, refusal.room_id)
        said.append(LINES.say("ghosts.refused", room=room, node=node, why=refusal.reason, user=kept.user_id))
    return Outcome(tuple(said) or (LINES.say("ghosts.ok"),))


def _why(answer: HomeserverAnswer) -> str:
    return ", ".join(part for part in (answer.errcode, answer.error) if part).rstrip(".")
