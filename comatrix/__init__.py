"""CoMatrix: MicroPython sensor nodes in Matrix rooms, over CoAP, CBOR and OSCORE."""

__version__ = "0.1.0"
