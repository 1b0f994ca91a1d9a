"""The LoRa link: sans-IO, shared with MicroPython, imports nothing of `comatrix`. So far: airtime and frames."""
