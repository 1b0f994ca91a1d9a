"""Emulators of LoRa modules: what they answer on a serial line, without I/O; a medium between them; a pty for them."""
