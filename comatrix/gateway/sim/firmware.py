"""The node's firmware on CPython: gives it the one module of MicroPython's that CPython lacks.

A board with little memory has its garbage collected before each request, and lets go of modules that are needed once a
boot. Here that would look through the whole simulation and compile those modules anew each time, so neither is done.
What is a pure function and was asked before is remembered, for which a board has no memory: how long frames are on the
air, and keys. AES-CCM is the gateway's, the same to the bit.
"""

import sys
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

from comatrix.session import oscore  # noqa: E402
from comatrix.session.hkdf import hkdf  # noqa: E402

REMEMBERED = 1 << 14  # at most: a node has three keys


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
setattr(oscore, "hkdf", lru_cache(REMEMBERED)(hkdf))  # noqa: B010
for module in (mac, lora_channel):
    setattr(module, "airtime_us", lru_cache(REMEMBERED)(airtime_us))  # noqa: B010

__all__ = ["LoraNode", "Node", "RtcStore", "parse"]
