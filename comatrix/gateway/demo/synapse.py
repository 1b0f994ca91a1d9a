"""A Synapse of one's own on loopback, for the demo and the tests: a separate process, never imported (it is AGPL)."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import importlib.util
import json
import os
import secrets
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from comatrix.gateway.demo import tied_process
from comatrix.gateway.demo.free_port import free_port
from comatrix.gateway.errors import GatewayError, Unreachable

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 10.0
START_ATTEMPTS = 3  # another process may take the free port before Synapse does
UNLIMITED = {"per_second": 100_000, "burst_count": 100_000}


def _quiet(_progress: str) -> None:
    return


class LoopbackSynapse:
    """A homeserver in `directory` at `base_url`. It dies with the process that started it.

    `rate_limited`: messages are limited as on a default server (burst 10, then one in 5 s).
    `app_services`: registration files; append to it before the start that is to know them. `settings`: more of
    Synapse's own."""

    def __init__(
        self,
        directory: Path,
        port: int | None = None,
        rate_limited: bool = False,
        *,
        server_name: str = "localhost",
        progress: Callable[[str], None] = _quiet,
        package: str = "synapse",
        app_services: Sequence[Path] = (),
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self._directory = directory.resolve()
        self._wanted_port = port
        self._rate_limited = rate_limited
        self._progress = progress
        self._package = package
        self._settings = settings or {}
        self._process: asyncio.subprocess.Process | None = None
        self._registration_secret = ""
        self.server_name = server_name
        self.port = port or 0
        self.app_services = list(app_services)

    @property
    def base_url(self) -> str:
        """Where clients find it."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log_path(self) -> Path:
        """What Synapse printed."""
        return self._directory / "synapse.log"

    @property
    def pid(self) -> int | None:
        """Its process, while it runs."""
        return None if self._process is None else self._process.pid

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start and wait until it answers. A second start continues with the same accounts and rooms.

        Raises GatewayError if Synapse is not installed or ends, Unreachable if it does not answer in 60 s."""
        if importlib.util.find_spec(self._package) is None:
            raise GatewayError(
                "the demo's homeserver, matrix-synapse, is not installed", "pip install '.[demo]' (in the clone)"
            )
        for attempt in range(START_ATTEMPTS):
            self.port = self._wanted_port or self.port or free_port(socket.SOCK_STREAM)
            self._write_files()
            await self._spawn()
            try:
                await self._wait_until_it_answers()
            except GatewayError:
                await self.stop()
                if attempt == START_ATTEMPTS - 1 or not self._port_was_taken():
                    raise
                self.port = 0
            except asyncio.CancelledError:
                await self.stop()
                raise
            else:
                return

    async def stop(self) -> None:
        """End it by its pid: politely, then by force. Stopping twice is fine."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_TIMEOUT_S)
        except TimeoutError:
            _kill(process)
            await process.wait()

    async def kill(self) -> None:
        """End it as a power cut would: no chance to tidy up."""
        process, self._process = self._process, None
        if process is not None:
            _kill(process)
            await process.wait()

    async def register(self, user: str, password: str, admin: bool = False) -> str:
        """The user id of a new account `user` (a localpart). Raises GatewayError with Synapse's reason."""
        import httpx

        url = self.base_url + "/_synapse/admin/v1/register"
        async with httpx.AsyncClient(trust_env=False) as client:
            try:
                nonce = (await client.get(url)).json()["nonce"]
                parts = [nonce, user, password, "admin" if admin else "notadmin"]
                mac = hmac.new(self._registration_secret.encode(), "\0".join(parts).encode(), hashlib.sha1)
                body = {"nonce": nonce, "username": user, "password": password, "admin": admin}
                answer = await client.post(url, json={**body, "mac": mac.hexdigest()})
            except httpx.HTTPError as error:
                raise Unreachable(f"Synapse at {self.base_url} did not answer: {error}") from error
        if answer.status_code != 200:
            raise GatewayError(f"Synapse did not register {user!r}: {answer.json().get('error')}")
        return str(answer.json()["user_id"])

    async def _spawn(self) -> None:
        command = [
            sys.executable,
            "-m",
            f"{self._package}.app.homeserver",
            "-c",
            str(self._directory / "homeserver.yaml"),
        ]
        launcher = [tied_process.__file__, str(os.getpid())]
        environment = {**os.environ, "SYNAPSE_CACHE_FACTOR": "0.5"}
        with self.log_path.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *launcher,
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._directory,
                env=environment,
                start_new_session=True,  # Ctrl-C is for the demo, which then stops Synapse last
            )

    async def _wait_until_it_answers(self) -> None:
        """Raises GatewayError if it ends, Unreachable after 60 s."""
        import httpx

        self._progress(f"starting Synapse on {self.base_url}")
        async with httpx.AsyncClient(trust_env=False, timeout=2.0) as client:
            for _ in range(int(START_TIMEOUT_S / 0.1)):
                assert self._process is not None
                if self._process.returncode is not None:
                    raise GatewayError(f"Synapse ended with code {self._process.returncode}", f"less {self.log_path}")
                with contextlib.suppress(httpx.HTTPError):
                    if (await client.get(self.base_url + "/_matrix/client/versions")).status_code == 200:
                        self._progress(f"Synapse answers on {self.base_url}")
                        return
                await asyncio.sleep(0.1)
        raise Unreachable(f"Synapse did not answer in {START_TIMEOUT_S:g} s", f"less {self.log_path}")

    def _port_was_taken(self) -> bool:
        """Did it end because another process holds the port?"""
        tail = self.log_path.read_bytes()[-8192:]
        return self._wanted_port is None and b"already in use" in tail.lower()

    def _write_files(self) -> None:
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        stored = self._directory / "secrets.json"
        if not stored.exists():
            _write_private(stored, json.dumps({name: secrets.token_urlsafe(24) for name in SECRETS}))
        known: dict[str, str] = json.loads(stored.read_text())
        self._registration_secret = known["registration_shared_secret"]
        key = self._directory / "signing.key"
        if not key.exists():  # ed25519, a version, the unpadded seed
            _write_private(key, f"ed25519 a_demo {base64.b64encode(secrets.token_bytes(32)).decode().rstrip('=')}\n")
        _write_private(self._directory / "log.yaml", json.dumps(LOGGING))
        # YAML reads JSON
        _write_private(self._directory / "homeserver.yaml", json.dumps({**self._configuration(), **known}, indent=1))

    def _configuration(self) -> dict[str, Any]:
        return {
            **FIXED,
            **({} if self._rate_limited else {"rc_message": UNLIMITED}),
            "app_service_config_files": [str(path) for path in self.app_services],
            "server_name": self.server_name,
            "public_baseurl": self.base_url + "/",
            "pid_file": str(self._directory / "synapse.pid"),
            "listeners": [
                {
                    "port": self.port,
                    "bind_addresses": ["127.0.0.1"],
                    "type": "http",
                    "tls": False,
                    "resources": [{"names": ["client", "federation"], "compress": False}],
                }
            ],
            "database": {"name": "sqlite3", "args": {"database": str(self._directory / "synapse.db")}},
            "log_config": str(self._directory / "log.yaml"),
            "media_store_path": str(self._directory / "media"),
            "signing_key_path": str(self._directory / "signing.key"),
            **self._settings,
        }


SECRETS = ("registration_shared_secret", "macaroon_secret_key", "form_secret")

LOGGING = {
    "version": 1,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"level": "WARNING", "handlers": ["console"]},
    "disable_existing_loggers": False,
}

FIXED: dict[str, Any] = {
    "report_stats": False,
    "serve_server_wellknown": False,
    "trusted_key_servers": [],
    "suppress_key_server_warning": True,
    "federation_domain_whitelist": [],  # it talks to nobody
    "enable_registration": False,
    "url_preview_enabled": False,
    "enable_metrics": False,
    "presence": {"enabled": False},
    "user_directory": {"enabled": False},
    "caches": {"sync_response_cache_duration": 0},  # or two equal initial syncs within 2 minutes are one
    "rc_registration": UNLIMITED,
    "rc_login": {"address": UNLIMITED, "account": UNLIMITED, "failed_attempts": UNLIMITED},
    "rc_joins": {"local": UNLIMITED, "remote": UNLIMITED},
    "rc_joins_per_room": UNLIMITED,
    "rc_invites": {"per_room": UNLIMITED, "per_user": UNLIMITED, "per_issuer": UNLIMITED},
    "rc_room_creation": UNLIMITED,
}


def _kill(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()


def _write_private(path: Path, text: str) -> None:
    """`text` in a file that only its owner reads."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
