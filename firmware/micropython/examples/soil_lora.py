"""Soil sensor over LoRa: moisture and battery in two bytes on the air, every hour, asleep in between."""

import pins  # `comatrix node flash` makes it for the board
from comatrix_node.node import Node
from machine import ADC, Pin

node = Node()
node.schema({"soil-moisture": (0, 100, 0.5), "battery": (2, 4.5, 0.05)})
probe, cell = ADC(Pin(pins.ADC)), ADC(Pin(pins.BATTERY))
DIVIDER = 2  # of two equal resistors; a board with one of its own says its ratio in boards/


@node.sensor("soil", every_s=3600)
def soil():
    return {"soil-moisture": 100 - probe.read_u16() * 100 / 65535, "battery": cell.read_u16() * 3.3 * DIVIDER / 65535}


node.run_once()
