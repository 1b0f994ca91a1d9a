"""Sans-IO machines on datagrams, shared with MicroPython: no clock, no socket, no randomness of their own."""
