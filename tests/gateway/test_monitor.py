"""/healthz turns red two minutes after the homeserver went away, /metrics says what is counted, logs are JSON."""

import json
import logging
import socket
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from comatrix.gateway.app import Gateway
from comatrix.gateway.config.load import parse
from comatrix.gateway.config.paths import find_paths
from comatrix.gateway.config.secrets import Secrets, write_secrets
from comatrix.gateway.edges.appservice.http import listening
from comatrix.gateway.edges.matrix import MatrixClient
from comatrix.gateway.edges.monitor import monitor_app
from comatrix.gateway.errors import GatewayError
from comatrix.gateway.logs import JsonLines
from comatrix.gateway.model import HomeserverAnswer
from comatrix.gateway.uplink.metrics import metrics_text
from comatrix.gateway.uplink.reach import RED_AFTER_MS, Reach
from tests.gateway.matrix.watching import Clock, Told, watching

STATUS: dict[str, Any] = {
    "nodes": 2,
    "records": 7,
    "late": 1,
    "waiting": 3,
    "sealed": 1,
    "parked": 4,
    "posted": 5,
    "database": {"used": 4096, "max_size": 1 << 30},
    "live": {
        "knocks": 9,
        "radios": {'b"arn\\': {"ready": True, "sent": 5, "airtime_us": 1_500_000, "airtime_allowed_us": None}},
    },
}


def test_two_minutes_without_an_answer_are_red_and_one_answer_is_not() -> None:
    reach = Reach()
    assert reach.trouble(10**9) == ""  # nothing was asked
    reach.note(HomeserverAnswer(None, error="cannot connect"), 1_000)
    reach.note(HomeserverAnswer(None, error="timed out"), 60_000, 30.0)
    assert reach.trouble(1_000 + RED_AFTER_MS - 1) == ""
    assert reach.trouble(1_000 + RED_AFTER_MS) == "the homeserver has been unreachable for 120 s: timed out"
    reach.note(HomeserverAnswer(503), 200_000)  # the proxy before it
    assert reach.trouble(200_000)
    reach.note(HomeserverAnswer(429), 201_000)
    assert reach.trouble(10**9) == ""


def test_metrics_are_what_prometheus_reads() -> None:
    lines = metrics_text(STATUS, 50_000_000, 1.25, reachable=False).splitlines()
    assert {
        "comatrix_nodes 2",
        "comatrix_records_total 7",
        "comatrix_records_late_total 1",
        "comatrix_records_waiting 3",
        "comatrix_outbox_sealed 1",
        "comatrix_outbox_posted 5",
        "comatrix_outbox_parked 4",
        "comatrix_knocks_total 9",
        "comatrix_homeserver_reachable 0",
        "process_resident_memory_bytes 50000000",
        "process_cpu_seconds_total 1.25",
        'comatrix_radio_airtime_seconds{radio="b\\"arn\\\\"} 1.5',
    } <= set(lines)
    assert not any("airtime_allowed" in line for line in lines), "a radio without a duty cycle has no limit"
    families = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(families) == len(set(families))


@pytest.mark.parametrize(("trouble", "status", "said"), [("", 200, "ok\n"), ("away", 503, "away\n")])
async def test_healthz_says_why(trouble: str, status: int, said: str) -> None:
    async def refuses() -> dict[str, Any]:
        raise GatewayError("the database is full")

    app = monitor_app(refuses, lambda: trouble)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here") as client:
        answer = await client.get("/healthz")
        assert (answer.status_code, answer.text) == (status, said)
        assert (await client.get("/metrics")).status_code == 503
        assert (await client.post("/healthz")).status_code == 405


POLL_MS = 5_000  # a healthcheck's
BACK_MS = 600_000


class Away(httpx.AsyncBaseTransport):
    """A homeserver in virtual time that answers until `gone`, then refuses connections or says nothing any more, and is
    back after ten minutes. It holds /sync as long as it may."""

    def __init__(self, clock: Clock, passes: Callable[[int], Awaitable[None]], gone: int, how: str) -> None:
        self.clock, self.passes, self.gone, self.how = clock, passes, gone, how

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        limit, held = int(request.extensions["timeout"]["read"] * 1000), int(request.url.params.get("timeout", 0))
        began = self.clock.now_ms
        if began >= self.gone + BACK_MS or began + held < self.gone:
            await self.passes(held)
            return httpx.Response(200, stream=httpx.ByteStream(b'{"next_batch": "s1"}'))
        if self.how == "is silent":
            await self.passes(limit)
            raise httpx.ReadTimeout("")
        await self.passes(max(0, self.gone - began))
        raise httpx.ConnectError("Connection refused")


@pytest.mark.parametrize(("how", "latest"), [("refuses", 125_000), ("is silent", 155_000)])
@pytest.mark.parametrize("gone", [0, 31_000, 59_000, 300_000])
async def test_an_idle_gateway_turns_red_two_minutes_after_its_homeserver_went(
    how: str, latest: int, gone: int
) -> None:
    clock, reach = Clock(), Reach()
    red: list[int] = []
    app = monitor_app(dict, lambda: reach.trouble(clock.now_ms))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here") as web:

        async def passes(ms: int) -> None:
            end = clock.now_ms + ms
            while clock.now_ms < end:
                clock.now_ms = min(end, (clock.now_ms // POLL_MS + 1) * POLL_MS)
                if clock.now_ms % POLL_MS == 0 and (await web.get("/healthz")).status_code == 503:
                    red.append(clock.now_ms)

        client = MatrixClient("http://a.b", "token", "@cx:a.b", transport=Away(clock, passes, gone, how))
        client.on_answer(lambda answer, overdue_s: reach.note(answer, clock.now_ms, overdue_s))
        watch = watching(client, Told(), clock, timeout_ms=30_000)
        while clock.now_ms < gone + BACK_MS + 300_000:
            await passes(int(await watch.step() * 1000))
    assert gone + RED_AFTER_MS <= red[0] <= gone + latest, red[0] - gone
    assert gone + BACK_MS - POLL_MS <= red[-1] <= gone + BACK_MS + 100_000, red[-1] - gone


async def test_a_gateway_serves_both_and_counts_unanswered_requests(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    text = (
        '[homeserver]\nurl = "http://127.0.0.1:1"\nuser = "@cx:a.b"\n[udp]\nbind = ["127.0.0.1:0"]\n'
        f'[http]\nbind = "127.0.0.1:{port}"\n'
    )
    paths = find_paths(str(tmp_path), {}, tmp_path)
    write_secrets(paths.secrets, Secrets("@cx:a.b", "DEVICE", "token"))
    async with AsyncExitStack() as stack:
        gateway = await Gateway.start(parse(text, "test", {}), paths, stack)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            metrics = await client.get("/metrics")
            assert metrics.status_code == 200 and "comatrix_nodes 0" in metrics.text
            assert (await client.get("/healthz")).text == "ok\n"
            await gateway.matrix.versions()
            gateway.reach._since = -10 * RED_AFTER_MS if gateway.reach._since is not None else None
            assert (await client.get("/healthz")).status_code == 503
        for task in gateway.tasks:
            task.cancel()


async def test_a_port_that_is_taken_names_its_section() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(GatewayError) as caught:
            async with listening(monitor_app(lambda: None, str), *taken.getsockname(), section="http"):  # type: ignore[arg-type,return-value]
                pass
    assert "[http]" in caught.value.next_step


def test_a_json_log_line_is_one_object_also_with_a_traceback() -> None:
    try:
        raise ValueError("deep")
    except ValueError as error:
        found = (ValueError, error, error.__traceback__)
    record = logging.LogRecord("comatrix", logging.WARNING, "x.py", 1, "lost\n%s", ("é",), found)
    line = JsonLines().format(record)
    assert line.isascii() and "\n" not in line
    told = json.loads(line)
    assert (told["level"], told["message"]) == ("warning", "lost\né")
    assert "deep" in told["exception"] and told["time"].endswith("Z")
