"""The pictures of the demo say what the run said, and nothing that nobody should read."""

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from comatrix.gateway.pages import demo_picture, demo_room_picture

PICTURES = Path(__file__).parents[3] / "docs" / "pictures"
PRINTED = """\
Nodes run on MicroPython 1.25.0 (/home/me/clone/.cache/micropython/micropython, fetched).
    homeserver http://127.0.0.1:1   user alice   password hidden123   room #r:localhost

""" + "".join(
    f"12:00:0{n}  garden: 2{n}.00 °C & more\n    air: {n} datagrams sent\n    lora: 0 frames sent\n" for n in range(6)
)
TYPED = """\
12:00:07  alice: !cx set garden interval 2s
    air: 9 datagrams sent
    garden: interval = 2 s - queued as #1
12:00:08  garden: 28.00 °C
    -> confirmed by the node: 2 s
12:00:09  garden: 29.00 °C
    air: 12 datagrams sent

    air: 12 datagrams sent
Each reading in the room once: yes.
"""


def texts(svg: str) -> list[str]:
    """What a person reads in it."""
    root = ElementTree.fromstring(svg)
    return ["".join(one.itertext()) for one in root.iter("{http://www.w3.org/2000/svg}text")]


def test_the_terminal_shows_the_run_without_its_password_and_the_clones_place() -> None:
    shown = texts(demo_picture.svg(PRINTED + TYPED))
    assert shown[1] == "Nodes run on MicroPython 1.25.0 (.cache/micropython/micropython, fetched)."
    assert "user alice   password ...   room" in shown[2]
    assert not any("hidden123" in one or "/home/me" in one for one in shown)


def test_the_terminal_is_shortened_to_a_beginning_what_was_typed_and_the_end() -> None:
    shown = texts(demo_picture.svg(PRINTED + TYPED))
    readings = [one[10:] for one in shown if one.startswith("12:00:")]
    assert readings == [
        *(f"garden: 2{n}.00 °C & more" for n in range(3)),
        "alice: !cx set garden interval 2s",
        "garden: 28.00 °C",
        "garden: 29.00 °C",
    ]
    assert shown.count("...") == 1 and "    -> confirmed by the node: 2 s" in shown
    assert shown[-1] == "Each reading in the room once: yes."


def message(number: int, sender: str, **content: Any) -> dict[str, Any]:
    return {
        "type": "m.room.message",
        "event_id": f"${number}",
        "sender": sender,
        "origin_server_ts": 1_767_225_600_000,
        "content": content,
    }


def test_the_room_shows_nodes_by_name_and_a_reply_as_it_reads_in_the_end() -> None:
    profile = {"com.beeper.per_message_profile": {"displayname": "garden"}}
    events = [
        {"type": "m.room.name", "event_id": "$0", "sender": "@cx:x", "content": {"name": "x"}},
        message(1, "@cx:x", msgtype="m.notice", body="garden: 20 °C", **profile),
        message(2, "@alice:x", msgtype="m.text", body="!cx get garden interval"),
        message(
            3, "@cx:x", msgtype="m.notice", body="queued", **{"m.relates_to": {"m.in_reply_to": {"event_id": "$2"}}}
        ),
        message(
            4,
            "@cx:x",
            body="* confirmed",
            **{"m.new_content": {"body": "confirmed"}, "m.relates_to": {"rel_type": "m.replace", "event_id": "$3"}},
        ),
        {"type": "m.reaction", "event_id": "$5", "content": {"m.relates_to": {"event_id": "$2", "key": "✅"}}},
    ]
    shown = texts(demo_room_picture.svg(events))
    assert [one for one in shown if len(one) > 1] == [
        *("CoMatrix demo", "garden", "00:00 UTC", "20 °C", "alice", "00:00 UTC", "!cx get garden interval", "✅ 1"),
        *("cx", "00:00 UTC", "alice: !cx get garden interval", "confirmed", "(edited)"),
    ]


def test_the_pictures_that_are_shown_are_of_one_run_and_whole() -> None:
    terminal, room = (texts((PICTURES / name).read_text(encoding="utf-8")) for name in ("demo.svg", "demo-room.svg"))
    assert terminal[-3].startswith("Each reading in the room once: yes. In each node's order: yes.")
    first = next(one for one in terminal if one[2:3] == ":" and " °C" in one)
    name, values = first[10:].split(": ")
    assert name in room and values in room
