"""Weather station: temperature, humidity and air pressure from a BME280, every five minutes, asleep in between."""

import pins  # `comatrix node flash` makes it for the board
from comatrix_node.node import Node
from comatrix_node.sensors.bme280 import Bme280
from machine import I2C, Pin

node = Node()
node.sensor("air", every_s=300)(Bme280(I2C(0, scl=Pin(pins.SCL), sda=Pin(pins.SDA))))
node.run_once()
