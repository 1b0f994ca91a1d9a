"""Real sockets that answer wrongly, or not at all."""

import asyncio
import contextlib
import datetime
import os
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from comatrix.gateway.edges.control import ControlServer

VERSIONS = b'{"versions": ["v1.11"]}'
NOBODY = 65_534


class Answering:
    """An HTTP server on loopback that says the same to everybody, for as long as the test lasts."""

    def __init__(self, body: bytes = VERSIONS, tls: ssl.SSLContext | None = None) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        server = HTTPServer(("127.0.0.1", 0), Handler)
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        server.handle_error = lambda request, address: None  # type: ignore[assignment]
        self.url = f"{'https' if tls else 'http'}://localhost:{server.server_address[1]}"
        threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01), daemon=True).start()


class Certificate:
    """A certificate signed by nobody but itself. `days` from now: when it begins and ends."""

    def __init__(self, folder: Path, *, name: str = "localhost", days: tuple[int, int] = (-1, 1)) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.datetime.now(datetime.UTC)
        called = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        made = (
            x509.CertificateBuilder()
            .subject_name(called)
            .issuer_name(called)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + datetime.timedelta(days=days[0]))
            .not_valid_after(now + datetime.timedelta(days=days[1]))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .sign(key, hashes.SHA256())
        )
        self._certificate = made.public_bytes(serialization.Encoding.PEM)
        self._file = folder / f"{name}.pem"
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        self._file.write_bytes(private + self._certificate)

    def server(self) -> ssl.SSLContext:
        """For the server that shows it."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._file)
        return context

    def trusted(self) -> ssl.SSLContext:
        """For a client that trusts it, and nobody else."""
        return ssl.create_default_context(cadata=self._certificate.decode())


def hanging_up() -> str:
    """The URL of a server that takes a connection and closes it."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            listener.accept()[0].close()

    threading.Thread(target=serve, daemon=True).start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


def silent() -> tuple[socket.socket, str]:
    """A server that takes connections and says nothing, and its URL."""
    listener = socket.create_server(("127.0.0.1", 0))
    return listener, f"http://127.0.0.1:{listener.getsockname()[1]}"


def deaf() -> tuple[socket.socket, int]:
    """A UDP socket on loopback that is never read, and its port."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    return sock, sock.getsockname()[1]


def control(path: Path, status: Mapping[str, Any]) -> None:
    """A control socket of some gateway whose status is this."""
    started = threading.Event()

    async def say(args: Mapping[str, Any]) -> Any:
        return dict(status)

    async def serve() -> None:
        await ControlServer(path, {"status": say}).start()
        started.set()
        await asyncio.Event().wait()

    threading.Thread(target=lambda: asyncio.run(serve()), daemon=True).start()
    assert started.wait(5)


@contextlib.contextmanager
def unprivileged() -> Iterator[None]:
    """As an ordinary user who owns nothing of this; an ordinary user stays who they are."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
