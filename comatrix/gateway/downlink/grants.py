"""Who may do what with the nodes of a room, by the room's own power levels."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from comatrix.gateway.downlink.hearing import is_id
from comatrix.gateway.downlink.verbs import Level
from comatrix.gateway.uplink.json_values import array, mapping
from comatrix.gateway.uplink.power import has_infinite_creators, level_of, needed_to_send

COMMAND = "eu.comatrix.command"  # in a room's power_levels.events: the level of `operate` there


@dataclass(frozen=True, slots=True)
class Levels:
    """The power that each kind of command needs where the room does not say otherwise."""

    view: int = 0
    operate: int = 50
    admin: int = 100


@dataclass(frozen=True, slots=True)
class RoomPowers:
    """A room's version, its creators, and the content of its m.room.power_levels ({}: it has none)."""

    version: str
    creators: frozenset[str]
    levels: Mapping[str, Any]


def powers_untrusted(create: Mapping[str, Any], levels: Mapping[str, Any] | None) -> RoomPowers | None:
    """Of a room's m.room.create as a whole event and of its levels' content (None: no such event) -> None where it
    names no creator."""
    content, sender = mapping(create.get("content")), create.get("sender")
    if create.get("type") != "m.room.create" or not is_id(sender, "@"):
        return None
    version = content.get("room_version", "1")
    version = version if isinstance(version, str) else ""
    more = array(content.get("additional_creators")) if has_infinite_creators(version) else []
    creators = frozenset(user for user in (sender, *more) if is_id(user, "@"))
    # Levels that are there but empty give the creator nothing, as opposed to none at all.
    return RoomPowers(version, creators, {} if levels is None else (levels or {"users": {}}))


def level(sender: str, powers: RoomPowers) -> int:
    """The sender's power in the room."""
    return level_of(sender, powers.levels, powers.creators, powers.version)


def needed_level(needed: Level, powers: RoomPowers, levels: Levels) -> int:
    """The power that is needed in this room."""
    if needed == "view":
        return levels.view
    if needed == "admin":
        return levels.admin
    listed = mapping(powers.levels.get("events"))
    return needed_to_send({"events": listed, "events_default": levels.operate}, COMMAND)


def may(sender: str, needed: Level, powers: RoomPowers, joined: bool, levels: Levels, what: str = "this") -> str | None:
    """None: yes; else one sentence for the room. `what`: the command's verb as it was typed."""
    if not joined:
        return f"{what} is for members of this room, and you are not in it"
    least, own = needed_level(needed, powers, levels), level(sender, powers)
    if own >= least:
        return None
    return f"{what} needs level {least} ({needed}) here and you have {own}; {_way(powers)}"


def _way(powers: RoomPowers) -> str:
    """Who can change that."""
    who = "a moderator" if powers.levels else "the room's creator"
    return f"{who} can change it in the room's permissions"
