"""Temperature and humidity from a DHT22 on pin 4, every five minutes."""

import dht
from comatrix_node.node import Node
from comatrix_node.sensors.dht22 import Dht22
from machine import Pin

node = Node()
node.sensor("air", every_s=300)(Dht22(dht.DHT22(Pin(4))))
node.run()
