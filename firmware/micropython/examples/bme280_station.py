"""Temperature, humidity and air pressure from a BME280 on I2C bus 0, every five minutes."""

from comatrix_node.node import Node
from comatrix_node.sensors.bme280 import Bme280
from machine import I2C, Pin

node = Node()
# ESP32: 22 and 21. A Pico has its I2C bus 0 on scl=Pin(5), sda=Pin(4).
bus = I2C(0, scl=Pin(22), sda=Pin(21))
node.sensor("air", every_s=300)(Bme280(bus))
node.run()
