"""Runs before a program, like a board's boot.py: gives the WebAssembly build what it lacks in `os` and `time`, and
lets JavaScript turn a node's loop, because that build collects garbage only between two calls from there."""

import os
import time
from binascii import unhexlify

import _node_system  # type: ignore[import-not-found]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from comatrix_node.node import Node as NodeType

_running: "list[NodeType]" = []


class Running(BaseException):
    """Takes the program out of the call that never returns; run.mjs knows it by its name."""


def urandom(n: int) -> bytes:
    """`n` bytes from the host's generator."""
    return unhexlify(_node_system.random(n))


def sleep_ms(ms: int) -> None:
    """Sleep; the build's own turns in a circle meanwhile."""
    _node_system.sleep(ms)


def sleep(seconds: float) -> None:
    """Sleep."""
    sleep_ms(int(seconds * 1000))


def run(node: "NodeType", watchdog_ms: int = 0) -> None:
    """In place of Node.run: `step` is called for ever."""
    _running.append(node)
    raise Running


def step() -> None:
    """One turn of the node's loop."""
    _running[0].step(1000)


os.urandom = urandom
time.sleep = sleep  # type: ignore[assignment]
time.sleep_ms = sleep_ms  # type: ignore[attr-defined]
try:
    from comatrix_node.node import Node

    Node.run = run  # type: ignore[method-assign, assignment]
except ImportError:
    pass  # a program without the node's files
