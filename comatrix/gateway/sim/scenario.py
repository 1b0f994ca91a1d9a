"""What a scenario says: frozen values, one text a key; `reading.py` and the reference page are made from them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from comatrix.codec.words import scaled
from comatrix.gateway.config.values import check_post, span_ms
from comatrix.gateway.provisioning import check_name

COUNTED = "count"  # in every reading: its running number, by which the books know it again
MOST_NODES = 10_000
Read = Callable[[Any], Any]


def key(read: Read, doc: str, default: Any = None, *, example: str, required: bool = False) -> Any:
    """A field. `read(value)` -> the value as it is kept; raises ValueError in words. `example`: as TOML writes it."""
    return field(default=default, metadata={"read": read, "doc": doc, "example": example, "required": required})


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value or not value.isprintable():
        raise ValueError("must be a text in quotes")
    return value


def _yes_or_no(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _whole(low: int, high: int) -> Read:
    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return value

    return read


def _share(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
        raise ValueError("must be a share from 0 to below 1, such as 0.3")
    return float(value)


def _length(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value <= 10_000:
        raise ValueError("must be a number from 1 to 10000")
    return float(value)


def _metres(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= 1e6:
        raise ValueError("must be metres, such as 120")
    return float(value)


def _span(value: Any) -> int:
    """Milliseconds."""
    if value == 0 and not isinstance(value, bool):
        return 0
    try:
        return span_ms(_text(value))
    except ValueError:
        raise ValueError('must be a span such as "30s", "10min", "2h" or "1d"') from None


def _interval(value: Any) -> int:
    if not 1000 <= (ms := _span(value)) <= 604_800_000:
        raise ValueError('must be a span from "1s" to "7d"')
    return ms


def _positive(value: Any) -> int:
    if not 0 < (ms := _span(value)) <= 366 * 86_400_000:
        raise ValueError('must be a span from "1s" to "366d"')
    return ms


def _choice(*choices: str) -> Read:
    def read(value: Any) -> str:
        if value not in choices:
            raise ValueError("must be one of " + ", ".join(f'"{one}"' for one in choices))
        return str(value)

    return read


def _post(value: Any) -> str:
    check_post(_text(value))
    return str(value)


def _name(value: Any) -> str:
    try:
        check_name(_text(value))
    except ValueError:
        raise
    except Exception as error:  # noqa: BLE001 - a UsageError, whose next step is another program's
        raise ValueError(f"is no name of a node: {error}") from None
    return str(value)


def _sensors(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(one, str) for one in value):
        raise ValueError('must be a list of words such as ["temperature", "humidity"]')
    for word in value:
        try:
            scaled(word, 1)
        except ValueError:
            raise ValueError(f'"{word}" is no word for a reading (docs/reference/vocabulary.md)') from None
        if word == COUNTED:
            raise ValueError(f'"{COUNTED}" is in every reading already')
    return tuple(value)


def _position(value: Any) -> tuple[float, float]:
    if not isinstance(value, list) or len(value) != 2:
        raise ValueError("must be two numbers in metres, such as [120, -40]")
    return _metres(value[0]), _metres(value[1])


@dataclass(frozen=True, slots=True)
class WholePlan:
    """The run as a whole. The gateway stands at [0, 0]."""

    title: str = key(_text, "What it shows, in a line.", "A simulation", example='"One node on the desk"')
    seed: int = key(_whole(0, (1 << 53) - 1), "All dice follow from it: the same seed, the same run.", 1, example="1")
    duration_ms: int = key(_positive, "How long nodes measure.", 3_600_000, example='"1h"')
    drain_ms: int = key(
        _span, "How long it goes on after that, so that what waits arrives.", 600_000, example='"10min"'
    )
    late_after_ms: int = key(
        _positive,
        "A reading in its room later than this after it was measured counts as late.",
        300_000,
        example='"5min"',
    )


@dataclass(frozen=True, slots=True)
class LinkPlan:
    """A link as each of its nodes has it. Both directions fail alike, by dice of their own."""

    kind: str = key(_choice("udp", "lora"), 'Datagrams: "udp". "lora" is not built yet.', "udp", example='"udp"')
    loss: float = key(_share, "The share that is lost, one independent of another.", 0.0, example="0.2")
    burst_loss: float = key(_share, "The share that is lost in bursts (Gilbert-Elliott).", 0.0, example="0.1")
    burst_length: float = key(_length, "How many in a row such a burst takes, on average.", 4.0, example="4")
    duplicate: float = key(_share, "The share that arrives twice.", 0.0, example="0.02")
    delay_ms: int = key(_whole(0, 600_000), "Milliseconds on the way.", 20, example="40")
    jitter_ms: int = key(
        _whole(0, 600_000), "Up to so many more, drawn for each: enough, and one overtakes another.", 0, example="60"
    )
    mtu: int = key(_whole(0, 65_535), "Bytes a datagram may have; longer ones are lost. 0: any.", 0, example="1280")
    rate: int = key(_whole(0, 10**9), "Bits a second in each direction; more queues. 0: any.", 0, example="9600")


@dataclass(frozen=True, slots=True)
class NodePlan:
    """A node, or `count` alike: then their names end in -1, -2 ..."""

    name: str = key(_name, "What it is called.", example='"garden"', required=True)
    link: str = key(_text, "The name of its link.", example='"field"', required=True)
    count: int = key(_whole(1, MOST_NODES), "How many of them.", 1, example="10")
    interval_ms: int = key(
        _interval, "Between two readings. It begins somewhere in the first.", 60_000, example='"10min"'
    )
    sensors: tuple[str, ...] = key(
        _sensors,
        f'Words of its readings; "{COUNTED}" is in each beside them.',
        ("temperature", "humidity"),
        example='["temperature"]',
    )
    sleep: bool = key(
        _yes_or_no, "Sleeps deeply between readings, with what is unsent in flash.", False, example="true"
    )
    observe: bool = key(
        _yes_or_no, "Stays awake and is told of what waits at once. Only of use with commands.", False, example="true"
    )
    poll_ms: int = key(_span, "Asks what waits for it after so long a silence; 0: never.", 0, example='"1min"')
    post: str = key(_post, "How often it is posted, as in `comatrix node add --post`.", "every", example='"15min"')
    position: tuple[float, float] = key(
        _position, "Metres east and north of the gateway.", (0.0, 0.0), example="[120, 40]"
    )
    spread: float = key(_metres, "Several are scattered about there, so many metres wide.", 0.0, example="2000")


@dataclass(frozen=True, slots=True)
class CommandPlan:
    """Somebody in the room types a command. The node named has a setting `interval`, a method `lamp` (0 or 1), and
    takes texts."""

    at_ms: int = key(_span, "When.", example='"10min"', required=True)
    node: str = key(_text, "To which node.", example='"garden"', required=True)
    command: str = key(_text, "What, without the node.", example='"set interval 5min"', required=True)


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """Something stops for a while."""

    at_ms: int = key(_span, "When.", example='"20min"', required=True)
    for_ms: int = key(_positive, "For how long.", 60_000, example='"5min"')
    kind: str = key(
        _choice("gateway-restart", "homeserver-outage"),
        "`gateway-restart`: killed, and started anew after that time. `homeserver-outage`: no connection.",
        example='"gateway-restart"',
        required=True,
    )


@dataclass(frozen=True, slots=True)
class Scenario:
    """All of it, checked. `nodes`: one entry a node."""

    whole: WholePlan
    links: dict[str, LinkPlan]
    nodes: tuple[NodePlan, ...]
    commands: tuple[CommandPlan, ...]
    faults: tuple[FaultPlan, ...]
