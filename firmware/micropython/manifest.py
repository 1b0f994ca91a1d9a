"""THE list of what goes on a device: MicroPython's manifest syntax, so it also freezes into a firmware image.

`build.py` compiles exactly this to .mpy, writes package.json from it, and holds it to its budget.
"""
# ruff: noqa: F821  package() comes from whoever reads this file

package(
    "comatrix",
    (
        "__init__.py",
        "errors.py",
        "codec/__init__.py",
        "codec/cbor.py",
        "codec/coap.py",
        "codec/option_numbers.py",
        "codec/record_types.py",
        "codec/words.py",
        "session/__init__.py",
        "session/client.py",
        "session/counter.py",
        "session/endpoint.py",
        "session/exchange.py",
        "session/hkdf.py",
        "session/keys.py",
        "session/oscore.py",
    ),
    base_path="../..",
)

package(
    "comatrix_node",
    (
        "__init__.py",
        "clock.py",
        "commands.py",
        "config.py",
        "crypto.py",
        "link_udp.py",
        "node.py",
        "observing.py",
        "parts.py",
        "power.py",
        "sensing.py",
        "shelf.py",
        "store.py",
        "store_rtc.py",
        "waiting.py",
        "wifi.py",
        "sensors/__init__.py",
        "sensors/battery.py",
        "sensors/bme280.py",
        "sensors/dht22.py",
        "sensors/simulated.py",
    ),
    base_path=".",
)
