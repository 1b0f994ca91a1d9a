"""A gateway's end of the LoRa link: frames of many nodes in, records out, answers only for what is on disk.

Sans-IO: `now` in ms. The caller stores what `receive_datagram` tells, then says `committed`; only that makes an answer.
It goes under its request's nonce, once; what was not committed is never answered, nor what was heard before a restart.
"""

import hashlib

from comatrix_lora.errors import FrameError
from comatrix_lora.fragment_format import encode_feedback
from comatrix_lora.fragment_receiver import Limits
from comatrix_lora.frame import TAG, open_untrusted
from comatrix_lora.hub_events import Heard, Posted, Reception, Record
from comatrix_lora.hub_node import HubNode, Offered
from comatrix_lora.ledger import ACK, COMMAND
from comatrix_lora.link_advice import advise
from comatrix_lora.mac import TURNAROUND_MS
from comatrix_lora.rules import Ack, Feedback
from comatrix_lora.rules import Command as CommandRule
from comatrix_lora.station_events import Reserve

MOST_RECENT = 64  # frames remembered for the other radios
RECENT_MS = 5000
MOST_ANSWERS = 64
MOST_NODES = 4096  # whose memory is held; of the one quiet for longest it is made anew from the store
MOST_HELD = 8 * 1024 * 1024  # bytes of open transfers, all nodes together
_RESULT = 24  # bytes of a result's frame, about
_LONG_OWN = 9  # bytes of a long header with the request's byte, and the rule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from comatrix_lora.frame import Peer
    from comatrix_lora.hub_node import Profile
    from comatrix_lora.mac import Mac
    from comatrix_lora.station import Counter


class _Answer:
    """Waits for its time; sealed when it leaves."""

    def __init__(self, heard: Heard, rule: "Any", due: int, until: int) -> None:
        self.heard = heard
        self.rule = rule
        self.due = due
        self.until = until


class Hub:
    """`peers_of(number)`: a node's contexts in the order to try them. `profile_of(number)`: what the store has of it.
    `radios`: each with a Mac, `awake`. `counter_of(number)`: the gateway's own counter under that node's context.
    `ignored`: frames of nobody; `late`: answers that could not leave in time."""

    def __init__(
        self,
        peers_of: "Callable[[int], Iterable[Peer]]",
        profile_of: "Callable[[int], Profile]",
        radios: "dict[str, Mac]",
        counter_of: "Callable[[int], Counter]",
        limits: "Limits | None" = None,
        advises: bool = False,
    ) -> None:
        self.radios = radios
        self.ignored = 0
        self.late = 0
        self._peers_of = peers_of
        self._profile_of = profile_of
        self._counter_of = counter_of
        self._limits = limits or Limits()
        self._advises = advises
        self._nodes: "dict[int, HubNode]" = {}
        self._active: "dict[int, HubNode]" = {}  # those with a deadline
        self._recent: "list[Heard]" = []
        self._answers: "list[_Answer]" = []
        self._reserving: "list[int]" = []
        self._events: "list[Any]" = []

    def receive_datagram(self, data: bytes, rssi_dbm: int, snr_db: int, radio: str, now: int) -> "list[Any]":
        """A frame -> [Heard], or [Reception] where another radio had heard it, or nothing."""
        digest = hashlib.sha256(data).digest()[:8]
        reception = Reception(radio, rssi_dbm, snr_db)
        known = self._known(digest, now)
        if known is not None:
            return self._again(known, reception)
        try:
            peer, opened = open_untrusted(data, self._peers_of)
        except FrameError:
            self.ignored += 1
            return []
        if opened.counter is None or opened.request is not None:
            self.ignored += 1
            return []
        heard = Heard(peer, opened.counter, digest, now, reception)
        node = self._node(heard.node, now)
        node.level(radio, self.radios[radio].channel.sf, snr_db)
        node.read_untrusted(heard, opened.plain, self.radios[radio].ms(len(data)), now)
        self._active[heard.node] = node
        self._recent = self._recent[1 - MOST_RECENT :] + [heard]
        self._bound()
        return [heard]

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
        if heard.problem is not None or (heard.transfer >= 0 and not heard.ack_wanted):
            return False
        item = item if item is not None and self._fits(heard, item) else None
        rule = self._answer(node, heard, item, time_s, describe or heard.describe)
        if rule is None or heard.counter not in heard.peer.answerable:
            return False
        mac = self.radios[heard.best.radio]
        self._answers = [one for one in self._answers if one.heard.node != heard.node][1 - MOST_ANSWERS :]
        self._answers.append(_Answer(heard, rule, heard.heard_ms + TURNAROUND_MS, heard.heard_ms + mac.answer_ms))
        return item is not None and not isinstance(rule, Feedback)

    def renew(self, number: int) -> None:
        """What the store has of it changed: its schemas, its interval."""
        node = self._nodes.get(number)
        if node is not None:
            node.renew(self._profile_of(number))

    def failed(self, heard: Heard) -> None:
        """`heard` could not be stored: no answer, and the node will send it again."""
        self._nodes[heard.node].failed(heard)

    def _fits(self, heard: Heard, item: CommandRule) -> bool:
        return _LONG_OWN + len(item.encode()) + 6 + TAG <= self.radios[heard.best.radio].limit(ACK)

    def _answer(
        self, node: HubNode, heard: Heard, item: "CommandRule | None", time_s: "int | None", describe: bool
    ) -> "Any":
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
        committed. It is bound to the newest request heard; one takes the place of another."""
        node = self._node(number, now)
        node.offered = Offered(command, now)
        self._active[number] = node

    def withdraw(self, number: int) -> None:
        """What was offered has its result, or waits no more."""
        node = self._nodes.get(number)
        if node is not None:
            node.offered = None

    def reserved(self, number: int, limit: int) -> None:
        """The gateway's own counter of that node is stored up to `limit`."""
        self._counter_of(number).granted(limit)
        self._reserving = [one for one in self._reserving if one != number]

    def next_event(self) -> "Any":
        """(number, Reserve) of a node's counter, or None: store its limit, then call `reserved`."""
        return self._events.pop(0) if self._events else None

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
        sent = self._send_answers(now)
        for number in sorted(self._active):
            node = self._active[number]
            if node.offered is not None and node.offered.due <= now:
                made = self._send_offer(number, node, node.offered, now)
                sent += [made] if made is not None else []
        return sent

    def _send_answers(self, now: int) -> "list[tuple[str, bytes]]":
        sent, kept = [], []
        for one in self._answers:
            if now > one.until:
                self.late += 1
                continue
            name = one.heard.best.radio
            mac = self.radios[name]
            plain = one.rule.encode()
            if one.due > now or mac.earliest(now, _LONG_OWN + len(plain) + TAG, ACK) > now:
                kept.append(one)
                continue
            data = one.heard.peer.seal_response(one.heard.counter, plain)
            mac.send(now, len(data))
            sent.append((name, data))
        self._answers = kept
        return sent

    def _send_offer(self, number: int, node: HubNode, offered: Offered, now: int) -> "tuple[str, bytes] | None":
        peer, name = self._way(number, node)
        counter = self._counter_of(number)
        mac = self.radios[name]
        plain = offered.command.encode()
        size = _LONG_OWN + len(plain) + TAG
        if peer is None or mac.earliest(now, size, COMMAND) > now:
            return None
        if not counter.ready():
            if number not in self._reserving:
                self._reserving.append(number)
                self._events.append((number, Reserve(counter.wanted())))
            return None
        data = peer.seal_response(peer.window.highest, plain, counter.take())
        mac.send(now, len(data))
        wait = TURNAROUND_MS + mac.ms(len(data)) + mac.ms(_RESULT)
        offered.due = now + wait + mac.pause(offered.attempts, len(data))
        offered.attempts += 1
        return name, data

    def _way(self, number: int, node: HubNode) -> "tuple[Peer | None, str]":
        """The context that was heard, and the radio that heard it last."""
        for peer in self._peers_of(number):
            if peer.window.highest >= 0:
                return peer, node.radio or sorted(self.radios)[0]
        return None, sorted(self.radios)[0]

    def next_deadline(self, now: int) -> "int | None":
        """When `posted` or `datagrams_to_send` has something to do, if nothing happens before."""
        times = [max(one.due, self._free(one.heard.best.radio, one, now)) for one in self._answers]
        for number in self._active:
            node = self._active[number]
            due = node.next_deadline()
            times += [due] if due is not None else []
            if node.offered is not None and number not in self._reserving:
                peer, name = self._way(number, node)
                if peer is not None:
                    size = _LONG_OWN + len(node.offered.command.encode()) + TAG
                    times.append(max(node.offered.due, self.radios[name].earliest(now, size, COMMAND)))
        return min(times) if times else None

    def _free(self, radio: str, answer: _Answer, now: int) -> int:
        size = _LONG_OWN + len(answer.rule.encode()) + TAG
        return min(self.radios[radio].earliest(now, size, ACK), answer.until + 1)

    def handle_timer(self, now: int) -> None:
        """Drop transfers that are idle; forget which nodes are at rest."""
        for number in list(self._active):
            node = self._active[number]
            node.receiver.handle_timer(now)
            if node.offered is None and node.next_deadline() is None:
                self._active.pop(number)
