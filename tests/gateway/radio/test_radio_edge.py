"""Radios at emulated modules, through pseudo terminals and TCP, in real time: few and short."""

import asyncio
import contextlib
import errno
import os
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from comatrix.gateway.edges.radio.port import open_port
from comatrix.gateway.edges.radio.port_words import PortError, error_of
from comatrix.gateway.edges.radio.probing import dialect_of
from comatrix.gateway.errors import GatewayError
from comatrix.gateway.radio.events import Lost, Ready, Received, Sent, Unknown
from comatrix.gateway.radio.machine import Driver
from comatrix.gateway.radio.probe import Found
from comatrix.gateway.radio.settings import RadioSettings
from tests.gateway.radio.bench import KINDS, dialect
from tests.gateway.radio.ports import Desk, Told, until

FRAME = b"\r\n\x00+RCV=1,2\xff"
MakeDesk = Callable[..., Desk]


@pytest.fixture
async def make_desk(tmp_path: Path) -> AsyncIterator[MakeDesk]:
    desks: list[Desk] = []

    def make(kind: str, **manners: object) -> Desk:
        desks.append(Desk(tmp_path, kind, **manners))
        return desks[-1]

    yield make
    for desk in desks:
        desk.modems.close()


@contextlib.asynccontextmanager
async def ready(*radios: Told) -> AsyncIterator[None]:
    try:
        for told in radios:
            await told.radio.start()
        for told in radios:
            await told.until(lambda event: isinstance(event, Ready))
        yield
    finally:
        for told in radios:
            await told.radio.stop()


@pytest.mark.parametrize("kind", KINDS)
async def test_frames_go_both_ways_through_terminals_in_small_pieces(make_desk: MakeDesk, kind: str) -> None:
    desk = make_desk(kind, most_bytes=3)
    a, b = desk.told(0), desk.told(1)
    async with ready(a, b):
        await a.radio.send(FRAME, 1)
        await b.until(lambda event: isinstance(event, Received) and event.frame == FRAME)
        await a.until(lambda event: event == Sent(1))
        await b.radio.send(FRAME * 2, 2)
        await a.until(lambda event: isinstance(event, Received) and event.frame == FRAME * 2)


async def test_an_unplugged_module_is_told_once_and_used_again_when_it_is_back(make_desk: MakeDesk) -> None:
    desk = make_desk("rylr998")
    a, b = desk.told(0), desk.told(1)
    async with ready(a, b):
        desk.modems.unplug(desk.paths[0])
        await a.until(lambda event: isinstance(event, Lost))
        await a.radio.send(b"waits", 1)
        await asyncio.sleep(0.15)
        desk.modems.plug(desk.paths[0], desk.modules[0])
        await b.until(lambda event: isinstance(event, Received) and event.frame == b"waits")
        await a.until(lambda event: event == Sent(1))
        assert a.of(Lost) == [Lost(f"{desk.paths[0]}: it was unplugged")] and len(a.of(Ready)) == 2


async def test_a_frame_on_air_when_the_port_is_lost_is_unknown_and_the_next_is_sent_later(make_desk: MakeDesk) -> None:
    desk = make_desk("rui3")
    a = desk.told(0)
    async with ready(a):
        for token in (1, 2):
            await a.radio.send(bytes(250), token)
        await until(lambda: desk.modules[0].sent == 1)
        desk.modems.unplug(desk.paths[0])
        await a.until(lambda event: isinstance(event, Unknown) and event.token == 1)
        desk.modems.plug(desk.paths[0], desk.modules[0])
        await a.until(lambda event: event == Sent(2))


async def test_a_reset_in_mid_frame_is_noticed_and_the_radio_is_ready_again(make_desk: MakeDesk) -> None:
    desk = make_desk("rylr998")
    a, b = desk.told(0), desk.told(1)
    async with ready(a, b):
        for token in (1, 2):
            await a.radio.send(bytes(200), token)
        await until(lambda: desk.modules[0].sent == 1)
        await asyncio.sleep(0.05)
        desk.modules[0].restart(a.radio._monotonic_ms())
        desk.modems.turn()
        await a.until(lambda event: event == Sent(2))
        assert [type(event) for event in a.events] == [Ready, Unknown, Ready, Sent]


async def test_a_radio_may_start_before_its_port_is_there(make_desk: MakeDesk) -> None:
    desk = make_desk("rui3")
    desk.modems.unplug(desk.paths[0])
    a = desk.told(0)
    await a.radio.start()
    await a.until(lambda event: isinstance(event, Lost))
    await until(lambda: a.radio._pause_s == 0.1)  # it grew, to the longest
    desk.modems.plug(desk.paths[0], desk.modules[0])
    await a.until(lambda event: isinstance(event, Ready))
    assert a.radio._pause_s == 0.02
    await a.radio.stop()
    assert a.of(Lost) == [Lost(f"{desk.paths[0]}: there is no such port")]


async def test_a_port_in_use_says_so(make_desk: MakeDesk) -> None:
    desk = make_desk("rui3")
    path = str(desk.paths[0])
    first = await open_port(path, 115200)
    with pytest.raises(PortError, match="another program uses this port") as caught:
        await open_port(path, 115200)
    assert caught.value.next_step == f"sudo fuser -v {path}"
    first.close()
    (await open_port(path, 115200)).close()


async def test_a_serial_server_over_tcp_is_as_good_and_found_again(make_desk: MakeDesk) -> None:
    desk = make_desk("rylr998")
    b = desk.told(1)
    module = desk.modules[0]
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        while data := await reader.read(100):
            module.receive(data, b.radio._monotonic_ms())
            desk.modems.turn()
        writer.close()

    desk.modems.unplug(desk.paths[0])
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    async def relay() -> None:
        while True:
            module.handle_timer(b.radio._monotonic_ms())
            if (data := module.bytes_to_write(0)) and writers:
                writers[-1].write(data)
            await asyncio.sleep(0.002)

    task = asyncio.create_task(relay())
    a = Told(f"tcp://127.0.0.1:{port}", "rylr998")
    async with ready(a, b):
        await a.radio.send(FRAME, 1)
        await b.until(lambda event: isinstance(event, Received) and event.frame == FRAME)
        writers[0].close()
        await a.until(lambda event: isinstance(event, Lost))
        await a.until(lambda event: isinstance(event, Ready), 2)
        await a.radio.send(FRAME, 2)
        await b.until(lambda event: isinstance(event, Received), 2)
    task.cancel()
    server.close()


@pytest.mark.parametrize(
    ("url", "number", "says", "step"),
    [
        ("/dev/ttyUSB7", errno.ENOENT, "there is no such port", "ls -l /dev/serial/by-id/"),
        ("/dev/ttyUSB7", errno.EBUSY, "another program uses this port", "sudo fuser -v /dev/ttyUSB7"),
        ("/dev/ttyUSB7", errno.EACCES, "join its group dialout", "sudo usermod -aG dialout "),
        ("/dev/null", errno.EACCES, "only root may use this port", "ls -l /dev/null"),
        ("/dev/ttyUSB7", errno.EIO, os.strerror(errno.EIO), "ls -l /dev/ttyUSB7"),
        ("tcp://10.0.0.9:4000", errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED), "ping 10.0.0.9"),
    ],
)
def test_why_a_port_cannot_be_opened_is_told_in_words(url: str, number: int, says: str, step: str) -> None:
    error = error_of(OSError(number, os.strerror(number)), url)
    assert error.text.startswith(f"{url}: ") and says in error.text
    assert error.next_step.startswith(step)


@pytest.mark.parametrize("url", ["tcp://", "tcp://host", "tcp://:5", "tcp://host:port", "tcp://host:99999"])
async def test_an_address_that_is_none_is_an_error_in_words(url: str) -> None:
    with pytest.raises(PortError):
        await open_port(url, 9600)


async def test_a_closed_tcp_port_is_an_error_with_a_next_step() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(PortError) as caught:
            await open_port(f"tcp://127.0.0.1:{taken.getsockname()[1]}", 9600)
    assert caught.value.next_step == "ping 127.0.0.1"


def test_a_driver_is_told_nothing_before_its_port_is_open() -> None:
    driver = Driver(dialect("rui3"))
    driver.receive(b"+EVT:RXP2P:-1:1:00\r\n", 0)
    assert driver.next_event() is None


@pytest.mark.parametrize("told", [{"NETWORKID": "1x8"}, {"NETWORKID": "99"}, {"ADDRESS": "-1"}])
def test_a_module_that_tells_nonsense_of_itself_is_told_in_words(told: dict[str, str]) -> None:
    with pytest.raises(GatewayError, match=f"{next(iter(told))} '{next(iter(told.values()))}'"):
        dialect_of(Found("RYLR", "RYLR998_V1", told, RadioSettings()))
