"""Emulated modules on pseudo terminals, in real time: programs open them like serial ports."""

import asyncio
import contextlib
import os
import tty
from collections.abc import Callable
from pathlib import Path

from comatrix.gateway.demo.modem.air_wire import Wire
from comatrix.gateway.demo.modem.machine import Modem


class PtyModems:
    """A medium and its modems on the running loop; each modem's port is a symbolic link of a steady name."""

    def __init__(self, wire: Wire, monotonic_ms: Callable[[], int]) -> None:
        self.wire = wire
        self._monotonic_ms = monotonic_ms
        self._ports: dict[Path, _Port] = {}
        self._timer: asyncio.TimerHandle | None = None

    def plug(self, path: Path, modem: Modem) -> None:
        """A port at `path` that leads to the modem. Raises OSError where no terminal can be had."""
        master, slave = os.openpty()
        tty.setraw(slave)
        os.set_blocking(master, False)
        path.unlink(missing_ok=True)
        path.symlink_to(os.ttyname(slave))
        self._ports[path] = _Port(master, slave, modem)
        asyncio.get_running_loop().add_reader(master, self._readable, path)
        self.turn()

    def unplug(self, path: Path) -> None:
        """The cable is pulled: whoever has the port open sees it end."""
        port = self._ports.pop(path)
        asyncio.get_running_loop().remove_reader(port.master)
        path.unlink(missing_ok=True)
        os.close(port.master)
        os.close(port.slave)

    def close(self) -> None:
        """Unplug all."""
        for path in list(self._ports):
            self.unplug(path)
        if self._timer is not None:
            self._timer.cancel()

    def turn(self) -> None:
        """Let time pass for all of them and carry their bytes; call it after a modem was told something."""
        now = self._monotonic_ms()
        self.wire.handle_timer(now)
        for port in list(self._ports.values()):
            port.modem.handle_timer(now)
            while data := port.modem.bytes_to_write(now):
                with contextlib.suppress(OSError):  # nobody reads: lost, as on a serial line
                    os.write(port.master, data)
        self._arm(now)

    def _arm(self, now: int) -> None:
        due = [self.wire.next_deadline(), *(port.modem.next_deadline() for port in self._ports.values())]
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if times := [at for at in due if at is not None]:
            self._timer = asyncio.get_running_loop().call_later(max(0, min(times) - now) / 1000, self.turn)

    def _readable(self, path: Path) -> None:
        port = self._ports[path]
        with contextlib.suppress(OSError):
            port.modem.receive(os.read(port.master, 4096), self._monotonic_ms())
        self.turn()


class _Port:
    """Both ends of a pseudo terminal; the far one stays open, so that nobody's coming and going ends it."""

    def __init__(self, master: int, slave: int, modem: Modem) -> None:
        self.master, self.slave, self.modem = master, slave, modem
