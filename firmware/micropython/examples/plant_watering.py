"""Plant watering: a soil probe, and a relay for the pump that runs 5 s when the soil is dry, or when told."""

import time

import pins  # `comatrix node flash` makes it for the board
from comatrix_node.node import Node
from machine import ADC, Pin

node = Node()
probe, pump = ADC(Pin(pins.ADC)), Pin(pins.RELAY, Pin.OUT)
dry = node.setting("dry", unit="%RH", low=0, high=100, default=30)


@node.method("water", ("seconds", "s", 1, 20))
def water(seconds):
    pump.value(1)
    time.sleep(seconds)
    return pump.value(0)


@node.sensor("soil-moisture", every_s=1800)
def moisture():
    wet = 100 - probe.read_u16() * 100 / 65535
    if wet < dry.value:
        water(5)
    return wet


node.run()
