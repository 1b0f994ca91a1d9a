"""`comatrix service`: the gateway as a service of systemd."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from comatrix.gateway.cli.lazy import NamingGroup
from comatrix.gateway.config.private_file import write_private
from comatrix.gateway.config.unit import NAME, UNIT, USER, unit_text
from comatrix.gateway.errors import GatewayError, UsageError

CONFIG, STATE = Path("/etc/comatrix"), Path("/var/lib/comatrix")
HOMES = ("/home/", "/root/")  # on every Linux (FHS 3.0), and closed to other users


@click.group(cls=NamingGroup)
def service() -> None:
    """The gateway as a service of systemd, with its own user."""


@service.command("install")
@click.option("--dry-run", is_flag=True, help="Print the unit and what would be done; change nothing.")
@click.pass_context
def install(ctx: click.Context, dry_run: bool) -> None:
    """Make the user `comatrix`, write the unit, and start it, also at each boot.

    The configuration is in /etc/comatrix, the database in /var/lib/comatrix. Members of the group `comatrix` may
    use every command with the running gateway.
    """
    program = _program()
    text = unit_text(program)
    if dry_run:
        click.echo(text, nl=False)
        for words in _steps():
            click.echo(f"would run: {' '.join(words)}", err=True)
        return
    _need_root("install")
    if not (CONFIG / "comatrix.toml").exists():
        raise UsageError(f"There is no configuration in {CONFIG} yet.", _init_line(program))
    if program.startswith(HOMES):
        raise UsageError(
            f"{program} is in a home folder, where the service's user may not look.",
            "in the clone: sudo python3 -m venv /opt/comatrix && sudo /opt/comatrix/bin/pip install .",
        )
    user, *start = _steps()
    _run(user)
    write_private(UNIT, text.encode())
    UNIT.chmod(0o644)
    for words in start:
        _run(words)
    click.echo(f"Installed {UNIT}. It runs, and starts at each boot.")
    click.echo(f"To use commands without sudo: sudo usermod -aG {USER} $USER, then log in again.")
    click.echo("Next: comatrix service status")


@service.command("uninstall")
def uninstall() -> None:
    """Stop the service and remove its unit. Configuration, database and user stay."""
    _need_root("uninstall")
    if not UNIT.exists():
        raise UsageError(f"There is no {UNIT}.", "comatrix service install")
    _run(("systemctl", "disable", "--now", NAME))
    UNIT.unlink()
    _run(("systemctl", "daemon-reload"))
    click.echo(f"Removed {UNIT}. What is in {CONFIG} and {STATE} stays.")


@service.command("status")
@click.option("--json", "as_json", is_flag=True, help="The unit's states as JSON.")
def status(as_json: bool) -> None:
    """What systemd says of it."""
    if not UNIT.exists():
        raise UsageError(f"The service is not installed: there is no {UNIT}.", "sudo comatrix service install")
    _found("systemctl")
    if as_json:
        click.echo(json.dumps(_states()))
        return
    done = subprocess.run(["systemctl", "status", "--no-pager", NAME], check=False)
    if done.returncode:
        raise GatewayError("The service does not run.", f"journalctl -u {NAME} -n 50")


def _states() -> dict[str, str]:
    """{load, active, sub, enabled}, in systemd's words."""
    wanted = {"LoadState": "load", "ActiveState": "active", "SubState": "sub", "UnitFileState": "enabled"}
    command = ["systemctl", "show", "--property", ",".join(wanted), NAME]
    shown = subprocess.run(command, check=False, capture_output=True, text=True).stdout
    pairs = (line.split("=", 1) for line in shown.splitlines() if "=" in line)
    return {wanted[name]: value for name, value in pairs if name in wanted}


def _steps() -> tuple[tuple[str, ...], ...]:
    """The commands of `install`: first the user; the unit is written behind it."""
    add = "getent passwd {0} >/dev/null || useradd --system --user-group --home-dir {1} --shell /usr/sbin/nologin {0}"
    own = "chown -R {0}:{0} {2}; [ ! -d {1} ] || chown -R {0}:{0} {1}"
    return (
        ("sh", "-c", add.format(USER, STATE)),
        ("sh", "-c", own.format(USER, STATE, CONFIG)),
        ("systemctl", "daemon-reload"),
        ("systemctl", "enable", "--now", NAME),
    )


def _program() -> str:
    """The absolute path of this `comatrix`."""
    typed = Path(sys.argv[0])
    found = str(typed.absolute()) if typed.name == "comatrix" and typed.exists() else shutil.which("comatrix")
    return found or str(Path(sys.executable).with_name("comatrix"))


def _init_line(program: str) -> str:
    return f"sudo XDG_CONFIG_HOME=/etc XDG_STATE_HOME=/var/lib {program} init"


def _need_root(what: str) -> None:
    if os.geteuid() != 0:
        raise UsageError(f"Only root may {what} a service.", f"sudo {_program()} service {what}")
    _found("systemctl")


def _found(name: str) -> None:
    if shutil.which(name) is None:
        raise UsageError("There is no systemd on this machine.", "comatrix gateway run")


def _run(words: Sequence[str]) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise GatewayError(
            f"{' '.join(words)} failed: {done.stderr.strip() or done.returncode}", f"journalctl -u {NAME} -n 50"
        )
