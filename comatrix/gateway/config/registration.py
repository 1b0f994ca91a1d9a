"""The registration of the application service: what the homeserver is given, and the tokens that we keep of it."""

import json
import re
import secrets
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from urllib.parse import quote

from comatrix.gateway.config.private_file import read_private, write_private
from comatrix.gateway.config.settings import Settings
from comatrix.gateway.config.values import endpoint
from comatrix.gateway.errors import UsageError

AGAIN = "comatrix appservice"
HEAD = "# Registration of a CoMatrix gateway, written by `comatrix appservice`. It holds secrets: mode 0600.\n"


@dataclass(frozen=True, slots=True)
class ServiceTokens:
    """The service as the homeserver was told of it. The tokens never expire and show in no repr, so in no log."""

    id: str
    user_id: str  # of the bot, whose localpart is sender_localpart
    as_token: str = field(repr=False)  # ours at the homeserver
    hs_token: str = field(repr=False)  # the homeserver's at our intake


def new_tokens(user_id: str) -> ServiceTokens:
    """With fresh tokens; the id tells apart the gateways of one homeserver. Raises UsageError."""
    localpart = user_id[1:].partition(":")[0]
    if quote(localpart) != localpart:
        raise UsageError(
            f"{user_id} cannot be a service's user: its first part may hold letters, digits and . _ - / only.",
            f"{AGAIN} --user @cx:{user_id.partition(':')[2]}",
        )
    return ServiceTokens(f"comatrix-{localpart}", user_id, secrets.token_urlsafe(32), secrets.token_urlsafe(32))


def read_tokens(path: Path) -> ServiceTokens:
    """The tokens at `path`. Raises UsageError: missing, readable by others, or incomplete."""
    try:
        written = tomllib.loads(read_private(path).decode("utf-8"))
    except FileNotFoundError:
        raise UsageError(f"There are no tokens of the application service at {path}.", AGAIN) from None
    except PermissionError:
        raise UsageError(f"{path} belongs to another user.", f"ls -l {path}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise UsageError(f"{path} is not TOML.", f"{AGAIN} --new-tokens") from None
    known = [f.name for f in fields(ServiceTokens)]
    if sorted(written) != sorted(known) or not all(isinstance(value, str) and value for value in written.values()):
        raise UsageError(f"{path} must hold exactly {', '.join(known)}, each a text.", f"{AGAIN} --new-tokens")
    return ServiceTokens(**written)


def write_tokens(path: Path, kept: ServiceTokens) -> None:
    """Writes `kept` to `path` with mode 0600."""
    lines = [f"{f.name} = {json.dumps(getattr(kept, f.name))}\n" for f in fields(ServiceTokens)]
    write_private(path, "".join(lines).encode("utf-8"))


def service_tokens(settings: Settings, path: Path) -> ServiceTokens:
    """As read_tokens, for the account that is configured. Raises UsageError."""
    kept = read_tokens(path)
    if kept.user_id != settings.homeserver.user:
        raise UsageError(f"{path} is for {kept.user_id}, but {settings.homeserver.user} is configured.", AGAIN)
    return kept


def announced_url(settings: Settings) -> str | None:
    """Where the homeserver finds the intake; None: nowhere, the service user syncs. Raises UsageError."""
    service = settings.appservice
    if service.intake == "sync":
        return None
    if service.url:
        return service.url.rstrip("/")
    host, port = endpoint(service.bind)
    if host in ("0.0.0.0", "::"):
        raise UsageError(
            "It is not known how the homeserver reaches this machine: set url under [appservice].",
            "comatrix appservice --url http://THIS-MACHINE:PORT",
        )
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def registration_yaml(settings: Settings, kept: ServiceTokens) -> str:
    """The file for the homeserver."""
    localpart, _, server = kept.user_id[1:].partition(":")
    prefix, server = re.escape(settings.appservice.prefix), re.escape(server)
    lines = [
        f"id: {_yaml(kept.id)}",
        f"url: {_yaml(announced_url(settings))}",
        f"as_token: {_yaml(kept.as_token)}",
        f"hs_token: {_yaml(kept.hs_token)}",
        f"sender_localpart: {_yaml(localpart)}",
        "rate_limited: false",
        "receive_ephemeral: false",
        "io.element.msc4190: true",
        "namespaces:",
        "  users:",
        f"    - {{exclusive: true, regex: {_yaml(f'@{prefix}node_.*:{server}')}}}",
        f"    - {{exclusive: true, regex: {_yaml(f'@{prefix}service:{server}')}}}",
        "  aliases:",
        f"    - {{exclusive: false, regex: {_yaml(f'#{prefix}.*:{server}')}}}",
        "  rooms: []",
    ]
    return HEAD + "\n".join(lines) + "\n"


def _yaml(value: str | None) -> str:
    """A JSON string is a YAML string."""
    return json.dumps(value)
