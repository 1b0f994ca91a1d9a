"""A stage whose gateway is an application service, as a person sets it up."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path

from click.testing import CliRunner

from comatrix.gateway.cli.main import cli
from comatrix.gateway.demo.free_port import free_port
from comatrix.gateway.demo.stage import Stage
from comatrix.gateway.demo.synapse import LoopbackSynapse
from tests.end_to_end.log_check import check_log
from tests.support.micropython import real_micropython

SERVICE = """
[appservice]
enabled = true
intake = "{intake}"
bind = "127.0.0.1:{port}"
"""


@contextlib.asynccontextmanager
async def service_stage(
    folder: Path, intake: str, port: int = 0, *, url: str = "", synapse_url: str = "", synapse_port: int = 0
) -> AsyncIterator[Stage]:
    """An account that is there becomes the service's own, its file goes to the homeserver.

    `url`: where the homeserver is to push, if not to the gateway's own `port`; `synapse_url`: where the gateway is to
    find the homeserver, which listens on `synapse_port`. However it ends, the log holds no traceback and no secret."""
    real_micropython()
    synapse = LoopbackSynapse(folder / "homeserver", synapse_port or free_port(socket.SOCK_STREAM))
    made = Stage(folder, print, synapse)
    try:
        await synapse.start()
        section = SERVICE.format(intake=intake, port=port or free_port(socket.SOCK_STREAM))
        await made.open_homeserver(section, synapse_url)
        home = made.place.paths.state
        await _type(home, *(["--url", url] if url else []))
        await synapse.stop()
        synapse.app_services.append(made.place.paths.registration)
        await synapse.start()
        await _type(home, "--check")
        yield made
    finally:
        await made.close()
        await synapse.stop()
        check_log(made)
        tokens = made.place.paths.service_tokens.read_text()
        log = (folder / "gateway.log").read_text()
        assert not [line for line in tokens.splitlines() if "token" in line and line.split('"')[1] in log]


async def _type(home: Path, *args: str) -> None:
    command = ["--home", str(home), "appservice", *args]
    done = await asyncio.to_thread(CliRunner().invoke, cli, command)
    assert done.exit_code == 0, done.output
