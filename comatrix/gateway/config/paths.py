"""Where the gateway keeps its files: XDG directories, or everything in one folder (`--home`, COMATRIX_HOME)."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Paths:
    """The gateway's files. `home` is the --home folder, None for XDG."""

    config: Path
    secrets: Path
    state: Path
    home: Path | None = None

    @property
    def database(self) -> Path:
        return self.state / "comatrix.db"

    @property
    def service_tokens(self) -> Path:
        """The application service's tokens, beside the account's."""
        return self.secrets.with_name("appservice.toml")

    @property
    def registration(self) -> Path:
        """The file for the homeserver."""
        return self.secrets.with_name("registration.yaml")

    @property
    def socket(self) -> Path:
        """The Unix socket of a running gateway."""
        return self.state / "control.sock"


def find_paths(home: str | None, environ: Mapping[str, str], user_home: Path) -> Paths:
    """`home` (the option) beats COMATRIX_HOME beats XDG_CONFIG_HOME and XDG_STATE_HOME beats ~/.config, ~/.local."""
    chosen = home or environ.get("COMATRIX_HOME")
    if chosen:
        folder = Path(chosen).expanduser().absolute()
        return Paths(folder / "comatrix.toml", folder / "secrets.toml", folder, folder)
    config = _xdg(environ, "XDG_CONFIG_HOME", user_home / ".config") / "comatrix"
    state = _xdg(environ, "XDG_STATE_HOME", user_home / ".local" / "state") / "comatrix"
    return Paths(config / "comatrix.toml", config / "secrets.toml", state)


def _xdg(environ: Mapping[str, str], name: str, default: Path) -> Path:
    """The XDG base directory specification: a relative path there is invalid and ignored."""
    path = Path(environ.get(name, ""))
    return path if path.is_absolute() else default
