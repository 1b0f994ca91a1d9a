"""Everything a run needs: a provisioned gateway, a homeserver behind a bad front, nodes behind bad links."""

import asyncio
import random
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from comatrix.gateway.config.secrets import Secrets
from comatrix.gateway.demo.free_port import free_port
from tests.chaos.commander import PASSWORD, PEOPLE, Commander
from tests.chaos.front import Front
from tests.chaos.gateway_process import GatewayProcess, Recording, Tamper
from tests.chaos.homeservers import Homeserver, JournaledHomeserver, settle_in
from tests.chaos.ledger import Rooms
from tests.chaos.link import Weather
from tests.chaos.load import Load
from tests.chaos.provisioning import DATABASE, Known, Provision, node_name, provision

CONFIGURATION = """\
[homeserver]
url = "http://127.0.0.1:{http}"
user = "{user}"
timeout = "5s"

[gateway]
address = "127.0.0.1:{udp}"

[udp]
bind = ["127.0.0.1:{udp}"]

[limits]
node_rate = 6000000
node_burst = 6000000
"""
DRAIN_S = 120.0


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is of everything."""

    nodes: int = 32
    rooms: int = 3
    pause_s: float = 0.05  # between two readings of a node
    told: int = 0  # nodes that obey, one a room; people command them


def gateway_command(home: Path) -> list[str]:
    """The real one."""
    return [sys.executable, "-m", "comatrix", "--home", str(home), "gateway", "run"]


@dataclass(slots=True)
class Scene:
    """Opened by `open`, closed by `close` whatever happened."""

    folder: Path
    seed: object
    size: Size
    weather: Weather
    command: Callable[[Path], Sequence[str]] = gateway_command
    make_homeserver: Callable[[Path], Homeserver] = JournaledHomeserver
    provision: Provision = provision
    own_disk: Path | None = None  # the gateway's folder is there instead
    chance: random.Random = field(init=False)
    homeserver: Homeserver = field(init=False)
    front: Front = field(init=False)
    gateway: GatewayProcess = field(init=False)
    load: Load = field(init=False)
    rooms: Rooms = field(default_factory=Rooms)
    udp_port: int = 0
    commander: Commander | None = None

    @property
    def home(self) -> Path:
        """The gateway's folder."""
        return self.own_disk or self.folder / "gateway"

    @property
    def database(self) -> Path:
        """The gateway's database."""
        return self.home / DATABASE

    async def open(self) -> None:
        """Everything but the gateway runs afterwards."""
        self.chance = random.Random(f"{self.seed}/scene")
        self.home.mkdir(parents=True, exist_ok=True)
        self.homeserver = self.make_homeserver(self.folder / "homeserver")
        await self.homeserver.start()
        people = PEOPLE if self.size.told else ()
        invite = [await self.homeserver.register(name, PASSWORD) for name in people]
        account, room_ids = await settle_in(self.homeserver, self.size.rooms, invite)
        if self.size.told:
            assert isinstance(self.homeserver, JournaledHomeserver)
            nodes = [(node_name(at), room_ids[at % len(room_ids)]) for at in range(self.size.told)]
            self.commander = Commander(self.homeserver, nodes, self.seed)
            await self.commander.open()
        self.front = Front(self.homeserver.port, random.Random(f"{self.seed}/front"))
        await self.front.start()
        self.udp_port = free_port(socket.SOCK_DGRAM)
        known = await self.provisioned(account, room_ids)
        self.gateway = GatewayProcess(self.command(self.home), self.folder / "gateway.log")
        self.load = Load(known, self.weather, self.seed, self.size.pause_s, self.size.told)
        await self.load.open(("127.0.0.1", self.udp_port))

    async def provisioned(self, account: Secrets, room_ids: Sequence[str]) -> list[Known]:
        """The gateway's folder, ready to start."""
        known = {"http": self.front.port, "udp": self.udp_port, "user": account.user_id}
        (self.home / "comatrix.toml").write_text(CONFIGURATION.format(**known))
        return self.provision(self.home, account, room_ids, self.size.nodes)

    async def close(self) -> None:
        """End every process and close every socket."""
        self.load.close()
        self.gateway.send(signal.SIGCONT)
        await self.gateway.kill()
        if self.commander is not None:
            await self.commander.close()
        await self.front.close()
        await self.homeserver.kill()

    async def begin_life(self, tracing: Tamper | Recording | None = None) -> None:
        """Start the gateway."""
        self.load.life += 1
        await self.gateway.start(tracing)

    async def first_answer(self, within_s: float) -> float | None:
        """Seconds from the gateway's start to the first acknowledgement of this life, or None."""
        heard: asyncio.Future[float] = asyncio.get_running_loop().create_future()

        def note(life: int) -> None:
            if life == self.load.life and not heard.done():
                heard.set_result(time.monotonic() - self.gateway.started_s)

        self.load.on_acknowledged = note
        ended: asyncio.Future[bool] = asyncio.ensure_future(self.gateway.ended(within_s))
        either: list[asyncio.Future[Any]] = [heard, ended]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
        return heard.result() if heard.done() else None

    async def drain(self, within_s: float = DRAIN_S) -> bool:
        """The nodes fall silent, the weather clears, and whatever is acknowledged has time to appear."""
        self.load.talk(False)
        self.front.bad, self.front.trap, self.front.down = 0.0, None, False
        end_s = time.monotonic() + within_s
        while time.monotonic() < end_s:
            await asyncio.sleep(0.3)
            await self.homeserver.news(self.rooms)
            shown = {one.key for one in self.rooms.shown}
            if all(node.idle for node in self.load.nodes) and self.load.ledger.acknowledged <= shown:
                await asyncio.sleep(1.0)  # what would be shown twice is shown twice by now
                await self.homeserver.news(self.rooms)
                return True
        return False
