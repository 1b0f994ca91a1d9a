"""The demo: real MicroPython nodes post readings over a lossy link into a room of a real homeserver, and obey."""

import asyncio
import contextlib
import json
import signal
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from comatrix.gateway.demo.air import SF
from comatrix.gateway.demo.interpreter import WASM
from comatrix.gateway.demo.lossy_link import Faults
from comatrix.gateway.demo.node_process import MAIN, OBEDIENT, PACKED
from comatrix.gateway.demo.show import RoomShow
from comatrix.gateway.demo.stage import PERSON, TRIAL, Stage, expect
from comatrix.gateway.edges.matrix import MatrixClient

NAMES = ("garden", "cellar", "roof", "pond", "attic", "garage", "shed", "barn", "well", "gate")
OVER_LORA = "meadow"
LORA_LOSS = 0.3
TYPED = ("!cx set {node} interval 2s", "!cx call {node} lamp on")  # of the first node, which can be told something


@dataclass(frozen=True, slots=True)
class Script:
    """What is played. `seconds` 0: until Ctrl-C; `interval_s` between a node's readings."""

    nodes: int = 3
    seconds: int = 0
    interval_s: int = 4
    loss: float = 0.2
    seed: int = 1
    lora: bool = True


async def play(script: Script, say: Callable[[str], None]) -> None:
    """Set up, show, and clean up. Raises GatewayError in words where something is missing."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    with tempfile.TemporaryDirectory(prefix="comatrix-demo-") as folder:
        stage = Stage(Path(folder), say)
        playing = loop.create_task(_play(script, stage, say, stop))
        stopping = loop.create_task(stop.wait())
        try:
            # Ctrl-C is heard during the set-up too.
            await asyncio.wait([playing, stopping], return_when=asyncio.FIRST_COMPLETED)
            if stop.is_set() and not playing.done():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(asyncio.shield(playing), 2.0)
            if playing.done():
                playing.result()
        finally:
            for task in (playing, stopping):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
            say("Ending every process ...")
            await stage.close()
    say("Done. Next: docs/howto/run-the-gateway.md")


async def _play(script: Script, stage: Stage, say: Callable[[str], None], stop: asyncio.Event) -> None:
    say(f"Nodes run on {stage.interpreter()}.")
    if script.lora and stage.interpreter().kind == WASM:
        say("No node over LoRa: this build of MicroPython has no serial port.")
    elif script.lora:
        stage.open_air(LORA_LOSS, script.seed)
    await stage.open_homeserver()
    await stage.synapse.register(TRIAL, stage.password)
    room = await stage.create_room("CoMatrix demo")
    await stage.start_gateway()
    faults = Faults(loss=script.loss)
    link = await stage.open_link(faults, script.seed)
    names = NAMES[: script.nodes]
    for number, name in enumerate(names, 1):
        configuration = await stage.provision(name, room["room_id"], post="every", interval_s=script.interval_s)
        configuration["ack_timeout_ms"] = 500  # a link of milliseconds; 2 s is for slow ones
        main = OBEDIENT if number == 1 else MAIN
        seed = script.seed * 1000 + number
        await stage.start_node(name, configuration, main.format(seed=seed, interval_s=script.interval_s))
    if stage.air is not None:
        configuration = await stage.provision_lora(
            OVER_LORA, room["room_id"], post="every", interval_s=script.interval_s
        )
        await stage.start_node(OVER_LORA, configuration, PACKED.format(seed=script.seed))
        names = (*names, OVER_LORA)
    assert stage.person is not None
    _introduce(script, stage, room, names, say)
    show = RoomShow(stage.person, room["room_id"], link, say, stage.air)
    loop = asyncio.get_running_loop()
    beside = [loop.create_task(show.follow()), loop.create_task(_command(show, stage.person, room["room_id"], names))]
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), script.seconds or None)
    for task in beside:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    _conclude(show, say)


async def _command(show: RoomShow, person: MatrixClient, room_id: str, names: tuple[str, ...]) -> None:
    """Once every node was heard, the person tells the first one things, one after the other.

    What it can be told comes behind its first reading, so its second one says that this is known."""
    await show.until(lambda: show.heard(names[0]) > 1 and all(map(show.heard, names)))
    for number, line in enumerate(TYPED):
        content = json.dumps({"msgtype": "m.text", "body": line.format(node=names[0])}).encode()
        sent = await person.send_event(room_id, "m.room.message", f"demo{number}", content)
        event_id = str(expect(sent, "take a command")["event_id"])
        await show.until(partial(show.over, event_id))


def _introduce(
    script: Script, stage: Stage, room: dict[str, object], names: tuple[str, ...], say: Callable[[str], None]
) -> None:
    share = round(100 * script.loss)
    say("")
    say(f"{len(names)} nodes ({', '.join(names)}) read every {script.interval_s} s. Their link loses {share} % of all")
    say(f"datagrams each way, doubles and reorders others (seed {script.seed}). Everything is encrypted with OSCORE.")
    if stage.air is not None:
        say(f"{OVER_LORA} comes over LoRa: two emulated modules, SF{SF}, {round(100 * LORA_LOSS)} % of frames lost.")
    say(f"{PERSON} then tells {names[0]} to read every 2 s, and to switch its lamp on.")
    say("Open the room in any Matrix client on this machine:")
    say(f"    homeserver {stage.synapse.base_url}   user {PERSON}   password {stage.password}   room {room['alias']}")
    say(f"A gateway of your own may post there too, as user {TRIAL} with that password (README.md).")
    say("End with Ctrl-C." if not script.seconds else f"Ends by itself after {script.seconds} s, or with Ctrl-C.")
    say("")


def _conclude(show: RoomShow, say: Callable[[str], None]) -> None:
    once = len(set(show.records)) == len(show.records)
    in_time = [record for record in show.records if record not in show.late]
    ordered = all(
        [seq for name, _, seq in in_time if name == node] == sorted(seq for name, _, seq in in_time if name == node)
        for node in {name for name, _, _ in in_time}
    )
    say("")
    say(show.counters())
    say(
        f"Each reading in the room once: {'yes' if once else 'NO'}. In each node's order: {'yes' if ordered else 'NO'}."
    )
