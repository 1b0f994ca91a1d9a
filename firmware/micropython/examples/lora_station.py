"""Soil and climate over LoRa: config.json names the radio (docs/howto/lora-node.md). Sleeps between readings."""

from comatrix_node.node import Node
from comatrix_node.sensors.simulated import Simulated

node = Node()
node.schema({"soil-moisture": (0, 100, 0.5), "battery": (2, 4.5, 0.05)})  # two bytes on the air instead of six
node.sensor("weather", every_s=600)(Simulated(seed=7))


@node.sensor(every_s=3600)
def soil():
    return {"soil-moisture": 41.5, "battery": 3.9}


node.run()
