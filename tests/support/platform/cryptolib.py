"""MicroPython's `cryptolib` for the tests: the simulator's."""

from comatrix.gateway.sim.cryptolib import aes as aes
