"""The node's firmware on CPython: gives it the one module of MicroPython's that CPython lacks.

A board with little memory has its garbage collected before each request, and lets go of modules that are needed once a
boot. Here that would look through the whole simulation and compile those modules anew each time, so neither is done.
What is a pure function and was asked before is remembered, for which a board has no memory: how long frames are on the
air, and contexts. AES-CCM is the gateway's, the same to the bit.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from comatrix.gateway.aead import aead
from comatrix.gateway.sim import cryptolib

sys.modules.setdefault("cryptolib", cryptolib)

from comatrix_lora import mac  # noqa: E402
from comatrix_lora.airtime import airtime_us  # noqa: E402
from comatrix_node import lora_channel, lora_node, lora_room, parts  # noqa: E402 - they need that module
from comatrix_node import node as udp_node  # noqa: E402
from comatrix_node.config import parse  # noqa: E402
from comatrix_node.lora_node import Node as LoraNode  # noqa: E402
from comatrix_node.node import Node  # noqa: E402
from comatrix_node.store_rtc import RtcStore  # noqa: E402

from comatrix.session import keys  # noqa: E402
from comatrix.session.oscore import Context  # noqa: E402

REMEMBERED = 1 << 14  # at most: a node has one context at a time


class _NoCollector:
    """In place of the module `gc`."""

    @staticmethod
    def collect() -> None:
        """Nothing."""


for module in (udp_node, lora_node):
    setattr(module, "gc", _NoCollector)  # noqa: B010 - a module's name is not its attribute to a checker
    setattr(module, "aead", lru_cache(REMEMBERED)(aead))  # noqa: B010
setattr(parts, "unload", lambda name: None)  # noqa: B010
setattr(lora_room, "unload", lambda names: None)  # noqa: B010
for module in (mac, lora_channel):
    setattr(module, "airtime_us", lru_cache(REMEMBERED)(airtime_us))  # noqa: B010


@contextmanager
def remembered_contexts() -> Iterator[None]:
    """While a simulation runs; they are large."""
    setattr(keys, "Context", lru_cache(REMEMBERED)(Context))  # noqa: B010
    try:
        yield
    finally:
        setattr(keys, "Context", Context)  # noqa: B010


__all__ = ["LoraNode", "Node", "RtcStore", "parse", "remembered_contexts"]
