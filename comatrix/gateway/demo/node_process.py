"""A node as it would be on a board: its own folder, its own MicroPython process, the firmware's own files."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from comatrix.gateway.demo.interpreter import Interpreter
from comatrix.gateway.errors import GatewayError

# What the device has, as in firmware/micropython/manifest.py, found beside this very package.
_SHARED = ("errors.py", "__init__.py", "codec", "session")

MAIN = """\
from comatrix_node.node import Node
from comatrix_node.sensors.simulated import Simulated

node = Node()
node.sensor("weather")(Simulated(seed={seed}))
node.run()
"""

# The same, and it can be told how often to read, and to switch a lamp.
OBEDIENT = """\
from comatrix_node.node import Node
from comatrix_node.sensors.simulated import Simulated

node = Node()
interval = node.setting("interval", unit="s", low=1, high=3600, default={interval_s})
node.sensor("weather", every_s=interval)(Simulated(seed={seed}))


@node.method("lamp", ("state", "", 0, 1))
def lamp(state):
    print("the lamp is", "on" if state else "off")


node.run()
"""

# The same over LoRa: what it reads is packed into bits, as it announces.
PACKED = """\
from comatrix_node.node import Node
from comatrix_node.sensors.simulated import Simulated

node = Node()
node.schema({{"temperature": (-40, 85, 0.01), "humidity": (0, 100, 0.1), "battery": (2, 5, 0.01)}})
node.sensor("weather")(Simulated(seed={seed}))
node.run()
"""


def lay_out_firmware(folder: Path) -> None:
    """Links to the shared modules and the node's, in a folder of their own for MICROPYPATH."""
    shared = folder / "comatrix"
    shared.mkdir(parents=True, exist_ok=True)
    for name in _SHARED:
        _link(shared / name, _package("comatrix") / name)
    for name in ("comatrix_node", "comatrix_lora"):
        _link(folder / name, _package(name))


class NodeProcess:
    """One running node. `folder` holds its config.json, its state and its output."""

    def __init__(self, folder: Path, process: asyncio.subprocess.Process) -> None:
        self.folder = folder
        self._process = process

    @classmethod
    async def start(
        cls,
        interpreter: Interpreter,
        folder: Path,
        firmware: Path,
        configuration: Mapping[str, Any],
        main: str,
        options: tuple[str, ...] = (),
    ) -> "NodeProcess":
        """Write the node's files and run `main`. It ends with this process even if that is killed."""
        _write_files(folder, configuration, main)
        return await cls.resume(interpreter, folder, firmware, options)

    @classmethod
    async def resume(
        cls, interpreter: Interpreter, folder: Path, firmware: Path, options: tuple[str, ...] = ()
    ) -> "NodeProcess":
        """Run the node of an existing folder: what a reset does."""
        with (folder / "output.txt").open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "comatrix.gateway.demo.tied_process", str(os.getpid())),
                *(*interpreter.command, *options, "main.py"),
                cwd=folder,
                env={**os.environ, "MICROPYPATH": f"{firmware}:.frozen"},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        return cls(folder, process)

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process.returncode is None

    def output(self) -> str:
        """What the node printed."""
        return (self.folder / "output.txt").read_text(errors="replace")

    async def wait(self) -> int:
        """Its exit code, once it ended by itself."""
        return await self._process.wait()

    async def stop(self) -> None:
        """End it by its pid, as unplugging would."""
        if self.running:
            self._process.send_signal(signal.SIGKILL)
        await self._process.wait()


def _write_files(folder: Path, configuration: Mapping[str, Any], main: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "config.json"
    config.touch(mode=0o600)
    config.write_text(json.dumps(dict(configuration)))
    (folder / "main.py").write_text(main)


def _package(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise GatewayError(f"the package {name} is not installed", "make setup")
    return Path(next(iter(spec.submodule_search_locations)))


def _link(link: Path, target: Path) -> None:
    if not link.is_symlink():
        link.symlink_to(target)
