"""LoRa radios: listening, or why not; and nodes that only a radio could hear."""

from comatrix.gateway.admin.doctor.lines import OK, TO_CHECK, WARNING, WRONG, Finding, Line, Lines, Outcome
from comatrix.gateway.admin.doctor.process import Running
from comatrix.gateway.admin.doctor.surroundings import Surroundings
from comatrix.gateway.config.radio_settings import RadioSection
from comatrix.gateway.config.settings import Settings
from comatrix.gateway.edges.radio.port import open_port
from comatrix.gateway.edges.radio.port_words import PortError
from comatrix.gateway.edges.store.checkup import Contents
from comatrix.gateway.model import LORA

LINES = Lines(
    {
        "radios.ok": Line(OK, "radio {name} listens: {module} at {port}"),
        "radios.free": Line(OK, "radio {name}: {port} is free for the gateway"),
        "radios.lost": Line(WRONG, "radio {name} cannot be used: {why}", "comatrix radio probe {port}"),
        "radios.none": Line(
            WARNING, "{names} come over LoRa, and no radio is configured", "set [radios.NAME] port" + TO_CHECK
        ),
    }
)


async def radios(given: Surroundings, settings: Settings, gateway: Running, contents: Contents) -> Outcome:
    """Every configured radio; as the running gateway knows it, else whether its port can be opened."""
    if not settings.radios:
        names = [node.name for node in contents.nodes if node.link == LORA]
        return Outcome((LINES.say("radios.none", names=", ".join(names)),) if names else ())
    live = gateway.live.get("radios", {})
    said = []
    for name, section in settings.radios.items():
        said.append(_known(name, live[name]) if name in live else await _opened(name, section))
    return Outcome(tuple(said))


def _known(name: str, radio: dict[str, object]) -> Finding:
    if radio["ready"]:
        return LINES.say("radios.ok", name=name, module=radio["module"], port=radio["port"])
    return LINES.say("radios.lost", name=name, why=radio["lost"] or "it is not there yet", port=radio["port"])


async def _opened(name: str, section: RadioSection) -> Finding:
    try:
        (await open_port(section.port, section.baud)).close()
    except PortError as error:
        return LINES.say("radios.lost", name=name, why=error.text, port=section.port)
    return LINES.say("radios.free", name=name, port=section.port)
