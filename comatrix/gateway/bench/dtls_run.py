"""What DTLS costs: handshakes that come all at once, memory a session, records, durable requests; libcoap beside."""

import secrets
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from comatrix.gateway.bench.contestants import Subject, start_dtls, start_libcoap_dtls
from comatrix.gateway.bench.dtls_load import DtlsLoad
from comatrix.gateway.bench.process_figures import cpu_s, rss_mb

OURS = "CoMatrix"
SESSIONS = 2_000
SETTLE_S = 0.3
LIBCOAP = "coap-server-openssl"


@dataclass(frozen=True, slots=True)
class DtlsFigures:
    """Of one server; medians over the rounds. `handshake_cpu_us`, `record_cpu_us` (one in, one out, nothing stored)
    and `durable_cpu_us` (a reading, on disk before its ACK) are CPU of the server; 0: not measured."""

    name: str
    joined: int
    asked: int
    handshakes_a_second: float
    handshake_cpu_us: float
    session_kib: float
    records_a_second: float = 0.0
    record_cpu_us: float = 0.0
    durable_a_second: float = 0.0
    durable_cpu_us: float = 0.0


def measure(
    sessions: int, nodes: int, messages: int, rounds: int, say: Callable[[str], None], *, ours_only: bool = False
) -> list[DtlsFigures]:
    """CoMatrix, and libcoap where it is installed. Raises GatewayError."""
    found = []
    for name, start in ((OURS, start_dtls), ("libcoap", start_libcoap_dtls)):
        if name == "libcoap" and (ours_only or shutil.which(LIBCOAP) is None):
            continue
        say(f"DTLS: {name}")
        # libcoap takes minutes over all at once: it answers flights that were lost only when they are said again.
        once = [_once(name, start, sessions, nodes, messages)]
        results = once + [_once(name, start, sessions, nodes, messages) for _ in range(rounds - 1) if name == OURS]
        found.append(_median(results))
    return found


def _once(
    name: str, start: Callable[[Path, int, bytes], Subject], sessions: int, nodes: int, messages: int
) -> DtlsFigures:
    key = secrets.token_hex(8).encode()  # libcoap takes it as text
    with tempfile.TemporaryDirectory(prefix="comatrix-bench-") as folder, _running(start, folder, sessions, key) as it:
        pid = it.process.pid
        load = DtlsLoad(it.address, sessions, key, lambda number: b"n%d" % number)
        try:
            time.sleep(SETTLE_S)
            before_mb, before_s = rss_mb(pid), cpu_s(pid)
            joined = load.join()
            time.sleep(SETTLE_S)
            cpu_us = (cpu_s(pid) - before_s) * 1_000_000 / joined.count
            kib = (rss_mb(pid) - before_mb) * 1024 / joined.count
            figures = DtlsFigures(name, joined.count, sessions, joined.count / joined.elapsed_s, cpu_us, kib)
            if name != OURS:
                return figures
            records = _exchanges(load, pid, nodes, messages, stored=False)
            durable = _exchanges(load, pid, nodes, messages, stored=True)
        finally:
            load.close()
    return DtlsFigures(*_first(figures), *records, *durable)


def _first(figures: DtlsFigures) -> tuple[str, int, int, float, float, float]:
    one = figures
    return one.name, one.joined, one.asked, one.handshakes_a_second, one.handshake_cpu_us, one.session_kib


def _exchanges(load: DtlsLoad, pid: int, nodes: int, messages: int, *, stored: bool) -> tuple[float, float]:
    """-> (a second, CPU us each)."""
    load.prepare(messages // nodes, nodes=nodes, stored=stored)
    before_s = cpu_s(pid)
    took_s = load.run(nodes)
    time.sleep(SETTLE_S)
    count = messages // nodes * nodes
    return count / took_s, (cpu_s(pid) - before_s) * 1_000_000 / count


@contextmanager
def _running(start: Callable[[Path, int, bytes], Subject], folder: str, sessions: int, key: bytes) -> Iterator[Subject]:
    subject = start(Path(folder), sessions, key)
    try:
        yield subject
    finally:
        subject.stop()


def _median(results: list[DtlsFigures]) -> DtlsFigures:
    def median(which: str) -> float:
        return float(statistics.median(getattr(one, which) for one in results))

    first = results[0]
    return DtlsFigures(
        first.name,
        min(one.joined for one in results),
        first.asked,
        *(median(which) for which in DtlsFigures.__slots__[3:]),
    )
