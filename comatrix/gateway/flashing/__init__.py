"""Putting the node on a board through MicroPython's raw REPL, without I/O: `gateway.edges.flashing` has the port."""
