"""A pump on pin 26 that people can run, and a soil probe on pin 32 whose pace they set."""

from comatrix_node.node import Node
from machine import ADC, Pin

node = Node()
probe, pump = ADC(Pin(32)), Pin(26, Pin.OUT)
interval = node.setting("interval", unit="s", low=10, high=86400, default=600)


@node.sensor("soil-moisture", every_s=interval)
def moisture():
    return 100 - probe.read_u16() * 100 / 65535


@node.method("pump", ("on", "", 0, 1))
def switch(on):
    pump.value(on)
    return pump.value()


node.on_text(print)
node.run()
