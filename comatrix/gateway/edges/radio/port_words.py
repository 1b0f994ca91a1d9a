"""Why a port cannot be opened, in words, and what to type next."""

import contextlib
import errno
import getpass
import grp
from pathlib import Path

from comatrix.gateway.edges.radio.port_users import users_of
from comatrix.gateway.errors import GatewayError

BY_ID = Path("/dev/serial/by-id")
BUSY = {errno.EAGAIN, errno.EWOULDBLOCK, errno.EBUSY}
GONE = {errno.ENOENT, errno.ENODEV, errno.ENXIO}


class PortError(GatewayError):
    """The port cannot be opened."""


def error_of(error: Exception, url: str) -> PortError:
    """The error a person reads for what opening `url` raised."""
    number = getattr(error, "errno", None)
    if url.startswith("tcp://"):
        if isinstance(error, ValueError):
            return PortError(f"{url}: {error}", "comatrix radio probe tcp://192.168.1.50:4000")
        reason = "no answer" if isinstance(error, TimeoutError) else getattr(error, "strerror", None) or str(error)
        return PortError(f"{url}: {reason}", f"ping {url[6:].rpartition(':')[0]}")
    if number in GONE:
        return PortError(f"{url}: there is no such port{_others()}", f"ls -l {BY_ID}/ /dev/ttyUSB* /dev/ttyACM*")
    if number in BUSY:
        return _busy(url)
    if number in (errno.EACCES, errno.EPERM):
        return _not_allowed(url)
    return PortError(f"{url}: {getattr(error, 'strerror', None) or error}", f"ls -l {url}")


def shared_with(url: str) -> PortError | None:
    """Said of a port that could be opened and yet gives no sense: who else has it open, or None."""
    return _busy(url) if users_of(url) else None


def _busy(url: str) -> PortError:
    users = users_of(url)
    if not users:  # of another user, or gone meanwhile
        return PortError(f"{url}: another program uses this port", f"sudo fuser -v {url}")
    told = ", ".join(f"{command} (process {number})" for number, command in users)
    return PortError(f"{url}: another program uses this port: {told}; end it first", f"ps -fp {users[0][0]}")


def _not_allowed(url: str) -> PortError:
    group, user = "dialout", "$USER"
    with contextlib.suppress(OSError, KeyError):
        group = grp.getgrgid(Path(url).stat().st_gid).gr_name
    with contextlib.suppress(OSError, KeyError):
        user = getpass.getuser()
    if group == "root":  # nobody is to join that
        return PortError(f"{url}: only root may use this port", f"ls -l {url}")
    text = f"{url}: you may not use this port; join its group {group}, then log out and in again"
    return PortError(text, f"sudo usermod -aG {group} {user}")


def _others() -> str:
    names = sorted(str(path) for path in BY_ID.glob("*"))[:4]
    return f"; there are {', '.join(names)}" if names else ""
