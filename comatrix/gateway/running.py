"""Runs a gateway as a process: its log, its signals, its end."""

import asyncio
import contextlib
import logging
import signal
from typing import Any

from comatrix.gateway.app import Gateway
from comatrix.gateway.collector import settle
from comatrix.gateway.config.paths import Paths
from comatrix.gateway.config.settings import Settings
from comatrix.gateway.edges.service_manager import this_process
from comatrix.gateway.logs import set_up

log = logging.getLogger("comatrix")


def run(settings: Settings, paths: Paths) -> None:
    """Run until SIGINT or SIGTERM. Raises GatewayError for what keeps it from starting."""
    set_up(settings.gateway.log_level, settings.gateway.log_format)
    asyncio.run(_serve(settings, paths))


async def _serve(settings: Settings, paths: Paths) -> None:
    stop, manager = asyncio.Event(), this_process()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with contextlib.AsyncExitStack() as stack:
        gateway = await Gateway.start(settings, paths, stack)
        settle()
        for host, port in gateway.udp.addresses:
            log.info("listening on UDP %s port %d", host, port)
        if gateway.dtls is not None:
            log.info("listening on UDP %s port %d for DTLS", *gateway.dtls.address)
        log.info("posting to %s as %s", gateway.matrix.base_url, gateway.matrix.user_id)
        manager.tell("READY=1", "STATUS=listening")
        gateway.errands.add(loop.create_task(manager.keep_alive()))
        ended: asyncio.Future[Any] = asyncio.gather(*gateway.tasks)
        stopping: asyncio.Future[Any] = asyncio.ensure_future(stop.wait())
        await asyncio.wait([ended, stopping], return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        manager.tell("STOPPING=1")
        if ended.done() and not stop.is_set():
            ended.result()  # a task that ended by itself is a bug: say so instead of running on half
        ended.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await ended
    log.info("stopped")
