"""Who observes `c` (RFC 7641): a node that stays awake is told of an item as soon as there is one.

One observation a node: the next registration takes its place, a fresh request of the node's alone moves it. In memory
only: after a restart the node registers again, at the latest when Max-Age is over. A notification never moves the
mailbox; what was lost comes again with the next registration, poll, or answer to a record.

Who registers confirmable, as every node of ours, is told so. Who registers non-confirmable is told so too, but for one
now and then by which its loss is noticed (section 4.5).
"""

from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from comatrix.codec import coap
from comatrix.codec.option_numbers import MAX_AGE, OBSERVE, uint_bytes
from comatrix.codec.records import Answer, Command
from comatrix.gateway.downlink import states
from comatrix.gateway.downlink.items import Item
from comatrix.gateway.errors import StoreError
from comatrix.gateway.model import SecureAddress
from comatrix.gateway.uplink.carrying import Mail
from comatrix.gateway.uplink.fresh_answers import FreshAnswers, Options
from comatrix.session.exchange import DONE, Exchange
from comatrix.session.server import Request, Server

DEFAULT_MAX_AGE_S = 60  # RFC 7252 section 5.10.5: left out, as it is what a client takes it to be
SEQUENCE = 1 << 24
CONFIRM_EVERY = 8  # of the notifications to one who registered non-confirmable
CONFIRM_AFTER_MS = 86_400_000  # and at least once in this time (RFC 7641 section 4.5)


@dataclass(slots=True)
class Observation:
    """`request` registered it. `count`: notifications of it so far; `last`: the newest of them. `asked_ms`: when its
    client was last to show that it is there."""

    request: Request
    enrolment: int
    max_age_s: int
    asked_ms: int
    count: int = 0
    last: Exchange | None = None


class Observers:
    """`stands(request, enrolment)`: whether its node is still heard, in these keys, and proven to be where it came
    from. `interval_s(node)`: how often a node wakes, as it said."""

    def __init__(
        self,
        server: Server,
        mail: Mail,
        fresh: FreshAnswers,
        *,
        stands: Callable[[Request, int], bool],
        interval_s: Callable[[int], int | None],
        monotonic_ms: Callable[[], int],
        flush: Callable[[], None],
        start: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self._server = server
        self._mail = mail
        self._fresh = fresh
        self._stands = stands
        self._interval_s = interval_s
        self._monotonic_ms = monotonic_ms
        self._flush = flush
        self._start = start
        self._of: dict[int, Observation] = {}
        self._carried: dict[int, int] = {}  # node -> id of the item it was handed last, until that is over

    def __len__(self) -> int:
        return len(self._of)

    def register(self, request: Request, enrolment: int) -> Options:
        """A request whose counter is on disk observes from now on -> what its answer says of that."""
        node = request.peer.node
        self.end(node)
        max_age_s = max(DEFAULT_MAX_AGE_S, self._interval_s(node) or 0)
        self._of[node] = Observation(request, enrolment, max_age_s, self._monotonic_ms())
        return self._options(self._of[node])

    def end(self, node: int) -> None:
        """The node observes no more."""
        self._silence(node)
        self._of.pop(node, None)

    def ended(self, addr: SecureAddress) -> None:
        """A DTLS association is no more, and with it what was observed through it."""
        observation = self._of.get(addr.node)
        if observation is not None and observation.request.incoming.addr == addr:
            self.end(addr.node)

    def _silence(self, node: int) -> None:
        """What it was told of is over (RFC 7641 section 4.5.2): that is not repeated."""
        observation = self._of.get(node)
        if observation is not None and observation.last is not None:
            self._server.give_up(observation.last, self._monotonic_ms())

    def carried(self, node: int, id: int) -> None:
        """An answer to the node carries this item."""
        self._carried[node] = id

    def changed(self, item: Item) -> None:
        """An item is queued, or its state is another. The next after a result rides in the answer to that."""
        node = item.new.node
        over = states.final(item.state)
        if over and item.id is not None and self._carried.get(node) == item.id:
            del self._carried[node]
            self._silence(node)
        if over and item.state in (states.CONFIRMED, states.REFUSED):
            return
        if node in self._of and node not in self._carried and self._mail.waits(node):
            self._start(self._tell(node))

    async def _tell(self, node: int) -> None:
        """Put what stands on air and send it, unless the observation ended meanwhile."""
        observation = self._living(node)
        if observation is None:
            return
        item = None
        with suppress(StoreError):  # it stays in the mailbox, for the next registration
            item = await self._mail.air(node)
        if item is not None and self._living(node) is observation:
            self._fresh.when_ready(observation.request.peer, lambda: self._notify(node, observation, item))

    def _living(self, node: int) -> Observation | None:
        """The observation; one whose node is gone, rejected a notification or was silent to one ends here."""
        observation = self._of.get(node)
        if observation is None:
            return None
        lost = observation.last is not None and observation.last.failed
        if lost or not self._stands(observation.request, observation.enrolment):
            self.end(node)
            return None
        return observation

    def _notify(self, node: int, observation: Observation, item: Command) -> None:
        if self._living(node) is not observation:
            return
        now = self._monotonic_ms()
        self._silence(node)
        observation.count = (observation.count + 1) % SEQUENCE
        self.carried(node, item.id)
        payload = Answer(item=item).encode()
        options = self._options(observation)
        confirmable = _is_to_confirm(observation, now)
        if confirmable:
            observation.asked_ms = now
        observation.last = self._server.notify(observation.request, coap.CONTENT, payload, now, options, confirmable)
        self._flush()

    @staticmethod
    def _options(observation: Observation) -> Options:
        # Under OSCORE the counter orders them, and the option stays empty (RFC 8613 section 4.1.3.5.2).
        plain = observation.request.peer.context is None
        options = [(OBSERVE, uint_bytes(observation.count) if plain else b"")]
        if observation.max_age_s != DEFAULT_MAX_AGE_S:
            options.append((MAX_AGE, uint_bytes(observation.max_age_s)))
        return options


def _is_to_confirm(observation: Observation, now: int) -> bool:
    last = observation.last
    unanswered = last is not None and last.type == coap.CON and last.state != DONE
    return (
        observation.request.incoming.message.type == coap.CON
        or unanswered
        or observation.count % CONFIRM_EVERY == 0
        or now - observation.asked_ms >= CONFIRM_AFTER_MS
    )
