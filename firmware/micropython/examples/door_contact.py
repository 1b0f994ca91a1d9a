"""Door contact: asleep until the door moves or an hour has passed (ESP32, S2, S3): a battery lasts for months."""

import esp32
import pins  # `comatrix node flash` makes it for the board
from comatrix_node.node import Node
from machine import Pin

node = Node()
door = Pin(pins.DOOR, Pin.IN, Pin.PULL_UP)  # closed: the contact pulls it to 0


@node.sensor("contact", every_s=3600)
def contact():
    esp32.wake_on_ext0(pin=door, level=0 if door.value() else 1)  # at the next change
    return door.value()


node.run_once()
