"""Everything that can be configured. One text per field: the page, `config show` and the errors are made from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from comatrix.gateway.config import values
from comatrix.gateway.config.describing import setting
from comatrix.gateway.config.radio_settings import RadioSection


@dataclass(frozen=True, slots=True)
class HomeserverSettings:
    """The Matrix account the gateway posts with. Its token is in secrets.toml, never here."""

    url: str = setting(
        "",
        "Where the homeserver's client-server API answers.",
        values.check_url,
        required=True,
        example="https://matrix.example.org",
    )
    user: str = setting(
        "", "The account the gateway posts with.", values.check_user, required=True, example="@cx:example.org"
    )
    device_name: str = setting(
        "CoMatrix gateway", "The name other sessions of the account see for this one.", values.check_line
    )
    timeout: str = setting("30s", "How long one request may take before it counts as unanswered.", values.check_span)
    dedupe: str = setting(
        "auto",
        "How the homeserver remembers transaction ids: for a day as Synapse (`synapse`), in memory (`memory`), or not "
        "to be relied on (`none`). `auto` goes by what the server calls itself.",
        choices=("auto", "synapse", "memory", "none"),
    )


@dataclass(frozen=True, slots=True)
class UdpSettings:
    """Where nodes reach the gateway by CoAP over UDP."""

    bind: tuple[str, ...] = setting(
        ("[::]:5683",),
        "Addresses and ports to listen on. `[::]` takes IPv4 as well.",
        values.check_endpoint,
    )
    plain_bind: tuple[str, ...] = setting(
        (),
        "Addresses and ports where unencrypted CoAP of nodes declared plain (`node add --plain`) is taken. "
        "Anyone who can send from such a node's address can speak for it.",
        values.check_endpoint,
        example="192.168.1.5:5684",
    )
    receive_buffer: int = setting(
        4_194_304,
        "Bytes the kernel may hold for each socket while the gateway is busy. The kernel may grant less.",
        low=65_536,
        high=268_435_456,
    )


@dataclass(frozen=True, slots=True)
class DtlsSettings:
    """Where nodes and other CoAP clients reach the gateway by DTLS 1.2, with a pre-shared key or a certificate."""

    listen: str = setting(
        "",
        "Address and port to listen on. Empty: no DTLS.",
        values.check_endpoint,
        example="[::]:5684",
    )
    certificate: str = setting(
        "", "The gateway's own certificate chain, a PEM file beside this one, for clients with certificates.",
        values.check_line, example="dtls-chain.pem",
    )  # fmt: skip
    certificate_key: str = setting("", "Its key (P-256), a PEM file.", values.check_line, example="dtls-key.pem")
    authority: str = setting(
        "",
        "The CA that signed the clients' certificates, a PEM file. A client is the node whose PSK identity is the "
        "common name of its certificate. Empty: pre-shared keys only.",
        values.check_line,
        example="devices-ca.pem",
    )
    sessions: int = setting(
        4_096,
        "Associations kept at a time, about 65 KiB each. Beyond them the one silent for longest ends.",
        low=16,
        high=65_536,
    )
    handshakes: int = setting(256, "Handshakes that may be unfinished at a time.", low=4, high=65_536)
    handshakes_of_source: int = setting(
        64,
        "Of those, from one source address: an IPv4 address, or the /64 of an IPv6 address. More are put off: a "
        "client asks again by itself.",
        low=1,
        high=65_536,
    )
    idle: str = setting("1d", "How long an association may be silent before it ends.", values.check_span)
    mtu: int = setting(
        1_232,
        "The largest datagram, without IP and UDP headers, that handshakes are cut to. Radio links such as 6LoWPAN "
        "may want less.",
        low=256,
        high=1_472,
    )
    receive_buffer: int = setting(
        4_194_304,
        "Bytes the kernel may hold for the socket while the gateway is busy. The kernel may grant less.",
        low=65_536,
        high=268_435_456,
    )


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """The gateway itself."""

    address: str = setting(
        "",
        "Host and port written into each node's configuration: where nodes find this gateway. "
        "Empty: this machine's own address and the first port of [udp] bind.",
        values.gateway_address,
        example="192.168.1.5:5683",
    )
    timezone: str = setting(
        "UTC", "The time zone of times shown in rooms and by the command line.", values.check_timezone
    )
    admin_room: str = setting(
        "",
        "A room where the operator is told what needs a person. Empty: the log and `comatrix status` only.",
        values.check_room,
        example="#comatrix-admin:example.org",
    )
    name: str = setting(
        "",
        "What this gateway is called, for rooms that several gateways share: there it answers to `name/node`, and is "
        "silent about nodes it does not know. Empty: it is the only one in its rooms; `name/node` is never its own.",
        values.check_gateway_name,
        example="barn",
    )
    log_level: str = setting(
        "info", "How much is logged to standard error.", choices=("debug", "info", "warning", "error")
    )
    log_format: str = setting(
        "text", "Lines for people, or a JSON object a line for programs.", choices=("text", "json")
    )


@dataclass(frozen=True, slots=True)
class LimitsSettings:
    """Bounds on what is remembered, so that no stranger can make the gateway grow."""

    peers: int = setting(
        4_096,
        "Addresses whose recent messages are remembered to recognise duplicates; as many where nodes were heard at, "
        "and as many that failed.",
        low=16,
        high=65_536,
    )
    duplicates_per_peer: int = setting(16, "Messages remembered for each of them.", low=4, high=256)
    node_rate: int = setting(
        120,
        "Messages a minute a node may send for long. Beyond it the node is told when to go on (4.29); it keeps "
        "what it has.",
        low=1,
        high=6_000_000,
    )
    node_burst: int = setting(
        1_500,
        "Messages a node may send at once, after a time of silence: what an outage of two weeks left it, at one every "
        "quarter of an hour.",
        low=1,
        high=6_000_000,
    )
    address_rate: int = setting(
        30,
        "Failures a minute (wrong key, unknown node, malformed) a source address may cause: an IPv4 address, or the "
        "/64 of an IPv6 address. Beyond it what comes from there is dropped unread, except from the exact addresses "
        "nodes were heard at.",
        low=1,
        high=6_000_000,
    )
    address_burst: int = setting(60, "Failures a source address may cause at once.", low=1, high=6_000_000)
    strangers_rate: int = setting(
        60_000,
        "Datagrams a minute that are looked at from strangers for whose addresses `peers` leaves no room: in a flood "
        "of forged addresses.",
        low=60,
        high=6_000_000,
    )
    refusals_rate: int = setting(
        3_000, "Errors a minute sent to all strangers together; the rest get no answer.", low=60, high=6_000_000
    )
    control_clients: int = setting(
        16, "Command lines that may be connected to the running gateway at once.", low=1, high=256
    )


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """The database of records."""

    max_size: str = setting(
        "1GiB",
        "How large the database may become. When it nears that, what was posted leaves it first, oldest first; when "
        "nothing in it is posted, nodes are told to keep their records and try again later.",
        values.check_database_size,
    )
    keep: str = setting(
        "90d",
        "How long a posted record stays in the database, from when it came. What waits or is parked stays as long as "
        "it has to. A record sent again is recognised also after it left.",
        values.check_span,
    )


@dataclass(frozen=True, slots=True)
class PostingSettings:
    """How often readings become events in a room."""

    post: str = setting(
        "15min",
        'How often a node\'s readings are posted unless `node add --post` said otherwise: "every" reading, '
        'on "change", or once in a span such as "15min". Nothing is lost: what waited is in the next event.',
        values.check_post,
    )
    node_state: bool = setting(
        True,
        "Whether programs find how a node is in its room's state (`eu.comatrix.node`, at most every 15 minutes), where "
        "the account's power allows it and nobody limits the account. `comatrix doctor` says what a room lacks.",
    )


@dataclass(frozen=True, slots=True)
class CommandsSettings:
    """What people in a room may tell its nodes."""

    enabled: bool = setting(True, "Whether commands typed in rooms are read. Switched off, nothing typed is looked at.")
    prefix: str = setting("!cx", "The word a command begins with.", values.check_word)
    view: int = setting(
        0, "The power level in a room from which its members may look: lists, and `get`.", low=0, high=100
    )
    operate: int = setting(
        50,
        "From which they may set and call. A room may say otherwise: `eu.comatrix.command` among the events of its "
        "power levels.",
        low=0,
        high=100,
    )
    admin: int = setting(100, "From which they may block, rename and revoke nodes.", low=0, high=100)
    ttl: str = setting("1d", "How long a command waits for its node unless it says `ttl=`.", values.check_waiting_span)
    max_age: str = setting(
        "10min",
        "A command older than this when the gateway reads it, after an outage for example, is not sent.",
        values.check_waiting_span,
    )
    per_node: int = setting(32, "Commands that may wait for one node.", low=1, high=1_000)


@dataclass(frozen=True, slots=True)
class AlarmsSettings:
    """What rooms are told without being asked. Limits of readings are set here, by `comatrix alarm`, or in a room."""

    silence: bool = setting(
        True,
        "Whether a node's room is told when the node missed three of its intervals, and when it is back.",
    )
    limits: tuple[str, ...] = setting(
        (),
        "Readings whose leaving a limit a node's room is told of: node, reading and limit, as typed behind "
        "`!cx alarm`. One that a person sets on the same side of the same reading stands instead, until it is "
        "switched off.",
        values.check_limit,
        together=values.check_limits,
        example=("garden battery <3.3V", "garden temperature >30 hysteresis=1"),
    )


@dataclass(frozen=True, slots=True)
class AppserviceSettings:
    """An application service of the homeserver instead of an ordinary account: each node is a user of its own."""

    enabled: bool = setting(
        False,
        "Speak as an application service. First give the file that `comatrix appservice` writes to the homeserver. "
        "The account configured above is then the service's own user and needs no password.",
    )
    prefix: str = setting(
        "cx_",
        "What the names of this gateway's users begin with: node 7 speaks as `@cx_node_7`. "
        "No two gateways of a homeserver may share one.",
        values.check_prefix,
    )
    intake: str = setting(
        "push",
        "How the gateway hears of its rooms: the homeserver pushes to `url`, or, where it cannot reach this machine, "
        '"sync": the user `@<prefix>service` is invited to every room and syncs.',
        choices=("push", "sync"),
    )
    bind: str = setting(
        "127.0.0.1:5680", "Address and port where pushes are taken, by plain HTTP.", values.check_endpoint
    )
    url: str = setting(
        "",
        "Where the homeserver finds that: written into the registration file. Empty: `bind`, on the same machine.",
        values.check_intake_url,
        example="http://192.168.1.5:5680",
    )
    ghosts_max_nodes: int = setting(
        20,
        "In a room with more nodes than this the bot speaks for all of them, many readings in one event. "
        "0: always the bot.",
        low=0,
        high=1_000,
    )


@dataclass(frozen=True, slots=True)
class PayloadsSettings:
    """What the payloads of devices mean that speak no CoMatrix. Nodes are named as `comatrix node list` has them."""

    text: tuple[str, ...] = setting(
        (),
        "`NODE=WORD`: what a bare number means that the node posts as text (Content-Format 0).",
        values.check_text_quantity,
        example="cellar=temperature",
    )
    cayenne: tuple[str, ...] = setting(
        (),
        "`NODE`: it posts Cayenne LPP, without a Content-Format or as octets (42). `NODE:CHANNEL=WORD`: the same, and "
        "what that channel is, where its type does not tell.",
        values.check_cayenne,
        example="field:3=soil-moisture",
    )


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """What programs ask the running gateway over HTTP: `/metrics` for Prometheus, and `/healthz`."""

    bind: str = setting(
        "",
        "Address and port to listen on, by plain HTTP, for whoever reaches it. `/healthz` answers 200, or 503 and why: "
        "the homeserver unreachable for two minutes. Empty: nowhere.",
        values.check_endpoint,
        example="127.0.0.1:5681",
    )


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole configuration: one field a section, and `radios`, the sections [radios.NAME]."""

    homeserver: HomeserverSettings = field(default_factory=HomeserverSettings)
    gateway: GatewaySettings = field(default_factory=GatewaySettings)
    udp: UdpSettings = field(default_factory=UdpSettings)
    dtls: DtlsSettings = field(default_factory=DtlsSettings)
    posting: PostingSettings = field(default_factory=PostingSettings)
    commands: CommandsSettings = field(default_factory=CommandsSettings)
    alarms: AlarmsSettings = field(default_factory=AlarmsSettings)
    limits: LimitsSettings = field(default_factory=LimitsSettings)
    store: StoreSettings = field(default_factory=StoreSettings)
    appservice: AppserviceSettings = field(default_factory=AppserviceSettings)
    payloads: PayloadsSettings = field(default_factory=PayloadsSettings)
    http: HttpSettings = field(default_factory=HttpSettings)
    radios: Mapping[str, RadioSection] = field(default_factory=dict)


SECTIONS: dict[str, type[Any]] = {
    f.name: f.default_factory  # type: ignore[misc]
    for f in fields(Settings)
    if f.name != "radios"
}
