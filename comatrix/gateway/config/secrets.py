"""What must not be in the configuration file: the account's tokens. A 0600 file, written by `comatrix init`, and by the
gateway when it renews them."""

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from comatrix.gateway.config.private_file import folder_locked, read_private, write_private
from comatrix.gateway.errors import UsageError

TEXTS = ("user_id", "device_id", "access_token")


@dataclass(frozen=True, slots=True)
class Secrets:
    """The account as the homeserver named it. No token shows in a repr, so none in a log."""

    user_id: str
    device_id: str
    access_token: str = field(repr=False)
    refresh_token: str = field(default="", repr=False)  # "": the access token cannot be renewed
    expires_ms: int = 0  # Unix time at which the access token ends; 0: it does not


def read_secrets(path: Path) -> Secrets:
    """The secrets at `path`. Raises UsageError: missing, readable by others, unreadable, or incomplete."""
    try:
        written = tomllib.loads(read_private(path).decode("utf-8"))
    except FileNotFoundError:
        raise UsageError(f"There is no access token at {path}.", "comatrix init") from None
    except PermissionError:
        raise UsageError(f"{path} belongs to another user.", f"ls -l {path}") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.", f"ls -l {path}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise UsageError(f"{path} is not TOML.", "comatrix init --force") from None
    if not _complete(written):
        raise UsageError(
            f"{path} must hold {', '.join(TEXTS)}, each a text, and may hold refresh_token and expires_ms.",
            "comatrix init --force",
        )
    return Secrets(**written)


def write_secrets(path: Path, kept: Secrets) -> None:
    """Writes `kept` to `path` with mode 0600, synced. Raises OSError."""
    with folder_locked(path.parent):
        _write(path, kept)


def renew_secrets(path: Path, before: Secrets, after: Secrets) -> Secrets:
    """Writes `after` in place of `before`, synced -> what stands there now.

    That is something else where a person logged in meanwhile: a login is never overwritten. Raises OSError, UsageError.
    """
    with folder_locked(path.parent):
        found = read_secrets(path)
        if found != before:
            return found
        _write(path, after)
        return after


def _complete(written: dict[str, Any]) -> bool:
    refresh_token, expires_ms = written.get("refresh_token", ""), written.get("expires_ms", 0)
    return (
        {*TEXTS} <= {*written} <= {*TEXTS, "refresh_token", "expires_ms"}
        and all(isinstance(written[name], str) and written[name] for name in TEXTS)
        and isinstance(refresh_token, str)
        and isinstance(expires_ms, int)
        and not isinstance(expires_ms, bool)
    )


def _write(path: Path, kept: Secrets) -> None:
    lines = [f'{name} = "{_quoted(getattr(kept, name))}"' for name in TEXTS]
    lines += [f'refresh_token = "{_quoted(kept.refresh_token)}"'] if kept.refresh_token else []
    lines += [f"expires_ms = {kept.expires_ms}"] if kept.expires_ms else []
    write_private(path, ("\n".join(lines) + "\n").encode("utf-8"))


def _quoted(text: str) -> str:
    """A TOML basic string's inside; tokens are opaque, so nothing is assumed of their characters."""
    plain = text.replace("\\", "\\\\").replace('"', '\\"')
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in plain)
