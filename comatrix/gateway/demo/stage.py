"""Everything the demo and the end-to-end tests need: homeserver, accounts, gateway, link, nodes. All on loopback."""

import asyncio
import os
import secrets
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from comatrix.gateway.cli.connection import Place, call, is_running
from comatrix.gateway.config.secrets import Secrets, write_secrets
from comatrix.gateway.demo import interpreter as micropython
from comatrix.gateway.demo.air import RADIO, Air
from comatrix.gateway.demo.free_port import free_port
from comatrix.gateway.demo.lossy_link import Faults, LossyLink
from comatrix.gateway.demo.node_process import NodeProcess, lay_out_firmware
from comatrix.gateway.demo.synapse import LoopbackSynapse
from comatrix.gateway.edges.matrix import MatrixClient
from comatrix.gateway.errors import GatewayError
from comatrix.gateway.model import HomeserverAnswer

BOT = "comatrix"
PERSON = "alice"
TRIAL = "trial"  # for a gateway of the onlooker's own
START_S = 20.0

CONFIGURATION = """\
[homeserver]
url = "{url}"
user = "{user}"

[gateway]
address = "127.0.0.1:{port}"

[udp]
bind = ["127.0.0.1:{port}"]
"""


class Homeserver(Protocol):
    """What is asked of one that is not started here."""

    @property
    def base_url(self) -> str: ...
    async def register(self, user: str, password: str) -> object: ...


class Stage:
    """A folder with a homeserver and a gateway in it. Opened in steps, closed by `close` whatever happened.

    `synapse`: a running one to use, which is left running; the accounts then get names of their own. `homeserver`: one
    to use that is no Synapse.
    `interpreter`: what the nodes run on, instead of what is found. `python`: what the gateway runs on."""

    def __init__(
        self,
        folder: Path,
        say: Callable[[str], None],
        synapse: LoopbackSynapse | None = None,
        interpreter: micropython.Interpreter | None = None,
        python: str = sys.executable,
        homeserver: Homeserver | None = None,
    ) -> None:
        self.folder = folder
        self.place = Place.of(str(folder / "gateway"))
        self.password = secrets.token_urlsafe(9)
        self.port = 0
        self.synapse = synapse or LoopbackSynapse(folder / "homeserver", progress=say)
        self._homeserver: Homeserver = homeserver or self.synapse
        self._own_synapse = synapse is None and homeserver is None
        self._account_suffix = "" if synapse is None else f"-{secrets.token_hex(4)}"
        self.person: MatrixClient | None = None
        self.link: LossyLink | None = None
        self.air: Air | None = None
        self.nodes: dict[str, NodeProcess] = {}
        self._say = say
        self._python = python
        self._interpreter = interpreter
        self._gateway: asyncio.subprocess.Process | None = None

    def open_air(self, loss: float, seed: int) -> Air:
        """Put a LoRa module on the gateway's desk, and one on a node's, before the gateway is configured."""
        self.air = Air(self.folder / "air", loss, seed)
        return self.air

    async def open_homeserver(self, more_udp: str = "", url: str = "") -> None:
        """Start Synapse, make both accounts, log both in, write the gateway's configuration.

        `more_udp`: further lines of its [udp] section. `url`: where the gateway is to find the homeserver instead."""
        if self._own_synapse:
            await self.synapse.start()
        bot = await self._login(BOT)
        person = await self._login(PERSON)
        self.person = MatrixClient(self._homeserver.base_url, person.access_token, person.user_id, person.device_id)
        self.port = free_port(socket.SOCK_DGRAM)
        home = self.place.paths
        home.config.parent.mkdir(parents=True, exist_ok=True)
        written = CONFIGURATION.format(url=url or self._homeserver.base_url, user=bot.user_id, port=self.port)
        home.config.write_text(written + more_udp + (self.air.section if self.air is not None else ""))
        write_secrets(home.secrets, bot)

    async def create_room(self, name: str) -> dict[str, Any]:
        """`comatrix room create`, with the person invited and joined."""
        assert self.person is not None
        alias = f"room{self._account_suffix}" if self._account_suffix else None
        room: dict[str, Any] = await self.operate("room.create", name=name, invite=[self.person.user_id], alias=alias)
        expect(await self.person.join(room["room_id"]), "join the room")
        return room

    async def operate(self, op: str, **args: Any) -> Any:
        """One operation as the command line does it: through the running gateway, or on the database."""
        return await asyncio.to_thread(call, self.place, op, args)

    async def start_gateway(self) -> None:
        """`comatrix gateway run` as a process of its own; back when it answers."""
        log = (self.folder / "gateway.log").open("ab")
        with log:
            self._gateway = await asyncio.create_subprocess_exec(
                *(self._python, "-m", "comatrix.gateway.demo.tied_process", str(os.getpid()), self._python),
                *("-m", "comatrix", "--home", str(self.place.paths.state), "gateway", "run"),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        for _ in range(int(START_S / 0.1)):
            if self._gateway.returncode is not None:
                break
            if await asyncio.to_thread(is_running, self.place):
                return
            await asyncio.sleep(0.1)
        raise GatewayError(f"the gateway did not start:\n{self.gateway_log()}", "comatrix config check")

    async def end_gateway(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End the gateway's process by its pid and wait for it."""
        if self._gateway is not None and self._gateway.returncode is None:
            self._gateway.send_signal(how)
            await self._gateway.wait()

    def gateway_log(self) -> str:
        """What the gateway logged."""
        return (self.folder / "gateway.log").read_text(errors="replace")

    @property
    def gateway_pid(self) -> int:
        """The running gateway's process id."""
        assert self._gateway is not None
        return self._gateway.pid

    async def open_link(self, faults: Faults, seed: int) -> LossyLink:
        """Put the bad radio in front of the gateway."""
        self.link = LossyLink(("127.0.0.1", self.port), faults, seed)
        await self.link.start()
        return self.link

    async def provision(self, name: str, room: str, *, post: str, interval_s: int) -> dict[str, Any]:
        """`comatrix node add` -> the node's configuration, with the link's near end as the gateway's address."""
        added = await self.operate("node.add", name=name, room=room, post=post, interval_s=interval_s)
        configuration: dict[str, Any] = added["configuration"]
        if self.link is not None:
            configuration["gateway"] = "{}:{}".format(*self.link.address)
        return configuration

    async def provision_lora(self, name: str, room: str, *, post: str, interval_s: int) -> dict[str, Any]:
        """`comatrix node add --radio air` -> the node's configuration, with its module's port."""
        assert self.air is not None
        added = await self.operate(
            "node.add", name=name, room=room, post=post, interval_s=interval_s, radio=RADIO, observe=True
        )
        configuration: dict[str, Any] = added["configuration"]
        configuration["lora"]["uart"] = str(self.air.node)
        return configuration

    async def start_node(
        self,
        name: str,
        configuration: dict[str, Any],
        main: str,
        options: tuple[str, ...] = (),
        firmware: Path | None = None,
    ) -> NodeProcess:
        """Run a node's program in a MicroPython process of its own. `firmware`: another folder to import it from."""
        if firmware is None:
            firmware = self.folder / "firmware"
            lay_out_firmware(firmware)
        node = await NodeProcess.start(
            self.interpreter(), self.folder / "nodes" / name, firmware, configuration, main, options
        )
        self.nodes[name] = node
        return node

    async def resume_node(self, name: str) -> NodeProcess:
        """Run it again in its folder, as after a reset: its files as they are."""
        node = await NodeProcess.resume(self.interpreter(), self.folder / "nodes" / name, self.folder / "firmware")
        self.nodes[name] = node
        return node

    def interpreter(self) -> micropython.Interpreter:
        """The MicroPython the nodes run on; found once. Raises GatewayError in words."""
        if self._interpreter is None:
            self._interpreter = micropython.find(report=self._say)
        return self._interpreter

    async def close(self) -> None:
        """End every process and close every socket."""
        for node in self.nodes.values():
            await node.stop()
        if self.link is not None:
            await self.link.close()
        await self.end_gateway()
        if self.air is not None:
            self.air.close()
        if self.person is not None:
            await self.person.aclose()
        if self._own_synapse:
            await self.synapse.stop()

    async def _login(self, name: str) -> Secrets:
        """Make an account and log it in."""
        name += self._account_suffix
        await self._homeserver.register(name, self.password)
        async with MatrixClient(self._homeserver.base_url) as client:
            answer = expect(
                await client.login_password(name, self.password, f"DEMO{name.upper()}", "CoMatrix demo"),
                f"log {name} in",
            )
        return Secrets(answer["user_id"], answer["device_id"], answer["access_token"])


def expect(answer: HomeserverAnswer, what: str) -> dict[str, Any]:
    """The body of a good answer. Raises GatewayError."""
    if not answer.ok or answer.body is None:
        raise GatewayError(f"the homeserver did not {what}: {answer.error or answer.status}")
    return answer.body
