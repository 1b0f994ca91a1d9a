"""matrix-js-sdk as a person's client: what Element Web and many others show is what it says."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest

from comatrix.gateway.demo.stage import Stage
from tests.support import npm_package

HERE = Path(__file__).parent
PACKAGE = "matrix-js-sdk"
_PATIENCE_S = 120


def js_sdk() -> Path:
    """The SDK's main module, by npm in the version package.json names. Skips the test, with the reason, without it."""
    found = js_sdk_or_reason()
    if isinstance(found, str):
        pytest.skip(found)
    return found


def js_sdk_or_reason() -> Path | str:
    """Its main module, or why there is none."""
    modules = npm_package.modules_or_reason(HERE, PACKAGE, PACKAGE)
    return modules if isinstance(modules, str) else modules / PACKAGE / "lib" / "index.js"


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
