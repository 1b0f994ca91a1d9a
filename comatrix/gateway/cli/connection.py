"""From a command to its operation: through the running gateway's socket, or offline under the database's lock."""

import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from comatrix.gateway.config.load import load
from comatrix.gateway.config.paths import Paths, find_paths
from comatrix.gateway.config.settings import Settings
from comatrix.gateway.config.unit import CONFIG_HOME, STATE_HOME, UNIT
from comatrix.gateway.errors import GatewayError, Unreachable, UsageError

ANSWER_S = 120.0  # the gateway may have to ask a slow homeserver several things


@dataclass(frozen=True, slots=True)
class Place:
    """Where this command's gateway keeps its files, and what the environment overrides."""

    paths: Paths
    environ: Mapping[str, str]

    @classmethod
    def of(cls, home: str | None) -> "Place":
        """`home` is the --home option. Who has no gateway of their own means the service, where it is installed."""
        paths = find_paths(home, os.environ, Path.home())
        named = home or any(name in os.environ for name in ("COMATRIX_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"))
        if not named and UNIT.exists() and not paths.config.exists():
            paths = find_paths(None, {"XDG_CONFIG_HOME": CONFIG_HOME, "XDG_STATE_HOME": STATE_HOME}, Path.home())
        return cls(paths, dict(os.environ))

    def settings(self) -> Settings:
        """Raises UsageError."""
        return load(self.paths.config, self.environ)

    def timezone(self) -> str:
        """The configured one; UTC while the configuration cannot be read, so that a broken one hides nothing."""
        try:
            return self.settings().gateway.timezone
        except UsageError:
            return "UTC"


def call(place: Place, op: str, args: Mapping[str, Any]) -> Any:
    """The operation's result. Raises GatewayError."""
    with _connected(place.paths.socket) as gateway:
        if gateway is not None:
            for result in _ask(gateway, op, args):
                return result
    from comatrix.gateway.cli import offline

    return offline.call(place.settings(), place.paths, op, args)


def stream(place: Place, op: str, args: Mapping[str, Any]) -> Iterator[Any]:
    """What the operation yields, as it comes. Raises GatewayError."""
    with _connected(place.paths.socket) as gateway:
        if gateway is not None:
            gateway.settimeout(None)
            yield from _ask(gateway, op, args)
            return
    from comatrix.gateway.cli import offline

    yield from offline.stream(place.settings(), place.paths, op, args)


def is_running(place: Place) -> bool:
    """Whether a gateway answers at the socket."""
    with _connected(place.paths.socket) as gateway:
        return gateway is not None


@contextmanager
def _connected(path: Path) -> Iterator[socket.socket | None]:
    """The running gateway, or None where none listens. Raises UsageError where it may not be spoken to."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as gateway:
        gateway.settimeout(ANSWER_S)
        try:
            gateway.connect(str(path))
            found: socket.socket | None = gateway
        except PermissionError:
            raise UsageError(f"The running gateway belongs to another user ({path}).", f"ls -l {path}") from None
        except OSError:  # no socket, nobody behind it, or a path too long for one
            found = None
        yield found


def _ask(gateway: socket.socket, op: str, args: Mapping[str, Any]) -> Iterator[Any]:
    """The result, or each item of a stream."""
    try:
        gateway.sendall(json.dumps({"op": op, "args": args}).encode() + b"\n")
        with gateway.makefile("rb") as lines:
            for line in lines:
                answer = json.loads(line)
                if not answer["ok"]:
                    raise _refused(answer)
                if answer.get("end"):
                    return
                yield answer["result"]
                if not answer.get("more"):
                    return
    except (OSError, ValueError) as error:
        raise Unreachable(f"The running gateway did not answer: {error}.", "comatrix status") from None
    raise Unreachable("The running gateway hung up; its log says why.", "comatrix status")


def _refused(answer: Mapping[str, Any]) -> GatewayError:
    kind = {2: UsageError, 3: Unreachable}.get(answer["exit"], GatewayError)
    return kind(answer["error"], answer["next"])
