"""/healthz turns red two minutes after the homeserver went away, /metrics says what is counted, logs are JSON."""

import json
import logging
import socket
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
from comatrix.gateway.edges.monitor import monitor_app
from comatrix.gateway.errors import GatewayError
from comatrix.gateway.logs import JsonLines
from comatrix.gateway.uplink.metrics import metrics_text
from comatrix.gateway.uplink.reach import RED_AFTER_MS, Reach

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
    reach.note(None, "cannot connect", 1_000)
    reach.note(None, "timed out", 60_000)
    assert reach.trouble(1_000 + RED_AFTER_MS - 1) == ""
    assert reach.trouble(1_000 + RED_AFTER_MS) == "the homeserver has been unreachable for 120 s: timed out"
    reach.note(503, "", 200_000)  # the proxy before it
    assert reach.trouble(200_000)
    reach.note(429, "", 201_000)
    assert reach.trouble(10**9) == ""


def test_metrics_are_what_prometheus_reads() -> None:
    lines = metrics_text(STATUS, 50_000_000, 1.25, reachable=False).splitlines()
    assert {
        "comatrix_nodes 2",
        "comatrix_records_total 7",
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
