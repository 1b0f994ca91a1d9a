"""Drivers of LoRa modules on a serial line, without I/O: bytes and the time go in, bytes and events come out."""
