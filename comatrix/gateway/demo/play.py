"""The demo: real MicroPython nodes post readings over a lossy link into a room of a real homeserver."""

import asyncio
import contextlib
import signal
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from comatrix.gateway.demo.lossy_link import Faults
from comatrix.gateway.demo.node_process import MAIN
from comatrix.gateway.demo.show import RoomShow
from comatrix.gateway.demo.stage import PERSON, Stage

NAMES = ("garden", "cellar", "roof", "pond", "attic", "garage", "shed", "barn", "well", "gate")


@dataclass(frozen=True, slots=True)
class Script:
    """What is played. `seconds` 0: until Ctrl-C; `interval_s` between a node's readings."""

    nodes: int = 3
    seconds: int = 0
    interval_s: int = 4
    loss: float = 0.2
    seed: int = 1


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
    await stage.open_homeserver()
    room = await stage.create_room("CoMatrix demo")
    await stage.start_gateway()
    faults = Faults(loss=script.loss)
    link = await stage.open_link(faults, script.seed)
    names = NAMES[: script.nodes]
    for number, name in enumerate(names, 1):
        configuration = await stage.provision(name, room["room_id"], post="every", interval_s=script.interval_s)
        configuration["ack_timeout_ms"] = 500  # a link of milliseconds; 2 s is for slow ones
        await stage.start_node(name, configuration, MAIN.format(seed=script.seed * 1000 + number))
    assert stage.person is not None
    _introduce(script, stage, room, names, say)
    show = RoomShow(stage.person, room["room_id"], link, say)
    following = asyncio.get_running_loop().create_task(show.follow())
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), script.seconds or None)
    following.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await following
    _conclude(show, say)


def _introduce(
    script: Script, stage: Stage, room: dict[str, object], names: tuple[str, ...], say: Callable[[str], None]
) -> None:
    share = round(100 * script.loss)
    say("")
    say(f"{len(names)} nodes ({', '.join(names)}) read every {script.interval_s} s. Their link loses {share} % of all")
    say(f"datagrams each way, doubles and reorders others (seed {script.seed}). Everything is encrypted with OSCORE.")
    say("Open the room in any Matrix client on this machine:")
    say(f"    homeserver {stage.synapse.base_url}   user {PERSON}   password {stage.password}   room {room['alias']}")
    say("End with Ctrl-C." if not script.seconds else f"Ends by itself after {script.seconds} s, or with Ctrl-C.")
    say("")


def _conclude(show: RoomShow, say: Callable[[str], None]) -> None:
    once = len(set(show.records)) == len(show.records)
    ordered = all(
        [seq for name, _, seq in show.records if name == node]
        == sorted(seq for name, _, seq in show.records if name == node)
        for node in {name for name, _, _ in show.records}
    )
    say("")
    say(show.counters())
    say(
        f"Each reading in the room once: {'yes' if once else 'NO'}. In each node's order: {'yes' if ordered else 'NO'}."
    )
