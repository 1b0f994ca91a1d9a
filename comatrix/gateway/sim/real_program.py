"""The program of a real node of a scenario, as a person would write it, and what it prints of its readings."""

import re
from collections.abc import Iterator

from comatrix.gateway.sim.numbering import COLDEST, SPAN
from comatrix.gateway.sim.scenario import COUNTED, NodePlan

MEASURED = re.compile(r"^measured (\d+) (\d+)$", re.MULTILINE)

PROGRAM = """\
import time
from comatrix_node.node import Node

UNTIL_MS = {until_ms}  # Unix time
node = Node()
count = 0
every_s = {every_s}
{told}

def read():
    global count
    now_ms = time.time_ns() // 1000000
    if now_ms >= UNTIL_MS:
        return None
    count += 1
    print("measured", count, now_ms)
    return {reading}


node.sensor(None, every_s=every_s)(read)
node.run()
"""

TOLD = """\
every_s = node.setting("interval", unit="s", low=1, high=604800, default={default})


@node.method("lamp", ("state", "", 0, 1))
def lamp(state):
    print("the lamp is", "on" if state else "off")


@node.on_text
def text(text):
    print("text:", text)

"""
OVER_LORA = '{{"temperature": ({coldest} + count % {span}) / 100, "humidity": (count // {span}) / 10}}'


def program(plan: NodePlan, until_ms: int, *, lora: bool, tellable: bool) -> str:
    """main.py. `until_ms`: Unix time from which on nothing is measured."""
    every_s = plan.interval_ms / 1000
    if lora:
        reading = OVER_LORA.format(coldest=COLDEST, span=SPAN)
    else:
        reading = "{" + ", ".join([f'"{COUNTED}": count', *(f'"{word}": 20.0' for word in plan.sensors)]) + "}"
    told = TOLD.format(default=plan.interval_ms // 1000) if tellable else ""
    return PROGRAM.format(until_ms=until_ms, every_s=every_s, reading=reading, told=told)


def measured(printed: str) -> Iterator[tuple[int, int]]:
    """Number and Unix time in ms of each reading in what such a node printed; a line that is not whole is none."""
    whole = printed[: printed.rfind("\n") + 1]
    for found in MEASURED.finditer(whole):
        yield int(found[1]), int(found[2])
