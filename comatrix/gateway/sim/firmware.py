"""The node's firmware on CPython: gives it the one module of MicroPython's that CPython lacks.

A board with little memory has its garbage collected before each request. Here that would look through the whole
simulation each time, so nobody does: CPython frees most things at once, and has a collector of its own.
"""

import sys

from comatrix.gateway.sim import cryptolib

sys.modules.setdefault("cryptolib", cryptolib)

import comatrix_node.lora_node as lora_node  # noqa: E402 - it needs that module
import comatrix_node.node as udp_node  # noqa: E402
from comatrix_node.config import parse  # noqa: E402
from comatrix_node.store_rtc import RtcStore  # noqa: E402


class _NoCollector:
    """In place of the module `gc`."""

    @staticmethod
    def collect() -> None:
        """Nothing."""


Node, LoraNode = udp_node.Node, lora_node.Node
for module in (udp_node, lora_node):
    module.gc = _NoCollector  # type: ignore[assignment]

__all__ = ["LoraNode", "Node", "RtcStore", "parse"]
