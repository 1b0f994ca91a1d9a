"""The node: what runs on a board beside the shared `comatrix.codec` and `comatrix.session`."""

import gc
import sys

if sys.implementation.name == "micropython":
    # A module that imports another holds its own unpacked .mpy meanwhile: the deepest first keeps the peak 4 KB lower.
    for _name in (
        "errors",
        "codec.cbor",
        "codec.coap",
        "codec.record_types",
        "codec.words",
        "session.endpoint",
        "session.oscore",
        "session.client",
    ):
        __import__("comatrix." + _name)
        gc.collect()
