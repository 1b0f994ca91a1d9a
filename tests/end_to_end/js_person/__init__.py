"""matrix-js-sdk as a person's client: what Element Web and many others show is what it says."""

import asyncio
import functools
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from comatrix.gateway.demo.stage import Stage

HERE = Path(__file__).parent
CACHE = HERE.parents[2] / ".cache" / "js-person"
PACKAGE = "matrix-js-sdk"
_NPM = ("install", "--no-audit", "--no-fund", "--no-package-lock", "--silent")
_NPM_TIMEOUT_S = 180
_PATIENCE_S = 120


def js_sdk() -> Path:
    """The SDK's main module, by npm in the version package.json names. Skips the test, with the reason, without it."""
    found = js_sdk_or_reason()
    if isinstance(found, str):
        pytest.skip(found)
    return found


@functools.cache
def js_sdk_or_reason() -> Path | str:
    """Its main module, or why there is none."""
    if not shutil.which("node") or not shutil.which("npm"):
        return "matrix-js-sdk needs Node.js and npm (Debian: apt-get install nodejs npm)"
    package = CACHE / "node_modules" / PACKAGE
    wanted = json.loads((HERE / "package.json").read_text())["dependencies"][PACKAGE]
    if _version(package) != wanted:
        CACHE.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(HERE / "package.json", CACHE / "package.json")
        try:
            done = subprocess.run(
                ["npm", *_NPM], cwd=CACHE, capture_output=True, text=True, timeout=_NPM_TIMEOUT_S, check=False
            )
        except subprocess.TimeoutExpired:
            return f"npm did not fetch matrix-js-sdk in {_NPM_TIMEOUT_S} s"
        if done.returncode or _version(package) != wanted:
            return f"npm cannot fetch matrix-js-sdk: {(done.stderr.strip().splitlines() or ['no message'])[-1]}"
    return package / "lib" / "index.js"


def _version(package: Path) -> str | None:
    try:
        return str(json.loads((package / "package.json").read_text())["version"])
    except (OSError, ValueError, KeyError):
        return None


class JsPerson:
    """The stage's person, at a client in one room. `shown`: message -> each thing it showed of it, oldest first."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._typed: asyncio.Queue[str] = asyncio.Queue()
        self._reading = asyncio.create_task(self._read())
        self.shown: dict[str, list[dict[str, Any]]] = {}

    @classmethod
    async def open(cls, stage: Stage, room_id: str) -> "JsPerson":
        """Skips the test where there is no SDK."""
        sdk, person = js_sdk(), stage.person
        assert person is not None
        account = (stage.synapse.base_url, person.user_id, person.account.access_token)
        with (stage.folder / "js.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *("node", str(HERE / "person.mjs"), str(sdk), *account, room_id),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env={**os.environ, "NODE_NO_WARNINGS": "1"},
            )
        return cls(process)

    async def say(self, text: str) -> str:
        """Type it -> its event's id."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(text).encode() + b"\n")
        typed = asyncio.create_task(self._typed.get())
        await asyncio.wait([typed, self._reading], return_when=asyncio.FIRST_COMPLETED, timeout=_PATIENCE_S)
        assert typed.done(), "the client ended, or does nothing"
        return typed.result()

    def shows(self, event_id: str) -> dict[str, Any] | None:
        """What it shows of this message now."""
        shown = self.shown.get(event_id)
        return shown[-1] if shown else None

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            said = json.loads(line)
            if "typed" in said:
                self._typed.put_nowait(said["typed"])
            else:
                self.shown.setdefault(said["asked"], []).append(said)

    async def close(self) -> None:
        """It goes away by itself, or is ended by its pid."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), 10)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        await self._reading
