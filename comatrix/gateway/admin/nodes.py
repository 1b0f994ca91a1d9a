"""Nodes: provisioned, shown, renamed, given new keys, revoked, blocked."""

import ipaddress
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from comatrix.codec.records import Readings
from comatrix.gateway import provisioning
from comatrix.gateway.admin import arguments, node_radio
from comatrix.gateway.admin.collaborators import Args, Collaborators
from comatrix.gateway.admin.rooms import RoomOperations, named
from comatrix.gateway.config.values import check_post, endpoint, gateway_address
from comatrix.gateway.edges.store import contexts, dtls_keys, grants, nodes, records, rooms, status
from comatrix.gateway.errors import UsageError
from comatrix.gateway.model import LORA, UDP, DtlsKey, Node, SecurityContext
from comatrix.gateway.uplink.typed import decode

MOST_ROOM_NUMBER = 65_535
DTLS_PORT = 5684  # coaps (RFC 7252 section 12.8)
BATTERY = 2  # its number in the vocabulary (comatrix/codec/vocab.py); the scale is the same
BATTERY_AMONG = 100  # records: a node that measures its battery does so more often than that


class NodeOperations:
    """node.add, .list, .show, .rename, .move, .bind, .rotate, .revoke, .block and .unblock."""

    def __init__(self, given: Collaborators, room_operations: RoomOperations) -> None:
        self._given = given
        self._rooms = room_operations

    async def add(self, args: Args) -> dict[str, Any]:
        """{name, room, post, plain, security, psk_identity, radio, module, gateway, interval_s, observe} -> {node,
        configuration, warnings}."""
        name = arguments.text(args, "name")
        provisioning.check_name(name, self._given.store.read(_names))
        address = _ip(arguments.maybe_text(args, "plain"))
        post = arguments.maybe_text(args, "post", check_post) or self._given.settings.posting.post
        interval_s, observe = _interval_s(args), arguments.flag(args, "observe")
        lora = node_radio.asked(args, self._given.settings.radios)
        if lora is not None and address is not None:
            raise UsageError("Over LoRa there is no plain node: all is encrypted.", "comatrix node add --help")
        over_dtls = self._over_dtls(args, address is not None or lora is not None)
        identity = self._identity(args, name) if over_dtls else b""
        security = "dtls" if over_dtls else "plain" if address else "oscore"
        way = lora or self._gateway(args, security)
        room = await self._rooms.bound(arguments.text(args, "room"))
        secret = None if address else provisioning.new_secret(self._given.random_bytes)
        now_ms = self._given.now_ms()

        def provision(connection: sqlite3.Connection) -> tuple[Node, bytes | DtlsKey | None]:
            provisioning.check_name(name, _names(connection))
            node = nodes.add(
                connection,
                name,
                room.id,
                now_ms=now_ms,
                security=security,
                post=post,
                address=address,
                link=UDP if lora is None else LORA,
                listens=lora is not None and observe,
            )
            if secret is None:
                return node, None
            if over_dtls:
                return node, dtls_keys.add(connection, node.number, identity, secret)
            contexts.add(connection, node.number, node.link, secret)
            return node, secret

        node, key = await self._given.store.run(provision)
        self._given.changed("node", node.number)
        return self._provisioned(node, key, way, interval_s, observe)

    async def rotate(self, args: Args) -> dict[str, Any]:
        """{name, psk_identity, radio, module, gateway, interval_s, observe} -> as node.add. The old secret dies when
        the new one was heard."""
        node = self._found(args)
        if node.security == "plain":
            raise UsageError(f"{node.name} is a plain node: it has no keys.", f"comatrix node show {node.name}")
        known = self._given.store.read(status.all_status).get(node.number)
        interval_s = _interval_s(args, known.wake_interval_s if known else None)
        observe = arguments.flag(args, "observe")
        way = self._way(args, node)
        secret = provisioning.new_secret(self._given.random_bytes)

        def rotate(connection: sqlite3.Connection) -> bytes | DtlsKey:
            if node.security == "dtls":
                # An identity of its own: a PSK identity has one key, and the old one is taken until this is heard.
                generation = dtls_keys.next_generation(connection, node.number)
                identity = self._identity(args, f"{node.name}.{generation}")
                return dtls_keys.add(connection, node.number, identity, secret)
            contexts.rotate(connection, node.number, node.link, secret)
            if node.link == LORA:
                nodes.set_listens(connection, node.number, observe)
            return secret

        key = await self._given.store.run(rotate)
        self._given.changed("node", node.number)
        return self._provisioned(node, key, way, interval_s, observe)

    async def rename(self, args: Args) -> dict[str, Any]:
        """{name, new} -> the node."""
        node, new = self._found(args), arguments.text(args, "new")

        def rename(connection: sqlite3.Connection) -> None:
            provisioning.check_name(new, (other for other in _names(connection) if other != node.name))
            if new != node.name:
                nodes.rename(connection, node.number, new)

        await self._given.store.run(rename)
        self._given.changed("node", node.number)
        return await self.show({"name": new})

    async def move(self, args: Args) -> dict[str, Any]:
        """{name, room} -> the node. What it sent before stays bound to the room it had."""
        node = self._found(args)
        room = await self._rooms.bound(arguments.text(args, "room"))
        await self._given.store.run(lambda connection: nodes.set_room(connection, node.number, room.id))
        self._given.changed("node", node.number)
        return await self.show({"name": node.name})

    async def bind(self, args: Args) -> dict[str, Any]:
        """{name, number, room} -> the node. Its texts to room `number` go there; 0 is the default room, see `move`."""
        node = self._found(args)
        number = arguments.whole(args, "number", 1, MOST_ROOM_NUMBER)
        room = await self._rooms.bound(arguments.text(args, "room"))
        await self._given.store.run(lambda connection: nodes.bind_room(connection, node.number, number, room.id))
        self._given.changed("node", node.number)
        return await self.show({"name": node.name})

    async def revoke(self, args: Args) -> dict[str, Any]:
        """{name} -> {number, name}. Its keys are gone; its number is never given again."""
        node, now_ms = self._found(args), self._given.now_ms()

        def revoke(connection: sqlite3.Connection) -> None:
            nodes.revoke(connection, node.number)
            contexts.revoke(connection, node.number)
            grants.forget(connection, node.number, now_ms)

        await self._given.store.run(revoke)
        self._given.changed("node", node.number)
        return {"number": node.number, "name": node.name}

    async def block(self, args: Args) -> dict[str, Any]:
        """{name} -> the node. Nothing it sends is decrypted or answered from now on; its keys stay."""
        return await self._set_blocked(args, True)

    async def unblock(self, args: Args) -> dict[str, Any]:
        """{name} -> the node, heard again under the keys it has."""
        return await self._set_blocked(args, False)

    async def list(self, args: Args) -> list[dict[str, Any]]:
        """{revoked} -> every node with what is known of it."""
        revoked = arguments.flag(args, "revoked")
        heard = self._heard()
        return self._given.store.read(lambda connection: _all_nodes(connection, revoked, heard))

    async def show(self, args: Args) -> dict[str, Any]:
        """{name} (or its number) -> the node with its keys' states, never the keys."""
        node, heard = self._found(args), self._heard()

        def look(connection: sqlite3.Connection) -> dict[str, Any]:
            (shown,) = [one for one in _all_nodes(connection, True, heard) if one["number"] == node.number]
            bound = {
                small: room for (owner, small), room in nodes.bound_rooms(connection).items() if owner == node.number
            }
            called = {room.id: named(room) for room in rooms.all_rooms(connection)}
            return shown | {
                "address": self._live("addresses").get(str(node.number)) or shown["address"],
                "levels": self._live("levels").get(str(node.number), {}),
                "battery_cv": last_battery_cv(connection, node.number, shown["battery_cv"]),
                "rooms": {str(small): called[room] for small, room in sorted(bound.items())},
                "tells": _named(connection, (to for by, to in grants.all_grants(connection) if by == node.number)),
                "told_by": _named(connection, (by for by, to in grants.all_grants(connection) if to == node.number)),
                "keys": [_context_json(one) for one in contexts.living(connection, node.number)],
                "psk_identities": [
                    key.identity.decode(errors="replace") for key in dtls_keys.of_node(connection, node.number)
                ],
            }

        return self._given.store.read(look)

    def _found(self, args: Args) -> Node:
        return find(
            self._given.store.read(nodes.all_nodes),
            arguments.text(args, "name"),
            revoked=lambda: self._given.store.read(lambda connection: nodes.all_nodes(connection, revoked=True)),
        )

    async def _set_blocked(self, args: Args, blocked: bool) -> dict[str, Any]:
        node = self._found(args)
        await self._given.store.run(lambda connection: nodes.block(connection, node.number, blocked))
        self._given.changed("node", node.number)
        return await self.show({"name": node.name})

    def _heard(self) -> Mapping[str, int]:
        """Node number -> when it was last heard, from the running gateway: the store learns it later."""
        return self._live("seen")

    def _live(self, what: str) -> Mapping[str, Any]:
        """Node number -> something only the running gateway knows."""
        found: Mapping[str, Any] = {} if self._given.live is None else self._given.live().get(what, {})
        return found

    def _way(self, args: Args, node: Node) -> "str | dict[str, Any]":
        """How a node that there is finds this gateway: over the radio that is named or the only one, or over UDP."""
        radios = self._given.settings.radios
        lora = node_radio.asked(args, radios)
        if node.link != LORA:
            if lora is not None:
                raise UsageError(f"{node.name} is not on LoRa: provision it anew.", "comatrix node add --help")
            return self._gateway(args, node.security)
        if lora is None and len(radios) != 1:
            raise UsageError("Say over which radio it is to come.", f"comatrix node rotate {node.name} --radio NAME")
        return lora or node_radio.configured(next(iter(radios.values())), None)

    @staticmethod
    def _over_dtls(args: Args, otherwise: bool) -> bool:
        """Whether the node is to come over DTLS. `otherwise`: it is said how else."""
        security = arguments.maybe_text(args, "security") or "oscore"
        if security not in ("oscore", "dtls"):
            raise UsageError(f"security is oscore or dtls, not {security!a}.", "comatrix node add --help")
        if security == "dtls" and otherwise:
            raise UsageError("DTLS is for nodes on UDP, and instead of --plain.", "comatrix node add --help")
        if security != "dtls" and args.get("psk_identity") is not None:
            raise UsageError("A PSK identity is for --security dtls.", "comatrix node add --help")
        return security == "dtls"

    @staticmethod
    def _identity(args: Args, default: str) -> bytes:
        text = arguments.maybe_text(args, "psk_identity") or default
        try:
            return provisioning.check_identity(text)
        except ValueError as error:
            raise UsageError(f"A PSK identity {error}, not {text!a}.", "comatrix node add --help") from None

    def _gateway(self, args: Args, security: str) -> str:
        """Where the node finds this gateway: as said, as configured, or this machine's address and first port."""
        said = arguments.maybe_text(args, "gateway", gateway_address)
        settings = self._given.settings
        udp, dtls = settings.udp, settings.dtls
        host, port = endpoint((udp.plain_bind[:1] or udp.bind if security == "plain" else udp.bind)[0])
        if security == "dtls":
            host, port = endpoint(dtls.listen) if dtls.listen else (host, DTLS_PORT)
        if said or (settings.gateway.address and security != "dtls"):
            return said or settings.gateway.address
        if settings.gateway.address:  # the same machine, at the port of DTLS
            return f"{settings.gateway.address.rpartition(':')[0]}:{port}"
        if ipaddress.ip_address(host).is_unspecified:
            host = self._given.local_address()
        if not host:
            raise UsageError(
                "This machine's address is not known.", "comatrix node add NAME --room ROOM --gateway-address HOST:5683"
            )
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def _provisioned(
        self, node: Node, secret: bytes | DtlsKey | None, way: "str | dict[str, Any]", interval_s: int, observe: bool
    ) -> dict[str, Any]:
        warnings = []
        if node.security == "plain" and not self._given.settings.udp.plain_bind:
            warnings.append("Nothing listens for plain nodes yet: set [udp] plain_bind in the configuration.")
        if node.security == "dtls" and not self._given.settings.dtls.listen:
            warnings.append("Nothing listens for DTLS yet: set [dtls] listen in the configuration.")
        room = self._given.store.read(lambda connection: rooms.by_id(connection, node.room))
        return {
            "node": {"number": node.number, "name": node.name, "room": named(room) if room else "", "post": node.post},
            "configuration": provisioning.configuration(node, secret, way, interval_s, observe=observe),
            "warnings": warnings,
        }


def find(among: Iterable[Node], name: str, revoked: Callable[[], Iterable[Node]] = tuple) -> Node:
    """The node with this name, in any case, or this number. `revoked`: where else its name may stand. Raises
    UsageError."""
    for node in among:
        if _is_called(node, name):
            return node
    for node in revoked():
        if _is_called(node, name):
            raise UsageError(
                f"Node {node.number} {node.name} is revoked: nothing can be done with it.",
                "comatrix node list --revoked",
            )
    raise UsageError(f"There is no node {name!a}.", "comatrix node list")


def _is_called(node: Node, name: str) -> bool:
    return name.casefold() == node.name.casefold() or name == str(node.number)


def _interval_s(args: Args, present: int | None = None) -> int:
    """As asked, else as the node said it is, else the default."""
    default = present or provisioning.DEFAULT_INTERVAL_S
    return arguments.whole(args, "interval_s", 1, provisioning.LONGEST_INTERVAL_S, default)


def last_battery_cv(connection: sqlite3.Connection, node: int, said_at_boot: int | None) -> int | None:
    """A node's last battery reading, hundredths of a volt. One that boots may say it too, once."""
    for record in reversed(records.tail(connection, BATTERY_AMONG, node)):
        said = decode(record)
        if isinstance(said, Readings) and BATTERY in said.values:
            return said.values[BATTERY]
    return said_at_boot


def _ip(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise UsageError(
            f"A plain node is known by its IP address, not {text!a}.", "comatrix node add NAME --plain 192.168.1.20"
        ) from None
    return str(address)


def _names(connection: sqlite3.Connection) -> list[str]:
    return [node.name for node in nodes.all_nodes(connection)]


def _named(connection: sqlite3.Connection, numbers: Iterable[int]) -> list[dict[str, Any]]:
    """Nodes by number, with what they are called."""
    found = [nodes.by_number(connection, number) for number in sorted(numbers)]
    return [{"number": node.number, "name": node.name} for node in found if node is not None]


def _context_json(context: SecurityContext) -> dict[str, Any]:
    heard = context.highest if context.highest >= 0 else None
    return {"link": context.link, "generation": context.generation, "state": context.state, "highest_counter": heard}


def _all_nodes(connection: sqlite3.Connection, revoked: bool, heard: Mapping[str, int]) -> list[dict[str, Any]]:
    known = status.all_status(connection)
    counts = records.counts(connection)
    called = {room.id: named(room) for room in rooms.all_rooms(connection)}
    shown = []
    for node in nodes.all_nodes(connection, revoked=revoked):
        one = _node_json(node, known.get(node.number), counts.get(node.number, (0, 0)), called.get(node.room, ""))
        live_ms = heard.get(str(node.number))
        shown.append(one if live_ms is None else one | {"last_seen_ms": max(live_ms, one["last_seen_ms"] or 0)})
    return shown


def _node_json(node: Node, known: status.NodeStatus | None, counted: tuple[int, int], room: str) -> dict[str, Any]:
    seen = known or status.NodeStatus(node.number)
    return {
        "number": node.number,
        "name": node.name,
        "room": room,
        "post": node.post,
        "security": node.security,
        "link": "lora" if node.link == LORA else "udp",
        "listens": node.listens,
        "enrolment": node.enrolment,
        "revoked": node.revoked,
        "blocked": node.blocked,
        "created_ms": node.created_ms,
        "last_seen_ms": seen.last_seen_ms,
        "address": seen.address or node.address,
        "firmware": seen.firmware,
        "wake_interval_s": seen.wake_interval_s,
        "battery_cv": seen.battery_cv,
        "dropped": seen.dropped,
        "records": counted[0],
        "late": counted[1],
    }
