"""A homeserver on loopback and a gateway's folder, for commands run as a person runs them."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner, Result

from comatrix.gateway.cli.main import cli
from tests.gateway.cli.node_to_flash import make_node
from tests.support.emulated_board import SERVER, PtyBoard
from tests.support.homeserver import Homeserver
from tests.support.micropython import real_micropython

PASSWORD = "correct horse"


class Loopback:
    """The in-memory homeserver behind a real HTTP socket; `server` lives in a thread of its own."""

    def __init__(self) -> None:
        self.server = Homeserver()
        self.loop = asyncio.new_event_loop()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        serves = (self._run_loop, lambda: self._http.serve_forever(poll_interval=0.01))
        self._threads = [threading.Thread(target=serve, daemon=True) for serve in serves]
        for thread in self._threads:
            thread.start()

    def do(self, job: Callable[[Homeserver], object]) -> object:
        """Runs a coroutine function of the homeserver in its own thread."""
        return asyncio.run_coroutine_threadsafe(job(self.server), self.loop).result(5)  # type: ignore[arg-type]

    async def answer(self, request: httpx.Request) -> tuple[int, bytes]:
        """Status and body."""
        response = await self.server.handle_async_request(request)
        return response.status_code, await response.aread()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self.loop.call_soon_threadsafe(self.loop.stop)
        for thread in self._threads:
            thread.join()

    def _run_loop(self) -> None:
        self.loop.run_forever()
        self.loop.run_until_complete(_cancel_others())
        self.loop.close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def _serve(self) -> None:
                size = int(self.headers.get("Content-Length", 0))
                request = httpx.Request(
                    self.command, outer.url + self.path, headers=dict(self.headers), content=self.rfile.read(size)
                )
                asked = asyncio.run_coroutine_threadsafe(outer.answer(request), outer.loop)
                try:
                    status, content = asked.result(5)
                except CancelledError:
                    return  # the homeserver ends; who asked is gone
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = _serve  # noqa: N815

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Handler


async def _cancel_others() -> None:
    """What still waits: requests whose caller went away, for example."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


@pytest.fixture
def homeserver() -> Iterator[Loopback]:
    """With one account, `cx`."""
    loopback = Loopback()
    loopback.do(lambda server: server.register("cx", PASSWORD))
    yield loopback
    loopback.close()


Comatrix = Callable[..., Result]


@pytest.fixture
def comatrix(tmp_path: Path) -> Comatrix:
    """Runs a command with COMATRIX_HOME a fresh folder; what it prints must never hold a traceback."""

    def run(*words: str, input: str | None = None) -> Result:
        result = CliRunner().invoke(cli, list(words), input=input, env={"COMATRIX_HOME": str(tmp_path / "home")})
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    return run


@pytest.fixture
def ready(comatrix: Comatrix, homeserver: Loopback) -> Comatrix:
    """The same, after `init`."""
    words = ("init", "--homeserver", homeserver.url, "--user", "cx", "--password-file", "-")
    result = comatrix(*words, input=PASSWORD + "\n")
    assert result.exit_code == 0, result.output
    return comatrix


@pytest.fixture
def node_board(tmp_path: Path) -> Iterator[PtyBoard]:
    """A board with files of its own, and in `tmp_path` the node to be put on it."""
    make_node(tmp_path)
    made = PtyBoard([*real_micropython().command, str(SERVER)], tmp_path / "flash", interrupts=True)
    yield made
    made.close()


@pytest.fixture
def board(tmp_path: Path) -> Iterator[PtyBoard]:
    """An empty one, at a pseudo terminal."""
    (tmp_path / "flash").mkdir()
    made = PtyBoard([*real_micropython().command, str(SERVER)], tmp_path / "flash", interrupts=True)
    yield made
    made.close()
