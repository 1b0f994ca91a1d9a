"""The command line as a person types it, each command a process of its own, beside a gateway nodes post to."""

import asyncio
import json
import os
import signal
import sys
from typing import Any

import pytest

from comatrix.gateway.demo.stage import Stage
from tests.end_to_end.cut_line import CutLine
from tests.end_to_end.node_programs import POST_SLOWLY
from tests.end_to_end.room_reading import wait_for

pytestmark = pytest.mark.slow


class Commands:
    """Runs `comatrix --home ... WORDS`."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    async def start(self, *words: str) -> asyncio.subprocess.Process:
        """Its process."""
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "comatrix", "--home", str(self._stage.place.paths.state), *words),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=self._stage.folder,
            env={**os.environ, "COLUMNS": "200"},
        )

    async def __call__(self, *words: str) -> tuple[int, str, str]:
        """Exit code, output, errors."""
        process = await self.start(*words)
        out, err = await asyncio.wait_for(process.communicate(), 60)
        assert b"Traceback" not in out + err, err.decode()
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()

    async def json(self, *words: str) -> Any:
        """What it says with --json."""
        code, out, err = await self(*words, "--json")
        assert code == 0, err
        return json.loads(out)


async def test_commands_tell_the_truth_while_nodes_post(stage: Stage, line: CutLine) -> None:
    comatrix = Commands(stage)
    await stage.open_homeserver(url=line.url)
    await stage.start_gateway()
    assert stage.person is not None
    room = await comatrix.json(
        "room", "create", "garden", "--invite", stage.person.user_id, "--alias", "g" + room_tag()
    )
    assert (await stage.person.join(room["room_id"])).ok
    place = ("--room", room["alias"], "--gateway-address", f"127.0.0.1:{stage.port}", "--post", "every")
    code, out, err = await comatrix("node", "add", "garden", *place, "--interval", "1")
    assert code == 0 and "Node 1 garden posts to" in out, err
    written = stage.folder / "garden.json"
    assert written.stat().st_mode & 0o777 == 0o600
    follower = await comatrix.start("tail", "--follow", "--lines", "20", "--json")
    configuration = json.loads(written.read_text())
    node = await stage.start_node("garden", configuration, POST_SLOWLY.format(count=20, pause_ms=200))
    lines = [json.loads(await asyncio.wait_for(follower.stdout.readline(), 20)) for _ in range(10)]  # type: ignore[union-attr]

    status, nodes, shown, queue = await asyncio.gather(
        comatrix.json("status"),
        comatrix.json("node", "list"),
        comatrix.json("node", "show", "1"),
        comatrix.json("queue"),
    )
    assert status["running"] and status["live"]["acknowledged"] >= 10 and not status["live"]["troubles"]
    assert [(one["name"], one["security"], one["room"]) for one in nodes] == [("garden", "oscore", room["alias"])]
    assert 10 <= shown["records"] <= 20 and shown["last_seen_ms"] and shown["firmware"].startswith("comatrix")
    assert configuration["secret"] not in json.dumps(shown) and queue["rows"] is not None
    assert await asyncio.wait_for(node.wait(), 30) == 0

    lines += [json.loads(await asyncio.wait_for(follower.stdout.readline(), 20)) for _ in range(10)]  # type: ignore[union-attr]
    assert [one["value"]["readings"][0]["value"] for one in lines] == [str(number) for number in range(20)]
    follower.send_signal(signal.SIGINT)
    assert await asyncio.wait_for(follower.wait(), 10) == 130
    _, tailed, _ = await comatrix("tail", "--json", "-n", "20")
    assert [json.loads(one)["seq"] for one in tailed.splitlines()] == [one["seq"] for one in lines]
    found = await wait_for(stage, room["room_id"], 20, 20)
    assert [one.seq for one in found] == [one["seq"] for one in lines]
    code, out, _ = await comatrix("node", "list")
    assert code == 0 and "garden" in out and str(20) in out


async def test_exit_codes_say_what_kind_of_failure_it_was(stage: Stage, line: CutLine) -> None:
    comatrix = Commands(stage)
    await stage.open_homeserver(url=line.url)
    room = (await stage.create_room("codes"))["room_id"]
    for running in (False, True):
        if running:
            await stage.start_gateway()
        await expect(comatrix, 0, "status")
        await expect(comatrix, 1, "node", "add", "x", "--room", "#nowhere:localhost", "--gateway-address", "h:1")
        await expect(comatrix, 2, "node", "show", "nobody")
        await expect(comatrix, 2, "queue", "retry", "77")
        await expect(comatrix, 2, "node", "add", "x", "--room", room, "--post", "sometimes")
        await expect(comatrix, 2, "no-such-command")
        await line.cut()
        await expect(comatrix, 3, "room", "create", "later")
        await expect(comatrix, 0, "node", "list")
        await line.join()
    await expect(comatrix, 2, "gateway", "run")
    await stage.end_gateway()
    await expect(comatrix, 3, "tail", "--follow")


async def expect(comatrix: Commands, code: int, *words: str) -> None:
    """This exit code, and after a failure the next command as the last line."""
    found, out, err = await comatrix(*words)
    assert found == code, (words, out, err)
    if code:
        assert err.strip(), words
        assert "next: " in err.splitlines()[-1] or words[0] == "no-such-command", err


def room_tag() -> str:
    """Part of an alias nobody has: the homeserver is shared with other tests."""
    return os.urandom(4).hex()
