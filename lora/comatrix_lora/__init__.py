"""The LoRa link: sans-IO, shared with MicroPython, imports nothing of `comatrix`. Its parts; nothing joins them yet."""
