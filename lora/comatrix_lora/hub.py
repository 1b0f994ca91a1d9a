"""A gateway's end of the LoRa link: frames of many nodes in, records out, answers only for what is on disk.

Sans-IO: `now` in ms. The caller stores what `receive_datagram` tells, then says `committed`; only that makes an answer.
It goes under its request's nonce, once; what was not committed is never answered, nor what was heard before a restart.
"""

import hashlib

from comatrix_lora.errors import FrameError
from comatrix_lora.fragment_format import encode_feedback
from comatrix_lora.fragment_receiver import Limits
from comatrix_lora.frame import TAG, open_untrusted
from comatrix_lora.header import parse_untrusted
from comatrix_lora.hub_answers import LONG_OWN, Answers
from comatrix_lora.hub_events import Heard, Posted, Reception, Record
from comatrix_lora.hub_items import Items
from comatrix_lora.hub_node import HubNode
from comatrix_lora.hub_rekeying import Rekeyings
from comatrix_lora.ledger import ACK, COMMAND
from comatrix_lora.link_advice import advise
from comatrix_lora.offered import Offered
from comatrix_lora.rules import Ack, Feedback, Rekey
from comatrix_lora.rules import Command as CommandRule

MOST_RECENT = 64  # frames remembered for the other radios
RECENT_MS = 5000
LATELY = 64  # counters between what was heard last and a request #1
MOST_NODES = 4096  # whose memory is held; of the one quiet for longest it is made anew from the store
MOST_HELD = 8 * 1024 * 1024  # bytes of open transfers, all nodes together

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from comatrix_lora.frame import Opened, Peer
    from comatrix_lora.hub_node import Profile
    from comatrix_lora.mac import Mac, Random
    from comatrix_lora.station import Counter


class Hub:
    """`peers_of(number)`: a node's contexts in the order to try them. `profile_of(number)`: what the store has of it.
    `radios`: each with a Mac, `awake`. `counter_of(number)`: the gateway's own counter under that node's context.
    `random`: for R2 of Appendix B.2; None: no node makes new keys. `ignored`: frames of nobody.

    A peer of `peers_of` that is `lost` (a restored copy) hears nothing but the wish for new keys. After a Heard that is
    `rekeyed`, `peers_of` gives its peer, and `counter_of` the counter of that context, before `committed` is called."""

    def __init__(
        self,
        peers_of: "Callable[[int], Iterable[Peer]]",
        profile_of: "Callable[[int], Profile]",
        radios: "dict[str, Mac]",
        counter_of: "Callable[[int], Counter]",
        limits: "Limits | None" = None,
        advises: bool = False,
        random: "Random | None" = None,
    ) -> None:
        self.radios = radios
        self.ignored = 0
        self._peers_of = peers_of
        self._profile_of = profile_of
        self._limits = limits or Limits()
        self._advises = advises
        self._nodes: "dict[int, HubNode]" = {}
        self._active: "dict[int, HubNode]" = {}  # those with a deadline
        self._recent: "list[Heard]" = []
        self._answers = Answers(radios)
        self._items = Items(peers_of, counter_of, radios)
        self._rekeyings = Rekeyings(random)

    @property
    def late(self) -> int:
        """Answers that could not leave in time."""
        return self._answers.late

    @property
    def answers_waiting(self) -> int:
        """Answers that have not left yet."""
        return len(self._answers)

    def receive_datagram(self, data: bytes, rssi_dbm: int, snr_db: int, radio: str, now: int) -> "list[Any]":
        """A frame -> [Heard], or [Reception] where another radio had heard it, or nothing."""
        digest = hashlib.sha256(data).digest()[:8]
        reception = Reception(radio, rssi_dbm, snr_db)
        known = self._known(digest, now)
        if known is not None:
            return self._again(known, reception)
        try:
            heard, plain = self._opened_untrusted(data, digest, reception, now)
        except FrameError:
            self.ignored += 1
            return []
        self._recent = self._recent[1 - MOST_RECENT :] + [heard]
        if heard.second:
            self._answers.add_offer(heard)
            return []
        node = self._node(heard.node, now)
        node.level(radio, self.radios[radio].channel.sf, snr_db)
        node.read_untrusted(heard, plain, self.radios[radio].ms(len(data)), now)
        self._active[heard.node] = node
        self._bound()
        return [heard]

    def _opened_untrusted(self, data: bytes, digest: bytes, reception: Reception, now: int) -> "tuple[Heard, bytes]":
        """Who sent it, and its content. Raises FrameError."""
        header = parse_untrusted(data)
        if not header.step:
            peer, opened = open_untrusted(data, self._peers_of)
            return _heard_untrusted(peer, opened, digest, reception, now), opened.plain
        peers = list(self._peers_of(header.node))
        if header.step == 1:
            answering, counter, second = self._rekeyings.offer_untrusted(header, data, peers, now)
            heard = Heard(answering, counter, digest, now, reception)
            heard.second = second
            heard.current = any(_current(one, counter) for one in peers)
            return heard, b""
        peer, opened, new = self._rekeyings.accept_untrusted(header, data, peers, now)
        heard = _heard_untrusted(peer, opened, digest, reception, now)
        if new:
            heard.rekeyed = peer.extra
            heard.above = max([-1] + [one.window.highest for one in peers])
        return heard, opened.plain

    def _known(self, digest: bytes, now: int) -> "Heard | None":
        for one in self._recent:
            if one.digest == digest and now - one.heard_ms < RECENT_MS:
                return one
        return None

    def _again(self, heard: Heard, reception: Reception) -> "list[Any]":
        if any(one.radio == reception.radio for one in heard.receptions):
            self.ignored += 1  # the same radio twice: a replay
            return []
        heard.receptions.append(reception)
        if heard.second:
            return []  # it was not told either
        reception.heard = heard
        node = self._nodes.get(heard.node)
        if node is not None and heard.best is reception:
            node.radio = reception.radio
        return [reception]

    def _node(self, number: int, now: int) -> HubNode:
        node = self._nodes.get(number)
        if node is None:
            node = HubNode(self._profile_of(number), self._limits)
            self._nodes[number] = node
        node.touched = now
        return node

    def _bound(self) -> None:
        """Let the node that was quiet for longest go, and the transfers of such nodes."""
        while len(self._nodes) > MOST_NODES:
            quiet = min(self._nodes, key=lambda number: self._nodes[number].touched)
            self._nodes.pop(quiet)
            self._active.pop(quiet, None)
        held = sum([node.receiver.held for node in self._active.values()])
        if held > MOST_HELD:
            holders = [node for node in self._active.values() if node.receiver.held]
            min(holders, key=lambda node: node.touched).drop_transfers(self._limits)

    def committed(
        self,
        heard: Heard,
        now: int,
        item: "CommandRule | None" = None,
        time_s: "int | None" = None,
        describe: bool = False,
    ) -> bool:
        """`heard` is on disk, and its `records` are those the store had not: now it may be answered.

        Whether `item`, the command that waits, goes with the answer. A frame that asked is always answered; another one
        only to bring an item."""
        node = self._node(heard.node, now)
        node.commit(heard, now)
        self._active[heard.node] = node
        if heard.rekeyed is not None:
            self._rekeyings.settled(heard.node)
            self._items.rekeyed(heard.node)
        if heard.feedback is not None and node.offered is not None:
            node.offered.told(heard.feedback, now, self.radios[heard.best.radio])
        if heard.problem is not None or (heard.transfer >= 0 and not heard.ack_wanted):
            return False
        item = item if item is not None and self._fits(heard, item) else None
        rule = self._answer(node, heard, item, time_s, describe or heard.describe)
        if rule is None or heard.counter not in heard.peer.answerable:
            return False
        self._answers.add(heard, rule)
        return item is not None and not isinstance(rule, (Feedback, Rekey))

    def renew(self, number: int) -> None:
        """What the store has of it changed: its schemas, its interval."""
        node = self._nodes.get(number)
        if node is not None:
            node.renew(self._profile_of(number))

    def failed(self, heard: Heard) -> None:
        """`heard` could not be stored: no answer, and the node will send it again."""
        if heard.rekeyed is not None:
            self._rekeyings.abandoned(heard.node)
        if heard.node in self._nodes:
            self._nodes[heard.node].failed(heard)

    def reaches_sleeping(self, item: CommandRule) -> bool:
        """Whether it fits an answer: nodes that sleep get no fragments, so a longer one never reaches them."""
        limit = min([mac.limit(ACK) for mac in self.radios.values()])
        return LONG_OWN + len(item.encode()) + 6 + TAG <= limit

    def _fits(self, heard: Heard, item: CommandRule) -> bool:
        return LONG_OWN + len(item.encode()) + 6 + TAG <= self.radios[heard.best.radio].limit(ACK)

    def _answer(
        self, node: HubNode, heard: Heard, item: "CommandRule | None", time_s: "int | None", describe: bool
    ) -> "Any":
        if isinstance(heard.rule, Rekey):
            return Rekey(node.highest + 1)
        if not heard.ack_wanted:
            return item
        advice = self._advice(node, heard)
        if heard.transfer < 0:
            base, bitmap = node.ack(heard)
            return Ack(base, bitmap, time_s, item, describe, advice)
        feedback = node.feedback(heard)
        if feedback is None:
            return None
        body = encode_feedback(feedback)
        if len(body) > 2:
            return Feedback(body)
        return Ack(body[0], body[1], time_s, item, describe)

    def _advice(self, node: HubNode, heard: Heard) -> "int | None":
        if not self._advises:
            return None
        sfs = [mac.channel.sf for mac in self.radios.values()]
        advice = advise(node.snrs, self.radios[heard.best.radio].channel.sf, node.less_db, sfs)
        if advice is None or advice == node.advice:
            return node.advice or None
        node.advised(advice)
        return advice

    def offer(self, number: int, command: CommandRule, now: int) -> None:
        """A command for a node that listens always: it goes now, and again until `withdraw` says that its result is
        committed. It is bound to the newest request heard; one takes the place of another. What is longer than a frame
        goes in fragments, from where the same one stood. Raises LoraError, with the reason: too long."""
        node = self._node(number, now)
        self.check(command)
        offered = Offered(command, now)
        if node.offered is not None and node.offered.command == command:
            offered.go_on(node.offered)
        node.offered = offered
        self._active[number] = node

    def check(self, command: CommandRule) -> None:
        """Raises LoraError, with the reason, where it cannot be offered: too long."""
        Offered(command, 0).check(min([mac.limit(COMMAND) for mac in self.radios.values()]))

    def withdraw(self, number: int) -> None:
        """What was offered has its result, or waits no more."""
        node = self._nodes.get(number)
        if node is not None:
            node.offered = None

    def reserved(self, number: int, limit: int, peer: "Peer | None" = None) -> None:
        """The gateway's own counter of that node is stored up to `limit`, in the row of that context (`Reserve.peer`):
        said of one that is gone it changes nothing."""
        self._items.reserved(number, limit, peer)

    def next_event(self) -> "Any":
        """(number, Reserve) of a node's counter, or None: store its limit, then call `reserved`."""
        return self._items.next_event()

    def posted(self, now: int) -> "list[Posted]":
        """Committed readings that are to go on, each node's in order but for the late ones."""
        found = []
        for number in sorted(self._active):
            for seq, record, late in self._active[number].received.deliverable(now):
                if isinstance(record, Record):
                    found.append(Posted(number, seq, record, late))
        return found

    def datagrams_to_send(self, now: int) -> "list[tuple[str, bytes]]":
        """(radio, frame) to transmit now, one a radio at most."""
        self.handle_timer(now)
        sent = self._answers.datagrams_to_send(now)
        for number in sorted(self._active):
            made = self._items.send(number, self._active[number], now)
            sent += [made] if made is not None else []
        return sent

    def next_deadline(self, now: int) -> "int | None":
        """When `posted` or `datagrams_to_send` has something to do, if nothing happens before."""
        times = self._answers.deadlines(now)
        for number in self._active:
            node = self._active[number]
            for due in (node.next_deadline(), self._items.deadline(number, node, now)):
                times += [due] if due is not None else []
        return min(times) if times else None

    def handle_timer(self, now: int) -> None:
        """Drop transfers that are idle; forget which nodes are at rest."""
        for number in list(self._active):
            if self._active[number].at_rest(now):
                self._active.pop(number)


def _current(peer: "Peer", counter: int) -> bool:
    """Whether frames under this context came until a moment ago, as a node's one counter tells. One that was heard
    long ago says nothing: the database may be a copy from before the node's newest keys, and not know it."""
    return not peer.lost and 0 <= peer.window.highest < counter <= peer.window.highest + LATELY


def _heard_untrusted(peer: "Peer", opened: "Opened", digest: bytes, reception: Reception, now: int) -> Heard:
    """Raises FrameError: a response."""
    if opened.counter is None or opened.request is not None:
        raise FrameError("not a request")
    return Heard(peer, opened.counter, digest, now, reception)
