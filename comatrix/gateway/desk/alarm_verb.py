"""The command "alarm", as a step of the transaction that hears it."""

from collections.abc import Sequence

from comatrix.gateway.desk.sitting import Sitting
from comatrix.gateway.downlink import alarm_words
from comatrix.gateway.downlink.alarm_words import SET, Asked
from comatrix.gateway.downlink.grammar import Parsed
from comatrix.gateway.edges.store import alarms
from comatrix.gateway.edges.store.alarms import Alarm
from comatrix.gateway.edges.store.configured_alarms import switch_off
from comatrix.gateway.errors import GatewayError
from comatrix.gateway.model import Node
from comatrix.gateway.uplink.alarm_events import Subject, threshold_words
from comatrix.gateway.uplink.sanitise import clean_name

CHANGED = "its limit was changed"
OFF = "switched off"


def alarm_text(sitting: Sitting, parsed: Parsed, node: Node) -> str:
    """Does what is asked -> what the room is told."""
    try:
        asked = alarm_words.read([word for word in (parsed.name, *parsed.words) if word])
        if asked.what == alarm_words.LIST:
            return _listed(sitting, node, asked)
        return _set(sitting, node, asked) if asked.what == SET else _off(sitting, node, asked)
    except GatewayError as error:
        return error.text


def _set(sitting: Sitting, node: Node, asked: Asked) -> str:
    row, threshold = asked.row, asked.threshold
    assert row is not None and threshold is not None
    alarms.put(sitting.connection, Alarm(node.number, row.number, threshold, sitting.sender), CHANGED)
    over = alarm_words.quantity(row, threshold.way_back)
    return f"{clean_name(node.name)}: alarm at {alarm_words.words_of(row, threshold)}, over at {over}."


def _off(sitting: Sitting, node: Node, asked: Asked) -> str:
    word, name = None if asked.row is None else asked.row.number, clean_name(node.name)
    off = switch_off(sitting.connection, node, word, f"{OFF} by {sitting.sender}", sitting.house.limits)
    told = [f"no alarm any more at {_words(off.gone)}"] if off.gone else []
    if off.back or off.fixed:
        told.append(f"the configuration sets {_words([*off.back, *off.fixed])}, to be ended there: [alarms] limits")
    return f"{name}: {'; '.join(told)}." if told else f"There is no such alarm at {name}."


def _listed(sitting: Sitting, node: Node, asked: Asked) -> str:
    own = [one for one in alarms.of(sitting.connection, node.number) if asked.row in (None, one.row)]
    if not own:
        return f"{clean_name(node.name)} has no alarm. To set one: alarm {clean_name(node.name)} battery <3.3V"
    timezone = sitting.house.timezone
    lines = [
        threshold_words(
            Subject(node.number, node.name, one.row, one.threshold),
            *(one.standing, one.set_by, sitting.now_ms, timezone),
        )
        for one in own
    ]
    return "\n".join([f"Alarms of {clean_name(node.name)}:", *lines])


def _words(some: Sequence[Alarm]) -> str:
    return ", ".join(alarm_words.words_of(one.row, one.threshold) for one in some)
