"""The node's firmware on CPython: gives it the one module of MicroPython's that CPython lacks."""

import sys

from comatrix.gateway.sim import cryptolib

sys.modules.setdefault("cryptolib", cryptolib)

from comatrix_node.config import parse  # noqa: E402 - it needs that module
from comatrix_node.node import Node  # noqa: E402

__all__ = ["Node", "parse"]
