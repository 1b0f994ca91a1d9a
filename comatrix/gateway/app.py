"""Wires the gateway's parts and owns their lifetimes. No decision is taken here."""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import TYPE_CHECKING, Any

from comatrix.gateway.admin import Collaborators, operations
from comatrix.gateway.aead import aead
from comatrix.gateway.clock import monotonic_ms, wall_ms, zone
from comatrix.gateway.commanding import Commanding, open_commanding
from comatrix.gateway.config.paths import Paths
from comatrix.gateway.config.secrets import Secrets
from comatrix.gateway.config.settings import Settings
from comatrix.gateway.config.values import endpoint, size_bytes, span_ms
from comatrix.gateway.directory import Directory
from comatrix.gateway.downlink.airtime_report import LinkReport
from comatrix.gateway.edges.control import ControlServer
from comatrix.gateway.edges.local_address import local_address
from comatrix.gateway.edges.matrix import MatrixClient
from comatrix.gateway.edges.operator_room import OperatorRoom
from comatrix.gateway.edges.poster import Poster
from comatrix.gateway.edges.receiver import Receiver, Seen
from comatrix.gateway.edges.room_watch import Pause, RoomWatch
from comatrix.gateway.edges.store import heard
from comatrix.gateway.edges.store.capacity import StoreLimits
from comatrix.gateway.edges.store.delivery import Delivery
from comatrix.gateway.edges.store.store import Store
from comatrix.gateway.edges.store.upkeep import keep_for
from comatrix.gateway.edges.udp import UdpEdge
from comatrix.gateway.model import UDP, NewRecord, Node, Record, Voice
from comatrix.gateway.monitoring import open_monitor
from comatrix.gateway.opening import open_store
from comatrix.gateway.receiving import rates_of, start_receiving
from comatrix.gateway.room_news import RoomNews
from comatrix.gateway.showing import open_node_states
from comatrix.gateway.speaking import Speaking, Watched, open_client, open_speaking
from comatrix.gateway.tending import follow_secrets, let_rest, tell_knocks
from comatrix.gateway.upgrades import Upgrades
from comatrix.gateway.uplink.associations import Associations
from comatrix.gateway.uplink.formats.profiles import profiles
from comatrix.gateway.uplink.knocks import Knocks
from comatrix.gateway.uplink.reach import Reach
from comatrix.gateway.uplink.rendering import event_content
from comatrix.gateway.uplink.silence import Silence

if TYPE_CHECKING:
    from comatrix.gateway.edges.dtls.edge import DtlsEdge
    from comatrix.gateway.receiving_lora import LoraSide
    from comatrix.gateway.uplink.lora_contexts import LoraContexts

log = logging.getLogger("comatrix")

BALLAST = 4 << 20  # bytes: thousands of events sealed and posted while the disk is full


@dataclass(slots=True)
class Gateway:
    """A started gateway. `tasks` run until cancelled."""

    settings: Settings
    store: Store
    matrix: MatrixClient
    udp: UdpEdge
    receiver: Receiver
    poster: Poster
    associations: Associations
    knocks: Knocks
    operator: OperatorRoom
    speaking: Speaking
    watched: Watched
    commanding: Commanding
    started_ms: int
    lora: "LoraSide | None" = None
    dtls: "DtlsEdge | None" = None
    silence: Silence = field(default_factory=Silence)
    reach: Reach = field(default_factory=Reach)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    errands: set[asyncio.Task[None]] = field(default_factory=set)

    @classmethod
    async def start(cls, settings: Settings, paths: Paths, stack: contextlib.AsyncExitStack) -> "Gateway":
        """Everything opened here is closed by `stack`, in reverse. Raises GatewayError."""
        matrix = open_client(settings, paths)
        stack.push_async_callback(matrix.aclose)
        limits = StoreLimits(size_bytes(settings.store.max_size), BALLAST)
        store = await open_store(paths.database, limits)
        stack.push_async_callback(store.aclose)
        binds = [*settings.udp.bind, *settings.udp.plain_bind]
        udp = UdpEdge([endpoint(text) for text in binds], settings.udp.receive_buffer, monotonic_ms)
        stack.callback(udp.close)
        dtls = _dtls(settings)
        if dtls is not None:
            stack.callback(dtls.close)
        plain = frozenset(range(len(settings.udp.bind), len(binds)))
        associations = Associations(aead, secrets.randbelow, plain)
        lora_contexts = _lora_contexts(settings)
        directory = Directory(store, associations, lora_contexts)
        operator = OperatorRoom(
            matrix,
            settings.gateway.admin_room,
            log=log.warning,
            transaction=lambda: f"{store.instance}.{secrets.token_hex(8)}.operator",
            sleep=asyncio.sleep,
        )
        watched = Watched()
        speaking = await open_speaking(
            settings, paths, matrix, store, stack, tell=operator.tell, covered=watched.covering
        )
        poster = Poster(
            Delivery(store, sender=speaking.bot.user_id, device=speaking.bot.device_id),
            matrix,
            now_ms=wall_ms,
            wait=_wait_until,
            tell=operator.tell,
            random=secrets.randbelow,
            timezone=zone(settings.gateway.timezone),
            render=_render,
            voices=speaking.voices,
            ours=speaking.ours,
            dedupe=settings.homeserver.dedupe,
        )
        watched.report = poster.watched
        store.listen(operator.tell)
        if store.restored:
            operator.tell("the database is a copy put back: every node makes new keys with it before it is heard again")
        knocks = Knocks(operator.tell, directory.name)
        contacts: Seen = {}
        started_ms = wall_ms()

        def node_changed(node: int) -> None:
            directory.changed("node", node)
            speaking.reload()
            poster.reload()

        commanding = await open_commanding(
            settings,
            store,
            directory,
            matrix,
            voice=lambda: poster.voice,
            whose=speaking.intake.whose,
            seen=lambda node: contacts[node][0] if node in contacts else None,
            sealed=poster.sealed,
            changed=node_changed,
            tell=operator.tell,
            air=lambda here: gateway.links(here),
            cost=lambda node, item: gateway.lora.cost(node, item) if gateway.lora else None,
            hinders=lambda node, command: gateway.lora.hinders(node, command) if gateway.lora else None,
        )
        poster.on_posted(commanding.replying.posted)
        poster.on_posted(commanding.alarming.posted)

        def stored(record: NewRecord, row: int) -> None:
            poster.poke()
            commanding.alarming.stored(record)

        receiver = start_receiving(
            settings.limits,
            store,
            associations,
            directory,
            udp,
            stored=stored,
            rates=rates_of(settings.limits),
            knock=knocks.note,
            mail=commanding.mail,
            profiles=profiles(settings.payloads.text, settings.payloads.cayenne),
            seen=contacts,
            secure=dtls,
        )
        commanding.mail.on_changed(receiver.observers.changed)
        if dtls is not None:
            from comatrix.gateway.receiving_dtls import start_dtls

            start_dtls(
                settings.dtls,
                paths.config.parent,
                dtls,
                store,
                directory,
                receiver,
                knock=knocks.note,
                flush=udp.flush,
                start=lambda work: gateway._soon(work),
            )
        lora = None
        if lora_contexts is not None:
            from comatrix.gateway.receiving_lora import start_receiving_lora

            lora = await start_receiving_lora(
                settings,
                store,
                directory,
                lora_contexts,
                stored=stored,
                awaits=lambda node, awaits: poster.await_older(node, awaits=awaits),
                mail=commanding.mail,
                seen=contacts,
                tell=operator.tell,
            )
            stack.push_async_callback(lora.aclose)
            commanding.mail.on_changed(lora.receiver.changed)
        gateway = cls(
            settings=settings,
            store=store,
            matrix=matrix,
            udp=udp,
            receiver=receiver,
            poster=poster,
            associations=associations,
            knocks=knocks,
            operator=operator,
            speaking=speaking,
            watched=watched,
            commanding=commanding,
            started_ms=started_ms,
            lora=lora,
            dtls=dtls,
        )
        await gateway._open_control(paths, directory, stack)
        gateway._start_tasks(paths, directory)
        return gateway

    async def _open_control(self, paths: Paths, directory: Directory, stack: contextlib.AsyncExitStack) -> None:
        def changed(what: str, key: int) -> None:
            directory.changed(what, key)
            self._reload()
            self._soon(self.commanding.changed(what))

        given = Collaborators(
            store=self.store,
            settings=self.settings,
            homeserver=lambda: self.matrix,
            now_ms=wall_ms,
            random_bytes=secrets.token_bytes,
            local_address=local_address,
            wait=asyncio.sleep,
            changed=changed,
            live=self.live,
        )
        limits = self.settings.limits
        known = operations(given)
        control = ControlServer(paths.socket, known, max_clients=limits.control_clients)
        await control.start()
        stack.push_async_callback(control.aclose)
        self.matrix.on_answer(lambda answer, overdue_s: self.reach.note(answer, monotonic_ms(), overdue_s))
        await open_monitor(self.settings.http, known["status"], self.reach, stack)

    def _start_tasks(self, paths: Paths, directory: Directory) -> None:
        poster = self.poster
        poster.watched(False)
        tell = self.operator.tell
        upgrades = Upgrades(
            self.matrix,
            self.store,
            directory,
            now=monotonic_ms,
            replaced=poster.replaced,
            reload=poster.reload,
            voices_anew=self._reload,
            tell=tell,
        )
        whose = self.speaking.intake.whose
        news = RoomNews(
            self.store,
            directory,
            upgrades,
            self.commanding,
            reload=self._reload,
            watched=self.watched.following,
            tell=tell,
        )
        pause = Pause()
        self.matrix.on_reached(pause.cut)
        watch = RoomWatch(
            self.matrix,
            news,
            now=monotonic_ms,
            sleep=pause,
            intake=self.speaking.intake,
            since=self.store.read(lambda connection: heard.since(connection, whose)),
            own=self.speaking.ours,
        )
        self.silence = watch.silence
        keep = keep_for(self.store, span_ms(self.settings.store.keep), now_ms=wall_ms, sleep=asyncio.sleep)
        tended = [tell_knocks(self.knocks), let_rest(self.associations), keep]
        if not self.settings.appservice.enabled:  # a service's tokens change with a file at the homeserver

            def take(kept: Secrets) -> bool:
                new = self.matrix.take_if_new(kept)
                if new:
                    poster.signed_in(Voice(kept.user_id, kept.device_id))
                    pause.cut()
                return new

            tended.append(follow_secrets(paths.secrets, self.matrix.user_id, take))
        if self.settings.posting.node_state:
            seen = self.receiver.seen
            states = open_node_states(
                self.store,
                self.matrix,
                self.commanding.powers,
                seen=lambda node: seen[node][0] if node in seen else None,
                quiet=lambda: poster.quiet,
            )
            tended.append(states.run())
        commanding = self.commanding
        always = (
            poster.run(),
            watch.run(),
            commanding.replying.run(),
            commanding.alarming.run(),
            commanding.picturing.run(),
            self.operator.run(),
        )
        for work in (*always, *self.speaking.work, *tended):
            self.tasks.append(asyncio.get_running_loop().create_task(work))

    def _soon(self, work: Coroutine[Any, Any, None]) -> None:
        """What a person's change at the command line leads to, beside everything else."""
        task = asyncio.get_running_loop().create_task(work)
        self.errands.add(task)
        task.add_done_callback(self.errands.discard)

    def _reload(self) -> None:
        """Something was changed by a person or at the homeserver: whoever was refused is tried again."""
        self.speaking.reload()
        self.poster.reload()

    def live(self) -> dict[str, Any]:
        """What only a running gateway knows, for `comatrix status`."""
        receiver = self.receiver
        return {
            "started_ms": self.started_ms,
            "listening": [f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in self.udp.addresses],
            "datagrams_in": self.udp.received,
            "datagrams_out": self.udp.sent,
            "datagrams_unsent": self.udp.unsent,
            "received": receiver.received,
            "acknowledged": receiver.acknowledged,
            "duplicates": receiver.duplicates,
            "knocks": self.knocks.total,
            "dropped": receiver.admission.dropped,
            "slowed": receiver.admission.slowed,
            "unanswered": receiver.admission.unanswered,
            "security": self.knocks.report(wall_ms() - monotonic_ms()),
            "silence": self.silence.told(wall_ms() - monotonic_ms()),
            "troubles": self.poster.troubles(),
            "lags": self.poster.lags(),
            "seen": {str(node): seen_ms for node, (seen_ms, _) in receiver.seen.items()},
            "addresses": {str(node): addr[1][0] for node, (_, addr) in receiver.seen.items()},
            **({} if self.lora is None else self.lora.live()),
            **({} if self.dtls is None else {"dtls": self.dtls.live()}),
        }

    def links(self, here: Sequence[Node]) -> list[LinkReport]:
        """UDP and each radio, as the nodes of a room use them."""
        udp, on_udp = self.udp, sum(node.link == UDP for node in here)
        found = [LinkReport("udp", nodes=on_udp, received=udp.received, sent=udp.sent, since_ms=self.started_ms)]
        return found + (self.lora.reports(here, self.started_ms) if self.lora is not None else [])


def _dtls(settings: Settings) -> "DtlsEdge | None":
    """Where it is configured. Without it OpenSSL's bindings are not even imported."""
    if not settings.dtls.listen:
        return None
    from comatrix.gateway.receiving_dtls import open_dtls

    return open_dtls(settings.dtls)


def _lora_contexts(settings: Settings) -> "LoraContexts | None":
    """Where there is a radio. Without one nothing of LoRa is even imported."""
    if not settings.radios:
        return None
    from comatrix.gateway.uplink.lora_contexts import LoraContexts

    return LoraContexts(aead)


def _render(
    records: Sequence[Record], nodes: Mapping[int, Node], *, txn_id: str, timezone: tzinfo, own_voice: bool
) -> dict[str, Any]:
    return event_content(records, nodes, txn_id=txn_id, timezone=timezone, own_voice=own_voice, sealed_ms=wall_ms())


async def _wait_until(until_ms: int) -> None:
    await asyncio.sleep(max(0, until_ms - wall_ms()) / 1000)
