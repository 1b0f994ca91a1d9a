"""A weather station that needs no hardware: also for the unix port, where two of these make a demo."""

from comatrix_node.node import Node
from comatrix_node.sensors.simulated import Simulated

node = Node()
node.sensor("weather", every_s=60)(Simulated(seed=7))
node.run()
