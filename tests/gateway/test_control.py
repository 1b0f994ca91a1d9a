"""The control socket: bounded, private to its group, and never ended by a bad client."""

import asyncio
import json
import socket
import stat
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from comatrix.gateway.cli.connection import Place, call, is_running, stream
from comatrix.gateway.config.paths import find_paths
from comatrix.gateway.edges.control import MAX_LINE_BYTES, ControlServer
from comatrix.gateway.errors import Unreachable, UsageError

Args = Mapping[str, Any]


async def echo(args: Args) -> Args:
    return args


async def refuse(args: Args) -> None:
    raise Unreachable("nobody there", "comatrix config check")


async def count(args: Args) -> AsyncGenerator[int, None]:
    for number in range(args["to"]):
        yield number


class Endless:
    """A stream that says when it was let go of."""

    def __init__(self) -> None:
        self.ended = asyncio.Event()

    async def items(self, args: Args) -> AsyncGenerator[int, None]:
        try:
            yield 1
            await asyncio.Event().wait()
        finally:
            self.ended.set()


def server(path: Path, **options: Any) -> ControlServer:
    return ControlServer(path, {"echo": echo, "refuse": refuse, "count": count}, **options)


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Path]:
    """The socket of a server that runs."""
    control = server(tmp_path / "control.sock")
    await control.start()
    yield tmp_path / "control.sock"
    await control.aclose()


async def ask(path: Path, *lines: bytes, answers: int | None = None) -> list[dict[str, Any]]:
    """Answers to raw lines on one connection."""
    reader, writer = await asyncio.open_unix_connection(str(path))
    writer.write(b"".join(line + b"\n" for line in lines))
    found = [json.loads(await asyncio.wait_for(reader.readline(), 5)) for _ in range(answers or len(lines))]
    writer.close()
    return found


def request(op: str, **args: Any) -> bytes:
    return json.dumps({"op": op, "args": args}).encode()


async def test_requests_are_answered_in_order_on_one_connection(running: Path) -> None:
    found = await ask(running, request("echo", a=1), request("refuse"), request("echo", b="ü"))
    assert found == [
        {"ok": True, "result": {"a": 1}},
        {"ok": False, "error": "nobody there", "next": "comatrix config check", "exit": 3},
        {"ok": True, "result": {"b": "ü"}},
    ]


async def test_a_stream_is_many_results_and_an_end(running: Path) -> None:
    found = await ask(running, request("count", to=2), answers=3)
    assert found == [
        {"ok": True, "result": 0, "more": True},
        {"ok": True, "result": 1, "more": True},
        {"ok": True, "end": True},
    ]


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"[]",
        b"3",
        b"\xff\xfe",
        b'{"op": 3}',
        b'{"op": "echo", "args": []}',
        b'{"op": "none"}',
        b"[" * 60_000,
        b"NaN",
    ],
)
async def test_a_bad_request_is_answered_in_words_and_ends_nothing(running: Path, line: bytes) -> None:
    bad, good = await ask(running, line, request("echo", still="here"))
    assert bad["ok"] is False and bad["exit"] == 2 and bad["error"] and bad["next"]
    assert good == {"ok": True, "result": {"still": "here"}}


async def test_a_line_too_long_is_refused_and_hung_up_on(running: Path) -> None:
    reader, writer = await asyncio.open_unix_connection(str(running))
    writer.write(b"x" * (MAX_LINE_BYTES + 2))
    assert "longer than" in json.loads(await reader.readline())["error"]
    assert await reader.read() == b""
    writer.close()


async def test_too_many_clients_are_refused_and_others_still_served(tmp_path: Path) -> None:
    control = server(tmp_path / "c.sock", max_clients=2)
    await control.start()
    first = [await asyncio.open_unix_connection(str(tmp_path / "c.sock")) for _ in range(2)]
    reader, writer = await asyncio.open_unix_connection(str(tmp_path / "c.sock"))
    assert "too many" in json.loads(await asyncio.wait_for(reader.readline(), 5))["error"]
    first[0][1].write(request("echo") + b"\n")
    assert json.loads(await asyncio.wait_for(first[0][0].readline(), 5))["ok"]
    writer.close()
    for _, held in first:
        held.close()
    await control.aclose()


async def test_a_silent_client_gives_up_its_place(tmp_path: Path) -> None:
    control = server(tmp_path / "c.sock", idle_s=0.05)
    await control.start()
    reader, writer = await asyncio.open_unix_connection(str(tmp_path / "c.sock"))
    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()
    await control.aclose()


async def test_a_stream_ends_when_its_client_hangs_up(tmp_path: Path) -> None:
    endless = Endless()
    control = ControlServer(tmp_path / "c.sock", {"tail": endless.items})
    await control.start()
    reader, writer = await asyncio.open_unix_connection(str(tmp_path / "c.sock"))
    writer.write(request("tail") + b"\n")
    assert json.loads(await reader.readline())["result"] == 1
    writer.close()
    await asyncio.wait_for(endless.ended.wait(), 5)
    await control.aclose()


async def test_closing_hangs_up_on_a_stream_and_removes_the_socket(tmp_path: Path) -> None:
    endless = Endless()
    control = ControlServer(tmp_path / "c.sock", {"tail": endless.items})
    await control.start()
    reader, writer = await asyncio.open_unix_connection(str(tmp_path / "c.sock"))
    writer.write(request("tail") + b"\n")
    await reader.readline()
    await asyncio.wait_for(control.aclose(), 5)
    assert endless.ended.is_set()
    assert await reader.read() == b""
    writer.close()
    assert not (tmp_path / "c.sock").exists()


async def test_the_socket_is_0660_and_replaces_a_dead_one(tmp_path: Path) -> None:
    path = tmp_path / "new" / "control.sock"
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    control = server(path)
    await control.start()
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    await control.aclose()


async def test_a_path_too_long_for_a_socket_is_told_in_words(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="too long"):
        await server(tmp_path / ("x" * 120)).start()


async def test_the_command_line_uses_the_running_gateway(tmp_path: Path) -> None:
    place = Place(find_paths(str(tmp_path), {}, tmp_path), {})
    assert not is_running(place)
    control = server(place.paths.socket)
    await control.start()
    in_thread = asyncio.to_thread
    assert await in_thread(is_running, place)
    assert await in_thread(call, place, "echo", {"a": 1}) == {"a": 1}
    assert await in_thread(lambda: list(stream(place, "count", {"to": 3}))) == [0, 1, 2]
    with pytest.raises(Unreachable) as caught:
        await in_thread(call, place, "refuse", {})
    assert caught.value.next_step == "comatrix config check"
    with pytest.raises(UsageError, match="knows no operation"):
        await in_thread(call, place, "newer", {})
    await control.aclose()


async def test_a_gateway_that_hangs_up_is_told(tmp_path: Path) -> None:
    place = Place(find_paths(str(tmp_path), {}, tmp_path), {})
    listener = await asyncio.start_unix_server(lambda r, w: w.close(), str(place.paths.socket))
    with pytest.raises(Unreachable):
        await asyncio.to_thread(call, place, "echo", {})
    listener.close()
