"""The demo's homeserver starts, keeps its rooms, says what is wrong, and never outlives who started it."""

import asyncio
import os
import signal
import socket
import stat
import sys
from pathlib import Path

import pytest

from comatrix.gateway.demo.synapse import LoopbackSynapse
from comatrix.gateway.errors import GatewayError
from tests.support.people import Place

STARTER = """
import asyncio, sys
from pathlib import Path
from comatrix.gateway.demo.synapse import LoopbackSynapse

async def main():
    server = LoopbackSynapse(Path(sys.argv[1]))
    await server.start()
    print(server.pid, flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


async def test_without_synapse_the_next_command_is_said(tmp_path: Path) -> None:
    with pytest.raises(GatewayError) as caught:
        await LoopbackSynapse(tmp_path, package="no_such_homeserver").start()
    assert caught.value.next_step.startswith("pip install '.[demo]'")


@pytest.mark.slow
async def test_its_rooms_outlive_a_restart(tmp_path: Path) -> None:
    said: list[str] = []
    server = LoopbackSynapse(tmp_path, progress=said.append)
    await server.start()
    place = Place(server)
    client = await place.client()
    room_id = (await client.create_room("garden")).body["room_id"]  # type: ignore[index]
    first = await client.send_event(room_id, "m.room.message", "1.1.msg", b'{"body":"x","msgtype":"m.notice"}')
    await server.kill()
    assert (await client.versions()).status is None
    await server.start()
    again = await client.send_event(room_id, "m.room.message", "1.1.msg", b'{"body":"x","msgtype":"m.notice"}')
    assert first.ok and again.body == first.body
    assert said.count(f"Synapse answers on {server.base_url}") == 2
    await place.aclose()
    await server.stop()
    await server.stop()


@pytest.mark.slow
async def test_its_secrets_are_its_owners_only(tmp_path: Path) -> None:
    async with LoopbackSynapse(tmp_path / "hs"):
        for name in ("homeserver.yaml", "secrets.json", "signing.key"):
            assert stat.S_IMODE((tmp_path / "hs" / name).stat().st_mode) == 0o600


@pytest.mark.slow
async def test_a_port_in_use_is_an_error_that_names_the_log(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        server = LoopbackSynapse(tmp_path, port=taken.getsockname()[1])
        with pytest.raises(GatewayError) as caught:
            await server.start()
    assert str(server.log_path) in caught.value.next_step
    assert server.pid is None


@pytest.mark.slow
async def test_it_dies_with_the_process_that_started_it(tmp_path: Path) -> None:
    starter = await asyncio.create_subprocess_exec(
        sys.executable, "-c", STARTER, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert starter.stdout is not None
    pid = int(await starter.stdout.readline())
    os.kill(pid, 0)
    starter.send_signal(signal.SIGKILL)
    await starter.wait()
    for _ in range(100):
        if _ended(pid):
            return
        await asyncio.sleep(0.1)
    pytest.fail("Synapse outlived its starter by 10 s")


def _ended(pid: int) -> bool:
    """Gone, or a zombie that nobody waited for yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].startswith("Z")
    except OSError:
        return True
