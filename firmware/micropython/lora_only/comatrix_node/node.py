"""`from comatrix_node.node import Node`, on a board that has the LoRa set alone."""

from comatrix_node import lora_node

Node = lora_node.Node
