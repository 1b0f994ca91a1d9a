"""What a scenario says: frozen values, one text a key; `reading.py` and the reference page are made from them."""

from dataclasses import dataclass
from pathlib import Path

from comatrix_lora import regions

from comatrix.gateway.sim import keys

COUNTED = keys.COUNTED
MOST_NODES = keys.MOST_NODES
TERRAINS = ("country", "built-up", "flat")
LORA_SENSORS = ("temperature", "humidity")  # schema 0, known without being announced


@dataclass(frozen=True, slots=True)
class WholePlan:
    """The run as a whole. The gateway stands at [0, 0]."""

    title: str = keys.key(keys.text, "What it shows, in a line.", "A simulation", example='"One node on the desk"')
    seed: int = keys.key(
        keys.whole(0, (1 << 53) - 1), "All dice follow from it: the same seed, the same run.", 1, example="1"
    )
    duration_ms: int = keys.key(keys.positive, "How long nodes measure.", 3_600_000, example='"1h"')
    drain_ms: int = keys.key(
        keys.span, "How long it goes on after that, so that what waits arrives.", 600_000, example='"10min"'
    )
    terrain: str = keys.key(
        keys.choice(*TERRAINS),
        "How LoRa fades with distance: `country` as measured about Oulu (2015), `built-up` as Bor measured (2016), "
        "`flat` 100 dB everywhere.",
        "country",
        example='"built-up"',
    )
    shadowing_db: float | None = keys.key(
        keys.decibels, "How much hills and walls vary that, as a deviation.", None, example="6"
    )
    late_after_ms: int = keys.key(
        keys.positive,
        "A reading in its room later than this after it was measured counts as late.",
        300_000,
        example='"5min"',
    )


@dataclass(frozen=True, slots=True)
class LinkPlan:
    """Datagrams. A link as each of its nodes has it. Both directions fail alike, by dice of their own."""

    kind: str = keys.key(keys.choice("udp", "lora"), "This kind.", "udp", example='"udp"')
    loss: float = keys.key(keys.share, "The share that is lost, one independent of another.", 0.0, example="0.2")
    burst_loss: float = keys.key(keys.share, "The share that is lost in bursts (Gilbert-Elliott).", 0.0, example="0.1")
    burst_length: float = keys.key(keys.length, "How many in a row such a burst takes, on average.", 4.0, example="4")
    duplicate: float = keys.key(keys.share, "The share that arrives twice.", 0.0, example="0.02")
    delay_ms: int = keys.key(keys.whole(0, 600_000), "Milliseconds on the way.", 20, example="40")
    jitter_ms: int = keys.key(
        keys.whole(0, 600_000),
        "Up to so many more, drawn for each: enough, and one overtakes another.",
        0,
        example="60",
    )
    mtu: int = keys.key(
        keys.whole(0, 65_535), "Bytes a datagram may have; longer ones are lost. 0: any.", 0, example="1280"
    )
    rate: int = keys.key(
        keys.whole(0, 10**9), "Bits a second in each direction; more queues. 0: any.", 0, example="9600"
    )


@dataclass(frozen=True, slots=True)
class LoraPlan:
    """A LoRa channel that its nodes share, and the gateway's radios on it. What is lost to distance, noise, collisions
    and radios that cannot hear while they send comes out by itself (lora-medium.md); `loss` and `burst_loss` take more,
    of each frame at each radio, both ways."""

    kind: str = keys.key(keys.choice("lora"), "This kind.", "lora", example='"lora"', required=True)
    loss: float = keys.key(keys.share, "The share that is lost, one independent of another.", 0.0, example="0.2")
    burst_loss: float = keys.key(keys.share, "The share that is lost in bursts (Gilbert-Elliott).", 0.0, example="0.1")
    burst_length: float = keys.key(keys.length, "How many in a row such a burst takes, on average.", 4.0, example="4")
    region: str = keys.key(
        keys.choice(*regions.NAMES),
        "Whose law the ledgers keep: duty cycle and dwell time.",
        "EU868",
        example='"EU868"',
    )
    frequency_hz: int = keys.key(
        keys.whole(100_000_000, 1_020_000_000), "The channel's centre.", 868_100_000, example="869525000"
    )
    sf: int = keys.key(keys.whole(5, 12), "The spreading factor: 12 reaches farthest, 7 is fastest.", 9, example="7")
    bandwidth_hz: int = keys.key(keys.whole(62_500, 500_000), "The channel's width.", 125_000, example="125000")
    coding_rate: int = keys.key(keys.whole(5, 8), "4/5 to 4/8 by its lower number.", 5, example="5")
    preamble: int = keys.key(keys.whole(6, 64), "Symbols before each frame.", 8, example="12")
    power_dbm: int = keys.key(keys.whole(-9, 30), "Radiated, by nodes and gateway.", 14, example="14")
    radios: tuple[tuple[float, float], ...] = keys.key(
        keys.positions,
        "Where the gateway's radios on this channel stand, metres east and north: one position for each.",
        ((0.0, 0.0),),
        example="[[0, 0], [900, -200]]",
    )


AnyLink = LinkPlan | LoraPlan


@dataclass(frozen=True, slots=True)
class NodePlan:
    """A node, or `count` alike: then their names end in -1, -2 ..."""

    name: str = keys.key(keys.name, "What it is called.", example='"garden"', required=True)
    link: str = keys.key(keys.text, "The name of its link.", example='"field"', required=True)
    count: int = keys.key(keys.whole(1, keys.MOST_NODES), "How many of them.", 1, example="10")
    interval_ms: int = keys.key(
        keys.interval, "Between two readings. It begins somewhere in the first.", 60_000, example='"10min"'
    )
    sensors: tuple[str, ...] = keys.key(
        keys.sensors,
        f'Words of its readings; "{keys.COUNTED}" is in each beside them.',
        ("temperature", "humidity"),
        example='["temperature"]',
    )
    sleep: bool = keys.key(
        keys.yes_or_no, "Sleeps deeply between readings, with what is unsent in flash.", False, example="true"
    )
    observe: bool = keys.key(
        keys.yes_or_no,
        "Stays awake and is told of what waits at once. Only of use with commands.",
        False,
        example="true",
    )
    drift_ppm: int = keys.key(
        keys.whole(0, 1000), "Its clock goes wrong by up to so many millionths, either way.", 0, example="40"
    )
    poll_ms: int = keys.key(keys.span, "Asks what waits for it after so long a silence; 0: never.", 0, example='"1min"')
    post: str = keys.key(
        keys.post, "How often it is posted, as in `comatrix node add --post`.", "every", example='"15min"'
    )
    position: tuple[float, float] = keys.key(
        keys.position, "Metres east and north of the gateway.", (0.0, 0.0), example="[120, 40]"
    )
    spread: float = keys.key(
        keys.metres, "Several are scattered about there, so many metres wide.", 0.0, example="2000"
    )
    program: str | None = keys.key(
        keys.text,
        "Its main.py, by its place beside the scenario or in firmware/micropython: then that says what is measured, "
        "when, and what it can be told; `sensors` is not used, `interval` is what config.json says. Where it sleeps, "
        "say `sleep` as well, as `comatrix node add` is told.",
        None,
        example='"examples/weather_station.py"',
    )
    board: str = keys.key(
        keys.text, "Whose pins it has: a table of firmware/micropython/boards.", "esp32", example='"pico_w"'
    )


@dataclass(frozen=True, slots=True)
class CommandPlan:
    """Somebody in the room types a command. The node named has a setting `interval`, a method `lamp` (0 or 1), and
    takes texts; one with a `program` has what that declares."""

    at_ms: int = keys.key(keys.span, "When.", example='"10min"', required=True)
    node: str = keys.key(keys.text, "To which node.", example='"garden"', required=True)
    command: str = keys.key(keys.text, "What, without the node.", example='"set interval 5min"', required=True)


@dataclass(frozen=True, slots=True)
class InputPlan:
    """Something changes at a pin of a node that has a `program`. Where nothing is said an analog pin is near the middle
    of its range, and a digital one open."""

    at_ms: int = keys.key(keys.span, "When.", example='"40min"', required=True)
    node: str = keys.key(keys.text, "Whose.", example='"door"', required=True)
    pin: str = keys.key(keys.text, "Its name in pins.py.", example='"DOOR"', required=True)
    value: float = keys.key(
        keys.level, "From now on: 0 to 1, of its range where it is analog.", example="1", required=True
    )


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """Something stops for a while."""

    at_ms: int = keys.key(keys.span, "When.", example='"20min"', required=True)
    for_ms: int = keys.key(keys.positive, "For how long.", 60_000, example='"5min"')
    kind: str = keys.key(
        keys.choice("gateway-restart", "homeserver-outage"),
        "`gateway-restart`: killed, and started anew after that time. `homeserver-outage`: no connection.",
        example='"gateway-restart"',
        required=True,
    )


@dataclass(frozen=True, slots=True)
class Scenario:
    """All of it, checked. `nodes`: one entry a node. `folder`: where the file stands."""

    whole: WholePlan
    links: dict[str, AnyLink]
    nodes: tuple[NodePlan, ...]
    commands: tuple[CommandPlan, ...]
    faults: tuple[FaultPlan, ...]
    inputs: tuple[InputPlan, ...] = ()
    folder: Path | None = None
