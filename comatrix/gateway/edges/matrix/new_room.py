"""The body of POST /createRoom for a room of sensors."""

from collections.abc import Sequence
from typing import Any

from comatrix.gateway.model import HomeserverAnswer
from comatrix.gateway.uplink.json_values import mapping
from comatrix.gateway.uplink.power import has_infinite_creators

OWNER_POWER = 100
INVITE_POWER = 50  # a sensor room's members do not invite strangers to its data


def creation(
    name: str,
    *,
    creator: str,
    room_version: str,
    invite: Sequence[str],
    alias_localpart: str,
    topic: str,
    federate: bool,
) -> dict[str, Any]:
    """A private room without encryption of our own; the invited own it with the creator."""
    body: dict[str, Any] = {
        "name": name,
        "preset": "private_chat",
        "invite": list(invite),
        "room_version": room_version,
        "power_level_content_override": {"users": _owners(creator, invite, room_version), "invite": INVITE_POWER},
    }
    if alias_localpart:
        body["room_alias_name"] = alias_localpart
    if topic:
        body["topic"] = topic
    if not federate:
        body["creation_content"] = {"m.federate": False}
    return body


def default_room_version(capabilities: HomeserverAnswer) -> str:
    """The server's default; "10" where it does not say, which every server of today knows."""
    offered = mapping((capabilities.body or {}).get("capabilities"))
    default = mapping(offered.get("m.room_versions")).get("default")
    return default if isinstance(default, str) and default else "10"


def _owners(creator: str, invite: Sequence[str], room_version: str) -> dict[str, int]:
    """The `users` of m.room.power_levels: it replaces the server's own, so the creator must stand in it,
    and from room version 12 on it must not."""
    others = [user for user in invite if user != creator]
    return dict.fromkeys(([] if has_infinite_creators(room_version) else [creator]) + others, OWNER_POWER)
