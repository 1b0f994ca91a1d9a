"""Opens what programs ask over HTTP, where it is configured. Without it neither Starlette nor uvicorn is imported."""

import logging
from contextlib import AsyncExitStack
from typing import Any

from comatrix.gateway.clock import monotonic_ms
from comatrix.gateway.config.settings import HttpSettings
from comatrix.gateway.config.values import endpoint
from comatrix.gateway.uplink.reach import Reach

log = logging.getLogger("comatrix")


async def open_monitor(settings: HttpSettings, status: Any, reach: Reach, stack: AsyncExitStack) -> None:
    """`status`: the operation. Closed by `stack`. Raises GatewayError where the port is taken."""
    if not settings.bind:
        return
    from comatrix.gateway.edges.appservice.http import listening
    from comatrix.gateway.edges.monitor import monitor_app

    app = monitor_app(lambda: status({}), lambda: reach.trouble(monotonic_ms()))
    host, port = await stack.enter_async_context(listening(app, *endpoint(settings.bind), section="http"))
    log.info("/metrics and /healthz on %s port %d", host, port)
