"""The node's firmware on CPython: gives it the one module of MicroPython's that CPython lacks."""

import sys

from comatrix.gateway.sim import cryptolib

sys.modules.setdefault("cryptolib", cryptolib)

from comatrix_node.config import Config, parse
from comatrix_node.node import Node
from comatrix_node.sensors.simulated import Simulated

__all__ = ["Config", "Node", "Simulated", "parse"]
