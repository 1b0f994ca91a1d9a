"""Battery voltage behind two equal resistors on pin 34, every hour, and a reading of one's own beside it."""

from comatrix_node.node import Node
from comatrix_node.sensors.battery import Battery
from machine import ADC, Pin

node = Node()
node.sensor("supply", every_s=3600)(Battery(ADC(Pin(34), atten=ADC.ATTN_11DB)))
door = Pin(27, Pin.IN, Pin.PULL_UP)


@node.sensor("contact", every_s=60)
def contact():
    return door.value()


node.run()
