"""`comatrix sim`: the gateway and the node's firmware in virtual time, over links that fail on purpose."""
