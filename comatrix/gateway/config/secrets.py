"""What must not be in the configuration file: the account's access token. A 0600 file, written by `comatrix init`."""

import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path

from comatrix.gateway.config.private_file import read_private, write_private
from comatrix.gateway.errors import UsageError


@dataclass(frozen=True, slots=True)
class Secrets:
    """The account as the homeserver named it. The token shows in no repr, so in no log."""

    user_id: str
    device_id: str
    access_token: str = field(repr=False)


def read_secrets(path: Path) -> Secrets:
    """The secrets at `path`. Raises UsageError: missing, readable by others, or incomplete."""
    try:
        written = tomllib.loads(read_private(path).decode("utf-8"))
    except FileNotFoundError:
        raise UsageError(f"There is no access token at {path}.", "comatrix init") from None
    except PermissionError:
        raise UsageError(f"{path} belongs to another user.", f"ls -l {path}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise UsageError(f"{path} is not TOML.", "comatrix init --force") from None
    known = [f.name for f in fields(Secrets)]
    if sorted(written) != sorted(known) or not all(isinstance(v, str) and v for v in written.values()):
        raise UsageError(f"{path} must hold exactly {', '.join(known)}, each a text.", "comatrix init --force")
    return Secrets(**written)


def write_secrets(path: Path, kept: Secrets) -> None:
    """Writes `kept` to `path` with mode 0600."""
    lines = [f'{f.name} = "{_quoted(getattr(kept, f.name))}"' for f in fields(Secrets)]
    write_private(path, ("\n".join(lines) + "\n").encode("utf-8"))


def _quoted(text: str) -> str:
    """A TOML basic string's inside; tokens are opaque, so nothing is assumed of their characters."""
    plain = text.replace("\\", "\\\\").replace('"', '\\"')
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in plain)
