"""Commands typed in a room, and what became of them as any Matrix client reads it: over plain HTTP, edits applied by
the specification's rules, and none of the gateway's code asked."""

import asyncio
import secrets
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx

from comatrix.gateway.demo.stage import Stage, expect
from comatrix.gateway.edges.matrix import MatrixClient
from tests.end_to_end.room_reading import events

COMMAND_KEY = "eu.comatrix.command"
PATIENCE_S = 120.0
FINAL = {
    "confirmed": " - confirmed by the node",
    "refused": " - refused by the node: ",
    "withdrawn": " - withdrawn before it left",
    "cancelled": " - cancelled",
    "replaced": " - replaced by #",
    "expired": " never reached the node",
    "not_confirmed": " - not confirmed: ",
}  # state -> what a person reads of it
REACTIONS = {
    "confirmed": ["✅"],
    "refused": ["❌"],
    "withdrawn": ["🚫"],
    "cancelled": ["🚫"],
    "replaced": ["🔁"],
    "expired": ["⌛"],
    "not_confirmed": [],
}  # state -> those the command gets
OPEN = (" - queued as #", " - on air (attempt ")


@dataclass(slots=True)
class Told:
    """A command and all its room says of it. `texts`: the reply as it read, oldest first."""

    event_id: str
    number: int = 0
    replies: list[str] = field(default_factory=list)  # event ids
    texts: list[str] = field(default_factory=list)
    reactions: list[str] = field(default_factory=list)

    @property
    def states(self) -> list[str]:
        """Of each text, one after the other: "open" or a final state."""
        return [state_of(text) for text in self.texts]


def state_of(text: str) -> str:
    """What a person takes from the reply."""
    found = [state for state, words in FINAL.items() if words in text]
    if any(words in text for words in OPEN):
        found.append("open")
    assert len(found) == 1, f"a reply that says {found}: {text}"
    return found[0]


class Typist:
    """Somebody at a keyboard who types again, as a client does, until the homeserver has it: once for each message."""

    def __init__(self, stage: Stage, access_token: str, user_id: str) -> None:
        self._url = f"{stage.synapse.base_url}/_matrix/client/v3"
        self._headers = {"Authorization": f"Bearer {access_token}"}
        self.user_id = user_id

    @classmethod
    async def register(cls, stage: Stage, name: str) -> "Typist":
        """A new account at the stage's homeserver."""
        user = f"{name}-{secrets.token_hex(4)}"
        await stage.synapse.register(user, stage.password)
        async with MatrixClient(stage.synapse.base_url) as client:
            body = expect(await client.login_password(user, stage.password, "PHONE", "a phone"), "log in")
        return cls(stage, body["access_token"], body["user_id"])

    async def say(self, room_id: str, text: str, **more: Any) -> str:
        """-> the event's id."""
        return await self.send(room_id, "m.room.message", {"msgtype": "m.text", "body": text, **more})

    async def send(self, room_id: str, event_type: str, content: dict[str, Any]) -> str:
        """Any event of the timeline."""
        path = f"rooms/{quote(room_id, safe='')}/send/{event_type}/{secrets.token_hex(8)}"
        return str((await self.call("PUT", path, content))["event_id"])

    async def join(self, room_id: str) -> None:
        """Be in it."""
        await self.call("POST", f"join/{quote(room_id, safe='')}", {})

    async def redact(self, room_id: str, event_id: str) -> None:
        """Take a message back."""
        path = f"rooms/{quote(room_id, safe='')}/redact/{quote(event_id, safe='')}/{secrets.token_hex(8)}"
        await self.call("PUT", path, {})

    async def call(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Again while the homeserver is away."""
        end = time.monotonic() + PATIENCE_S
        async with httpx.AsyncClient(trust_env=False, timeout=10, headers=self._headers) as http:
            while True:
                try:
                    answer = await http.request(method, f"{self._url}/{path}", json=body)
                except httpx.HTTPError:
                    answer = None
                if answer is not None and answer.status_code < 500:
                    assert answer.status_code == 200, answer.text
                    return dict(answer.json())
                assert time.monotonic() < end, "the homeserver is away"
                await asyncio.sleep(0.2)


async def told_of(stage: Stage, room_id: str, commands: Sequence[str]) -> dict[str, Told]:
    """What the room says of these messages."""
    return read(await events(stage, room_id), commands)


def read(timeline: Sequence[dict[str, Any]], commands: Sequence[str]) -> dict[str, Told]:
    """The same of a room's events, oldest first. An edit counts where its sender and type are the replaced event's."""
    found = {event_id: Told(event_id) for event_id in commands}
    replies: dict[str, tuple[str, Told]] = {}  # reply -> its sender, what it is about
    for event in timeline:
        content = event["content"]
        relation = content.get("m.relates_to", {})
        target = relation.get("event_id")
        answered = relation.get("m.in_reply_to", {}).get("event_id")
        if event["type"] == "m.reaction" and target in found:
            found[target].reactions.append(relation["key"])
        elif event["type"] == "m.room.message" and relation.get("rel_type") == "m.replace":
            sender, told = replies.get(target, ("", None))
            if told is not None and event["sender"] == sender:
                told.texts.append(content["m.new_content"]["body"])
        elif event["type"] == "m.room.message" and answered in found:
            told = found[answered]
            told.replies.append(event["event_id"])
            told.texts.append(content["body"])
            told.number = content.get(COMMAND_KEY, {}).get("number", 0)
            replies[event["event_id"]] = (event["sender"], told)
    return found


def described(stage: Stage) -> int:
    """How many nodes said what they can be told."""
    with sqlite3.connect(f"file:{stage.place.paths.database}?mode=ro", uri=True) as connection:
        return int(connection.execute("SELECT count(*) FROM description").fetchone()[0])


def done(stage: Stage, name: str) -> list[str]:
    """What the node did, in its order."""
    path = stage.folder / "nodes" / name / "done.txt"
    return path.read_text().splitlines() if path.exists() else []
