"""The node's firmware on CPython: gives it the one module of MicroPython's that CPython lacks.

A board with little memory has its garbage collected before each request, and lets go of modules that are needed once a
boot. Here that would look through the whole simulation and compile those modules anew each time, so neither is done.
What is a pure function and was asked before is remembered, for which a board has no memory: how long frames are on the
air, and contexts. AES-CCM is the gateway's, the same to the bit. All this ends with the run.
"""

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache
from typing import Any

from comatrix.gateway.aead import aead
from comatrix.gateway.sim import cryptolib

sys.modules.setdefault("cryptolib", cryptolib)

from comatrix_lora import mac  # noqa: E402
from comatrix_lora.airtime import airtime_us  # noqa: E402
from comatrix_node import lora_channel, lora_node, lora_room  # noqa: E402 - they need that module
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


@contextmanager
def replaced(changes: list[tuple[Any, str, Any]]) -> Iterator[None]:
    """(module, name, what stands there meanwhile)."""
    before = [(module, name, getattr(module, name)) for module, name, _ in changes]
    try:
        for module, name, new in changes:
            setattr(module, name, new)
        yield
    finally:
        for module, name, old in before:
            setattr(module, name, old)


def at_ease() -> AbstractContextManager[None]:
    """While a simulation runs: nothing is collected or unloaded, and what was asked before is remembered."""
    from comatrix_node import parts  # the firmware unloads it, and then it is another

    changes: list[tuple[Any, str, Any]] = [(module, "gc", _NoCollector) for module in (udp_node, lora_node)]
    changes += [(module, "aead", lru_cache(REMEMBERED)(aead)) for module in (udp_node, lora_node)]
    changes += [(module, "airtime_us", lru_cache(REMEMBERED)(airtime_us)) for module in (mac, lora_channel)]
    changes += [(module, "unload", lambda names: None) for module in (parts, lora_room)]
    changes.append((keys, "Context", lru_cache(REMEMBERED)(Context)))
    return replaced(changes)


__all__ = ["LoraNode", "Node", "RtcStore", "at_ease", "parse", "replaced"]
