"""The radio a node on LoRa is made for: what its configuration has to say so that the two hear each other."""

from collections.abc import Mapping
from typing import Any

from comatrix.gateway.admin import arguments
from comatrix.gateway.admin.collaborators import Args
from comatrix.gateway.config.radio_settings import RadioSection
from comatrix.gateway.errors import UsageError

# A module that hears the radio's own: RYLR modules put bytes in front that no other make knows.
RYLR = ("rylr998", "rylr896")
OTHERS = ("rak3172", "sx1261", "sx1262", "sx1276", "sx1277", "sx1278", "sx1279")
MODULES = (*RYLR, *OTHERS)
SAME = ("region", "sf", "bandwidth_hz", "coding_rate", "preamble", "power_dbm")


def asked(args: Args, radios: Mapping[str, RadioSection]) -> dict[str, Any] | None:
    """{radio, module} -> the object "lora" of config.json; None: no radio is asked for. Raises UsageError."""
    name = arguments.maybe_text(args, "radio")
    module = arguments.maybe_text(args, "module")
    if name is None:
        if module is not None:
            raise UsageError("A module is that of a node on LoRa: say its radio too.", "comatrix node add --help")
        return None
    section = radios.get(name)
    if section is None:
        known = ", ".join(radios) or "none"
        raise UsageError(f"There is no radio {name!a}; configured are: {known}.", "comatrix config show")
    return configured(section, module)


def configured(section: RadioSection, module: str | None) -> dict[str, Any]:
    """As `asked`, of one radio. `module` None: the same as the radio's own."""
    module = module or section.module
    hearing = RYLR if section.module in RYLR else OTHERS
    if module not in hearing:
        raise UsageError(
            f"A {module} and the radio's {section.module} do not hear each other; these do: {', '.join(hearing)}.",
            "comatrix node add --help",
        )
    found: dict[str, Any] = {"module": module, "frequency_hz": section.channel_hz}
    found |= {key: getattr(section, key) for key in SAME}
    if module in RYLR:
        found["network_id"] = section.network_id
        if section.binary_safe:
            found["binary_safe"] = True
    return found
