"""Who is spoken with, by which tests: the rows of `make interop` and of docs/reference/interop.md.

Tests that belong beside others of their subject stay there; `make interop` runs them too.
"""

from dataclasses import dataclass, field

import pytest


@dataclass(frozen=True)
class Row:
    """A peer, what it plays, and in which file; `folder`: under tests/, where that is another than this one."""

    peer: str
    role: str
    file: str
    folder: str = "interop"


PEERS = (
    Row("aiocoap", "client under OSCORE", "test_aiocoap_client.py"),
    Row("aiocoap", "client, plain and under OSCORE: blocks, Observe, discovery", "test_aiocoap_features.py"),
    Row("aiocoap", "server under OSCORE, our node's client asks", "test_aiocoap_server.py"),
    Row("aiocoap, libcoap", "servers, our endpoint asks", "test_our_endpoint.py"),
    Row("libcoap", "clients (no TLS, OpenSSL and GnuTLS builds), plain", "test_libcoap_clients.py"),
    Row("node-coap", "client, plain", "test_node_coap.py"),
    Row("aiocoap, cbor2", "client under OSCORE, payloads of other formats", "test_foreign_payloads.py"),
    Row(
        "libcoap, OpenSSL",
        "clients over DTLS (s_client; OpenSSL and GnuTLS builds)",
        "test_standard_clients.py",
        "gateway/dtls",
    ),
    Row(
        "libcoap, OpenSSL",
        "servers over DTLS (and our gateway), our node asks",
        "test_dtls_with_real_peers.py",
        "firmware",
    ),
    Row("libcoap, OpenSSL", "servers over DTLS, comatrix coap asks", "test_coap_over_dtls.py", "gateway/cli"),
    Row("aiocoap, libcoap", "clients as the how-to types them", "test_posting_howto.py"),
    Row("ETSI plugtests", "TD_COAP_CORE", "test_etsi_core.py"),
    Row("ETSI plugtests", "TD_COAP_BLOCK", "test_etsi_block.py"),
    Row("ETSI plugtests", "TD_COAP_OBS", "test_etsi_observe.py"),
    Row("ETSI plugtests", "TD_COAP_LINK", "test_etsi_link.py"),
)


@dataclass(eq=False)
class Seen:
    """A pytest plugin: by file, how many passed, and what was said of the others."""

    passed: dict[str, int] = field(default_factory=dict)
    failed: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """One more."""
        file = report.nodeid.split("::")[0].rsplit("/", 1)[-1]
        if report.skipped:
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            self.skipped[file] = reason.removeprefix("Skipped: ")
        elif report.failed:
            self.failed[file] = self.failed.get(file, 0) + 1
        elif report.when == "call":
            self.passed[file] = self.passed.get(file, 0) + 1

    def said(self, file: str) -> str:
        """How it went."""
        parts = [
            f"{count} {word}"
            for word, count in (("passed", self.passed.get(file)), ("FAILED", self.failed.get(file)))
            if count
        ]
        if file in self.skipped:
            parts.append(f"not run: {self.skipped[file]}")
        return ", ".join(parts) or "not run"


def table(seen: Seen, rows: tuple[Row, ...]) -> str:
    """A line each, the files that no row names last."""
    files = {row.file for row in rows}
    others = sorted({*seen.passed, *seen.failed, *seen.skipped} - files)
    lines = [(row.peer, row.role, seen.said(row.file)) for row in rows] + [
        ("", file, seen.said(file)) for file in others
    ]
    widths = [max(len(line[at]) for line in lines) for at in (0, 1)]
    return "\n" + "\n".join(f"{peer:{widths[0]}}  {role:{widths[1]}}  {said}" for peer, role, said in lines)
