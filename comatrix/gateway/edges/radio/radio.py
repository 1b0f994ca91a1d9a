"""A radio: its port opened, opened again when it is lost, and its driver fed."""

import asyncio
from collections.abc import Callable

from comatrix.gateway.clock import monotonic_ms as the_clock
from comatrix.gateway.edges.radio.port import Port, PortError, open_port
from comatrix.gateway.radio.events import Event, Ready
from comatrix.gateway.radio.machine import Driver

PAUSE_S = (0.5, 30.0)  # between two tries to open the port; it doubles


class Radio:
    """`on_event` is called with each event, on the loop; Lost comes once, however long it lasts.

    Frames that wait stay through lost ports. One that may have been on air ends as Unknown: the layer above, which
    knows acknowledgements and duty cycle, decides whether it is sent again.
    """

    def __init__(
        self,
        port: str,
        driver: Driver,
        on_event: Callable[[Event], None],
        *,
        baud: int = 115200,
        monotonic_ms: Callable[[], int] = the_clock,
        pause_s: tuple[float, float] = PAUSE_S,
    ) -> None:
        self.url = port
        self.driver = driver
        self._on_event = on_event
        self._baud = baud
        self._monotonic_ms = monotonic_ms
        self._shortest_s, self._longest_s = pause_s
        self._pause_s = self._shortest_s
        self._port: Port | None = None
        self._over: asyncio.Future[str] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._pumping = False

    async def start(self) -> None:
        """Begin; the port need not be there yet."""
        self._task = asyncio.create_task(self._keep_open(), name=f"radio {self.url}")

    async def stop(self) -> None:
        """Let the port go. What waits is the caller's: no event tells of it."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._let_go()

    async def send(self, frame: bytes, token: object) -> None:
        """Transmit when it can be done; an event with the token tells what became of it."""
        self.driver.send(frame, token, self._monotonic_ms())
        self._pump()

    async def _keep_open(self) -> None:
        while True:
            self._closed(await self._one_life())
            await asyncio.sleep(self._pause_s)
            self._pause_s = min(2 * self._pause_s, self._longest_s)

    async def _one_life(self) -> str:
        """Open the port and stay until it is lost; why it ended."""
        try:
            self._port = await open_port(self.url, self._baud)
        except PortError as error:
            return error.text
        self._over = asyncio.get_running_loop().create_future()
        self.driver.opened(self._monotonic_ms())
        self._port.start(self._received, self._lost)
        self._pump()
        return f"{self.url}: {await self._over}"

    def _received(self, data: bytes) -> None:
        self.driver.receive(data, self._monotonic_ms())
        self._pump()

    def _lost(self, reason: str) -> None:
        if self._over is not None and not self._over.done():
            self._over.set_result(reason)

    def _closed(self, reason: str) -> None:
        self._let_go()
        self.driver.closed(reason, self._monotonic_ms())
        self._pump()

    def _let_go(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._port is not None:
            self._port.close()
            self._port = None

    def _pump(self) -> None:
        """Carry on what the driver wants; `on_event` may send, so until nothing is left."""
        if self._pumping:
            return
        self._pumping = True
        try:
            while (event := self.driver.next_event()) is not None:
                if isinstance(event, Ready):
                    self._pause_s = self._shortest_s
                self._on_event(event)
        finally:  # also when `on_event` raises: the radio goes on
            self._pumping = False
            data = self.driver.bytes_to_write(self._monotonic_ms())
            if data and self._port is not None:
                self._port.write(data)
            self._arm()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        at = self.driver.next_deadline()
        if at is not None and self._port is not None:
            delay_s = max(0, at - self._monotonic_ms()) / 1000
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._due)

    def _due(self) -> None:
        self.driver.handle_timer(self._monotonic_ms())
        self._pump()
