"""A node's end of the LoRa link: readings and records in, frames out, until the gateway has all of it on disk.

Sans-IO: `now` in ms. What `datagrams_to_send` gives is to be transmitted at once, as `settings` says, after `kept` was
stored: what was not stored is lost at a reset, and what was stored without the seq its frame had may arrive twice.
"""

from comatrix_lora.errors import FrameError
from comatrix_lora.fragment_sender import DONE, GIVEN_UP
from comatrix_lora.frame import open_untrusted
from comatrix_lora.header import parse_untrusted
from comatrix_lora.ledger import ALARM, BULK, COMMAND, READING
from comatrix_lora.mac import LONGEST_ANSWER
from comatrix_lora.open_readings import OpenReadings
from comatrix_lora.open_records import OpenRecord, OpenRecords
from comatrix_lora.rekeying import Rekeying
from comatrix_lora.rules import Ack, Command, Feedback, Fragment, Rekey, decode_untrusted
from comatrix_lora.station_events import (
    Delivered,
    DescriptionWanted,
    Events,
    Item,
    Refused,
    Rekeyed,
    Reserve,
    Time,
)

_CLASSES = {"c": COMMAND, "h": COMMAND, "d": BULK}
_GAP_MS = 20  # between fragments that follow each other: the gateway's radio hands one over
_FORMAT = 1

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    from comatrix_lora.frame import Opened, Peer
    from comatrix_lora.incoming import Incoming
    from comatrix_lora.link_advice import Settings
    from comatrix_lora.mac import Mac, Random
    from comatrix_lora.open_readings import Offer
    from comatrix_lora.schema import Given, Schema

    class Counter(Protocol):
        """The node's one counter (comatrix.session.counter); reserved at most 32 at once."""

        next: int
        limit: int

        def ready(self) -> bool: ...

        def take(self) -> int: ...

        def wanted(self) -> int: ...

        def granted(self, limit: int) -> None: ...

        def skip_below(self, value: int) -> None: ...


class Station:
    """`interval_ms`: what is announced between readings. `jitter_ms`: a reading waits up to that, or up to
    the airtime of four frames if that is more, and all but an alarm does after sleep or a reset, so that nodes which
    wake together do not send together. `capacity`: of each kind of open readings. `ignored` and `malformed` count
    frames: of nobody, and that say nothing.

    `fresh`: there is no context to go on with (a first start, or the counter is lost). Nothing is sent under `peer`,
    whose `derive` makes the keys of Appendix B.2, before that has run. `random`: its random bytes, else the mac's."""

    def __init__(
        self,
        peer: "Peer",
        counter: "Counter",
        mac: "Mac",
        schemas: "dict[int, Schema]",
        interval_ms: int,
        jitter_ms: int = 500,
        transfer: int = 0,
        fresh: bool = False,
        random: "Random | None" = None,
        capacity: int = 128,
    ) -> None:
        self.peer = peer
        self.counter = counter
        self.mac = mac
        self.readings_open = OpenReadings(mac, schemas, interval_ms, capacity)
        self.records_open = OpenRecords(mac, transfer)
        self.ignored = 0
        self.malformed = 0
        self._jitter_ms = jitter_ms and max(jitter_ms, 4 * mac.ms(LONGEST_ANSWER))
        self._events = Events()
        self._rekeying = Rekeying(mac, random or mac.random, fresh, counter.next)
        self._incoming: "Incoming | None" = None  # while something comes in fragments
        self._storing = False  # the new context
        self._asking: "Any" = None  # who waits for an answer
        self._asked = -1  # the counter of that frame
        self._urgent = False  # whether that is an alarm
        self._reserving = False
        self._item = -1
        self._now = self._rested = 0

    @property
    def settings(self) -> "Settings":
        """`sf`, and `less_db` below the provisioned power: what to send and listen with now."""
        return self.mac.settings

    def readings(self, schema: int, values: "Given", at_ms: int, now: int, priority: int = READING) -> None:
        """A reading made at `at_ms`. Priority ALARM goes before others and is repeated until it is confirmed.

        Raises LoraError: no such schema, or a word it has not."""
        wait = self.mac.random(self._jitter_ms + 1) if priority != ALARM and now >= self._rested else 0
        self.readings_open.add(schema, values, at_ms, now + wait, priority)

    def record(self, resource: str, body: bytes, now: int, priority: "int | None" = None) -> None:
        """A record for a resource, as over UDP without a seq. Raises LoraError: too long, or too many are open."""
        if priority is None:
            priority = _CLASSES.get(resource, READING)
        self.records_open.add(OpenRecord(resource, body, priority, now))

    def reserved(self, limit: int, now: int) -> None:
        """The counter's `limit` is stored."""
        self.counter.granted(limit)
        self._reserving = False

    def rekeyed(self, now: int) -> None:
        """The bytes of the event Rekeyed are stored: `peer` may be used."""
        self._storing = False

    @property
    def idle(self) -> bool:
        """Whether nothing waits to be sent or confirmed."""
        return not self._offers() and not self._storing

    @property
    def whole(self) -> bool:
        """Whether nothing is sent or comes in fragments: their code is not needed now."""
        return self._incoming is None and not [one for one in self.records_open.open if one.transfer >= 0]

    def datagrams_to_send(self, now: int) -> "list[bytes]":
        """The frame to transmit now, if any."""
        self.handle_timer(now)
        for offer in self._in_order(self._offers()):
            priority, due, least, what = offer
            if due <= now and self._earliest(now, offer) <= now:
                if not self.counter.ready():
                    self._reserve()
                    return []
                sent = self._send(priority, what, max(self.mac.room(now, priority), least), now)
                if sent is not None:
                    return [sent]
        return []

    def _in_order(self, offers: "list[Offer]") -> "list[Offer]":
        """By priority, then by when it is due, then as they stand: MicroPython's sort alone does not keep that."""
        order = sorted([(offers[i][0], offers[i][1], i) for i in range(len(offers))])
        return [offers[place] for _, _, place in order]

    def _offers(self) -> "list[Offer]":
        if self._storing:
            return []
        keys = self._rekeying.offers(self.counter.next) if self.peer.derive is not None else []
        if self._rekeying.alone:
            return keys
        feedback = [] if self._incoming is None else self._incoming.offers()
        return keys + feedback + self.readings_open.offers() + self.records_open.offers()

    def _earliest(self, now: int, offer: "Offer") -> int:
        priority, due, least, _ = offer
        begin = max(now, due, self.mac.busy_until)
        if priority != ALARM or self._urgent:
            begin = max(begin, self.mac.listen_until, self._rested)
        return self.mac.earliest(begin, least, priority)

    def _reserve(self) -> None:
        if not self._reserving:
            self._reserving = True
            self._events.put(Reserve(self.counter.wanted()))

    def _send(self, priority: int, what: "Any", room: int, now: int) -> "bytes | None":
        made = self._made(what, room, now)
        if made is None:
            return None
        counter, data, asking = made
        fragment = isinstance(what, OpenRecord) and asking is None
        self._silence(now)  # an alarm cut a receive window short
        self.mac.send(now, len(data), not fragment and what is not self._incoming)
        if fragment:
            what.due = self.mac.busy_until + _GAP_MS
        self._asking, self._asked = asking, counter
        self._urgent = priority == ALARM
        return data

    def _made(self, what: "Any", room: int, now: int) -> "tuple[int, bytes, Any] | None":
        """(counter, frame, who waits for its answer) for an offer, or None where nothing is to be sent any more."""
        if isinstance(what, Rekeying):
            counter, data = what.frame(self.peer, self.counter, now)
            return counter, data, what
        incoming = self._incoming
        if incoming is not None and what is incoming:
            said = incoming.rule()
            if said is None:
                return None
            counter = self.counter.take()
            return counter, self.peer.seal_request(counter, said.encode()), None
        asking: "Any" = self.readings_open
        if isinstance(what, OpenRecord):
            asking = self.records_open
            for old in self.records_open.too_old(self.counter.next):
                self._events.put(Refused(old.resource, old.seq))
            if what not in self.records_open.open:
                return None
            made: "tuple[int, Any] | None" = self.records_open.frame(what, self.counter, now)
        else:
            made = self.readings_open.frame(what, self.counter, room, now)
        if made is None:
            return None
        counter, rule = made
        return counter, self.peer.seal_request(counter, rule.encode()), asking if rule.ack else None

    def transmitted(self, now: int) -> None:
        """The frame has just ended: needed only where the radio began later than it was told."""
        self.mac.transmitted(now)

    def listens(self, now: int) -> bool:
        """Whether the radio is to receive: always if awake, else in receive windows."""
        return self.mac.awake or self.mac.busy_until <= now < self.mac.listen_until

    def next_deadline(self) -> "int | None":
        """When `datagrams_to_send` has something to do, if nothing happens before."""
        times = [self.mac.listen_until] if self._asking is not None else []
        if not self._reserving:
            times += [self._earliest(self._now, offer) for offer in self._offers()]
        return min(times) if times else None

    def handle_timer(self, now: int) -> None:
        """Note a receive window that ended without an answer."""
        self._now = now
        if self._incoming is not None:
            self._incoming.handle_timer(now)
            if self._incoming.idle:
                self._incoming = None
        if now >= self.mac.listen_until:
            self._urgent = False
            self._silence(now)

    def _silence(self, now: int) -> None:
        if self._asking is not None:
            asking, self._asking = self._asking, None
            self.mac.settings.silent(now)
            asking.silent(now)

    def receive_datagram(self, data: bytes, now: int) -> None:
        """A frame from the air. What is not from the gateway changes nothing but a count."""
        self._now = max(now, self._now)
        try:
            header = parse_untrusted(data)
            if header.step:
                self._heard(self._rekeying.receive_untrusted(header, data, self.counter.next, now), now)
                return
            peer, opened = open_untrusted(data, self._peers_of)
        except FrameError:
            self.ignored += 1
            return
        try:
            rule = decode_untrusted(opened.plain)
            if peer is not self.peer:
                self._settled(peer, opened, rule, now)
                return
            if opened.request is None or not isinstance(rule, (Ack, Command, Feedback, Fragment, Rekey)):
                raise FrameError("not what a gateway says")
            item: "Any" = rule
            if isinstance(rule, Fragment):
                item = self._part_came(rule, opened.plain, now)
            self._answered(opened, item, now)
        except FrameError:
            self.malformed += 1

    def _part_came(self, part: Fragment, plain: bytes, now: int) -> "Command | None":
        if self._incoming is None:
            # Here, as a node has this code in memory only while it is needed (docs/decisions/0004).
            from comatrix_lora.incoming import Incoming

            self._incoming = Incoming()
        return self._incoming.receive_untrusted(part, plain, now)

    def _peers_of(self, number: int) -> "list[Peer]":
        if number != self.peer.node:
            return []
        candidate = self._rekeying.candidate
        return [self.peer] if candidate is None else [self.peer, candidate]

    def _settled(self, peer: "Peer", opened: "Opened", rule: "Any", now: int) -> None:
        """Response #2 of Appendix B.2: the gateway has the new context on its disk, and needs no other."""
        if opened.request is None or not isinstance(rule, Rekey) or rule.following is None:
            raise FrameError("not what a gateway says")
        self._heard(opened.request, now)
        self.peer = peer
        self._storing = True
        self.counter.skip_below(rule.following)
        self._rekeying.settled(self.counter.next)
        self._events.put(Rekeyed(peer.extra))

    def _heard(self, request: int, now: int) -> None:
        """An authentic answer to that request came."""
        self.mac.settings.answered()
        if request == self._asked:
            self._asking = None
            self._urgent = False
            self.mac.heard(now)

    def _answered(self, opened: "Opened", rule: "Any", now: int) -> None:
        request = opened.request
        assert request is not None
        newest = request == self.peer.sent
        self._rekeying.answered(self.counter.next)
        if rule is None or isinstance(rule, Command):
            self.mac.settings.answered()
            if rule is not None:
                self._item_came(rule)
            return
        self._heard(request, now)
        if not isinstance(rule, Rekey):  # that is a response #2 once more
            self._confirm(request, rule, now)
        if isinstance(rule, Ack):
            self._beside(rule, newest, now)

    def _beside(self, rule: Ack, newest: bool, now: int) -> None:
        """What an ACK carries with it."""
        if rule.advice is not None and newest:
            self.mac.settings.advised(rule.advice, now)
        if rule.time_s is not None and newest:
            self._events.put(Time(rule.time_s))
        if rule.describe:
            self._events.put(DescriptionWanted())
        if rule.command is not None:
            self._item_came(rule.command)

    def _confirm(self, request: int, rule: "Any", now: int) -> None:
        record = self.records_open.of_counter(request)
        if record is not None and record.transfer < 0:
            self.records_open.delivered(record)
            self._events.put(Delivered(record.resource, record.seq))
        elif record is not None:
            from comatrix_lora.fragment_format import decode_feedback_untrusted

            body = bytes((rule.base, rule.bitmap)) if isinstance(rule, Ack) else rule.body
            state = self.records_open.told(record, decode_feedback_untrusted(body), now)
            if state in (DONE, GIVEN_UP):
                told = Delivered if state == DONE else Refused
                self._events.put(told(record.resource, record.seq))
        elif isinstance(rule, Ack):
            for seq in self.readings_open.acked(request, rule.base, rule.bitmap, now):
                self._events.put(Delivered("r", seq))

    def _item_came(self, command: Command) -> None:
        # A copy of what was told is the gateway's impatience: the result is on its way, or being made.
        if command.id != self._item:
            self._item = command.id
            self._events.put(Item(command.id, command.what, command.arguments))

    def next_event(self) -> "Any":
        """The oldest event not taken yet (`station_events`), or None."""
        return self._events.take()

    def kept(self, now: int) -> "list[Any]":
        """All that must survive a reset or deep sleep: integers, bytes, texts and lists of them."""
        records = [self.records_open.kept(), self.records_open.transfer]
        link = [self.readings_open.learned(), self.mac.settings.kept(), list(self.peer.state())]
        return [_FORMAT, self.readings_open.kept(now)] + records + link + [self._rekeying.kept(now)]

    def restore(self, kept: "list[Any]", now: int, elapsed_ms: int = 0, slept: bool = False) -> None:
        """Into a new station, before anything else. `elapsed_ms`: what passed since `kept`, as far as one knows.

        `slept`: nothing was sent or heard since `kept`, so what was learned of the link goes on, too. Another version
        is left out: its readings and records are lost. The ledger's `dump` is the caller's."""
        if not kept or kept[0] != _FORMAT:
            return
        self.readings_open.restore(kept[1], now - elapsed_ms)
        self.records_open.restore(kept[2], now)
        # What was due while it slept would go at once: two nodes in step would send together at every waking.
        self._rested = now + self.mac.random(self._jitter_ms + 1)
        self.records_open.transfer = kept[3]
        # Seqs that stand there were used, also where the counter that gave them is lost.
        self.counter.skip_below(max([row[3] for row in kept[1] + kept[2]] + [-1]) + 1)
        if len(kept) > 7:
            self._rekeying.restore(kept[7], now - elapsed_ms, slept)
        if slept:
            self.readings_open.relearn(kept[4])
            self.mac.settings.restore(kept[5], now)
            self.peer.resume(tuple(kept[6]))
