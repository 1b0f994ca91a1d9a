"""The same scene for an application service: each node is a user of its own, and the homeserver pushes."""

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from comatrix.gateway.config.load import load
from comatrix.gateway.config.paths import find_paths
from comatrix.gateway.config.registration import new_tokens, registration_yaml, write_tokens
from comatrix.gateway.config.secrets import Secrets
from comatrix.gateway.demo.free_port import free_port
from tests.chaos.homeservers import JournaledHomeserver
from tests.chaos.provisioning import Known
from tests.chaos.scene import Scene

SECTION = """
[appservice]
enabled = true
intake = "push"
bind = "127.0.0.1:{port}"
"""


class ServiceHomeserver(JournaledHomeserver):
    """Reads the registration at each start, as a homeserver does."""

    registration: dict[str, Any] | None = None

    async def start(self) -> None:
        """As JournaledHomeserver."""
        await super().start()
        if self.registration is not None:
            await self.control("POST", "service", **self.registration)


@dataclass(slots=True)
class ServiceScene(Scene):
    """With a registered service. The account's rooms are its own user's."""

    async def provisioned(self, account: Secrets, room_ids: Sequence[str]) -> list[Known]:
        """As Scene, and the homeserver is given the registration."""
        known = await Scene.provisioned(self, account, room_ids)
        assert isinstance(self.homeserver, ServiceHomeserver)
        self.homeserver.registration = registered(self.home, account.user_id)
        await self.homeserver.control("POST", "service", **self.homeserver.registration)
        return known


def registered(home: Path, user_id: str) -> dict[str, Any]:
    """Configures the service in `home` -> what the homeserver is told."""
    paths = find_paths(str(home), {}, home)
    with paths.config.open("a") as file:
        file.write(SECTION.format(port=free_port(socket.SOCK_STREAM)))
    tokens = new_tokens(user_id)
    write_tokens(paths.service_tokens, tokens)
    told: dict[str, Any] = yaml.safe_load(registration_yaml(load(paths.config, {}), tokens))
    return told
