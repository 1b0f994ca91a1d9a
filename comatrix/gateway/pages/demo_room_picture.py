"""Draws docs/pictures/demo-room.svg: the room of a `make demo` as clients lay out its events. No client's screenshot.

The events are the answer of GET /_matrix/client/v3/rooms/{id}/messages?dir=f&limit=400, asked as alice in that run:
.venv/bin/python -m comatrix.gateway.pages.demo_room_picture < messages.json > docs/pictures/demo-room.svg
"""

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape
from typing import Any

MOST_MESSAGES = 12
WIDTH, TOP, LEFT, TEXT = 760, 62, 24, 68
LINE, GAP = 20, 12
MOST_TEXT = 84  # characters of a line
COLOURS = 4
PROFILE_KEY = "com.beeper.per_message_profile"
STYLE = """
    .card { fill: #ffffff; stroke: #d0d7de }
    .head { stroke: #d0d7de }
    text { fill: #1f2328; white-space: pre }
    .small { fill: #6e7781; font-size: 11.5px }
    .quote { fill: #6e7781; font-size: 12.5px }
    .side { fill: #d0d7de }
    .chip { fill: #eaf5ee; stroke: #9bd1ad }
    .face { fill: #57606a; font-weight: 600; font-size: 12px }
    .c0 { fill: #0969da } .c1 { fill: #1a7f37 } .c2 { fill: #9a6700 } .c3 { fill: #8250df } .me { fill: #bf3989 }
    @media (prefers-color-scheme: dark) {
      .card { fill: #15191e; stroke: #30363d }
      .head { stroke: #30363d }
      text { fill: #e6edf3 }
      .small, .quote { fill: #9198a1 }
      .side { fill: #3d444d }
      .chip { fill: #16301f; stroke: #2f6f43 }
      .c0 { fill: #6cb6ff } .c1 { fill: #57ab5a } .c2 { fill: #d4a72c } .c3 { fill: #b083f0 } .me { fill: #f778ba }
    }
    .disc { fill-opacity: 0.18 }
  """


@dataclass
class Message:
    """As it stands in the end: with its edit, and with what people reacted."""

    who: str
    is_person: bool
    at_ms: int
    text: str
    answers: str | None = None
    edited: bool = False
    reactions: list[str] = field(default_factory=list)


def messages(events: list[dict[str, Any]]) -> dict[str, Message]:
    """By event id, in the room's order."""
    found: dict[str, Message] = {}
    for event in events:
        content = event.get("content", {})
        relation = content.get("m.relates_to", {})
        target = found.get(relation.get("event_id", ""))
        if event["type"] == "m.reaction" and target is not None:
            target.reactions.append(relation["key"])
        elif relation.get("rel_type") == "m.replace" and target is not None:
            target.text, target.edited = content["m.new_content"]["body"], True
        elif event["type"] == "m.room.message":
            found[event["event_id"]] = _message(event, content, relation)
    return found


def _message(event: dict[str, Any], content: dict[str, Any], relation: dict[str, Any]) -> Message:
    person = content.get("msgtype") == "m.text"
    who = content.get(PROFILE_KEY, {}).get("displayname") or event["sender"][1:].partition(":")[0]
    text = content["body"] if person else content["body"].removeprefix(f"{who}: ")
    return Message(who, person, event["origin_server_ts"], text, relation.get("m.in_reply_to", {}).get("event_id"))


def svg(events: list[dict[str, Any]]) -> str:
    """The picture of the first messages."""
    found = messages(events)
    shown = list(found.values())[:MOST_MESSAGES]
    faces = list(dict.fromkeys(one.who for one in shown if not one.is_person))
    drawn, y = [], TOP + GAP
    for one in shown:
        lines, height = _drawn(one, found, faces, y)
        drawn += lines
        y += height
    return "\n".join([*_head(y + GAP), *drawn, "</svg>", ""])


def _head(height: int) -> Iterator[str]:
    yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="t d"'
    yield '  font-family="system-ui, sans-serif" font-size="14">'
    yield '  <title id="t">The room of the demo</title>'
    yield '  <desc id="d">Nodes post readings; alice types a command, whose reply ends confirmed.</desc>'
    yield f"  <style>{STYLE}</style>"
    yield f'  <rect class="card" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="10"/>'
    yield f'  <text x="{LEFT}" y="36" font-weight="700" font-size="17">CoMatrix demo</text>'
    yield f'  <path class="head" d="M1 52.5H{WIDTH - 1}"/>'


def _drawn(one: Message, found: dict[str, Message], faces: list[str], y: int) -> tuple[list[str], int]:
    """A message from `y` on, and how much room it took."""
    colour = "me" if one.is_person else f"c{faces.index(one.who) % COLOURS}"
    at = time.strftime("%H:%M", time.gmtime(one.at_ms / 1000))
    out = [
        f'  <circle class="disc {colour}" cx="{LEFT + 15}" cy="{y + 8}" r="15"/>',
        f'  <text class="face {colour}" x="{LEFT + 15}" y="{y + 12}" text-anchor="middle">'
        f"{escape(one.who[0].upper())}</text>",
        f'  <text class="{colour}" x="{TEXT}" y="{y + 4}" font-weight="600" font-size="13">{escape(one.who)}</text>',
        f'  <text class="small" x="{WIDTH - LEFT}" y="{y + 4}" text-anchor="end">{at} UTC</text>',
    ]
    row = y + 4
    quoted = found.get(one.answers or "")
    if quoted is not None:
        row += LINE
        out.append(f'  <rect class="side" x="{TEXT}" y="{row - 13}" width="3" height="17"/>')
        out.append(f'  <text class="quote" x="{TEXT + 10}" y="{row}">{escape(f"{quoted.who}: {quoted.text}")}</text>')
    for line in one.text.splitlines():
        row += LINE
        out.append(f'  <text x="{TEXT}" y="{row}">{escape(line[:MOST_TEXT])}</text>')
    if one.edited:
        out.append(f'  <text class="small" x="{WIDTH - LEFT}" y="{row}" text-anchor="end">(edited)</text>')
    for place, key in enumerate(one.reactions):
        row += 28 if not place else 0
        out.append(f'  <rect class="chip" x="{TEXT + 52 * place}" y="{row - 15}" width="44" height="22" rx="11"/>')
        out.append(f'  <text x="{TEXT + 52 * place + 22}" y="{row}" font-size="12" text-anchor="middle">{key} 1</text>')
    return out, row - y + GAP + 8


if __name__ == "__main__":
    sys.stdout.write(svg(json.load(sys.stdin)["chunk"]))
