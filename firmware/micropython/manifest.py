"""THE list of what goes on a device: MicroPython's manifest syntax, so it also freezes into a firmware image.

`build.py` compiles exactly this to .mpy, writes package.json (and package-lora.json, package-dtls.json) from it, and
holds each set to its budget. `include("manifest.py", link="lora")` freezes the LoRa set, link="dtls" that for UDP with
DTLS, which also runs OSCORE: sets of their own, as each name that a set knows costs RAM (decision 0004).
"""
# ruff: noqa: F821  package() and options come from whoever reads this file

options.defaults(link="udp")
over_lora = options.link == "lora"
over_dtls = options.link == "dtls"

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
        "session/counter.py",
        "session/hkdf.py",
        "session/keys.py",
        "session/oscore.py",
    )
    + (
        ("session/replay.py",)
        if over_lora
        else (
            "session/client.py",
            "session/endpoint.py",
            "session/exchange.py",
        )
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
        "parts.py",
        "power.py",
        "program.py",
        "sensing.py",
        "store.py",
        "store_rtc.py",
        "sensors/__init__.py",
        "sensors/battery.py",
        "sensors/bme280.py",
        "sensors/dht22.py",
        "sensors/simulated.py",
    )
    + (
        (
            "link_driver.py",
            "link_lora.py",
            "lora_channel.py",
            "lora_config.py",
            "lora_memory.py",
            "lora_node.py",
            "lora_recall.py",
            "lora_room.py",
            "lora_schemas.py",
            "modem_at.py",
            "modem_rak.py",
            "modem_rylr.py",
        )
        if over_lora
        else ("link_udp.py", "node.py", "observing.py", "shelf.py", "waiting.py", "wifi.py")
    ),
    base_path=".",
)

if over_dtls:
    package(
        "comatrix_node",
        (
            "dtls.py",
            "dtls_record.py",
            "link_dtls.py",
            "link_tls.py",
            "observing_plain.py",
            "plain_client.py",
            "security_dtls.py",
        ),
        base_path=".",
    )

if over_lora:
    package("comatrix_node", ("node.py",), base_path="lora_only")
    package(
        "comatrix_lora",
        (
            "__init__.py",
            "airtime.py",
            "counters.py",
            "erasure_code.py",
            "errors.py",
            "fragment_format.py",
            "fragment_receiver.py",
            "fragment_sender.py",
            "frame.py",
            "gf256.py",
            "header.py",
            "history.py",
            "incoming.py",
            "ledger.py",
            "ledger_dump.py",
            "link_advice.py",
            "mac.py",
            "open_readings.py",
            "open_records.py",
            "readings.py",
            "received.py",
            "regions.py",
            "rekeying.py",
            "rules.py",
            "schema.py",
            "station.py",
            "station_events.py",
        ),
        base_path="../../lora",
    )
