"""Radios at serial ports and behind TCP: bytes between a port and a driver."""
