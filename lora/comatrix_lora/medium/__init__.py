"""A simulator of the air between LoRa radios, in virtual time. CPython only, and no part of what a device carries."""
