"""Answers under counters of the gateway's own (docs/reference/wire.md, section Nonces): reserved on disk before use."""

from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any

from comatrix.gateway.errors import StoreError
from comatrix.session.server import Peer, Repeated, Request, Server

Options = list[tuple[int, bytes]]
Step = Callable[[], None]


def _nothing() -> None:
    pass


class FreshAnswers:
    """`reserve(context, reserved)` syncs or raises StoreError; `hears(node)`: whether it is still to be answered."""

    def __init__(
        self,
        server: Server,
        reserve: Callable[[int, int], Awaitable[None]],
        hears: Callable[[int], bool],
        *,
        monotonic_ms: Callable[[], int],
        flush: Callable[[], None],
        start: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self._server = server
        self._reserve = reserve
        self._hears = hears
        self._monotonic_ms = monotonic_ms
        self._flush = flush
        self._start = start
        self._waiting: dict[int, list[tuple[Step, Step]]] = {}

    def send(self, request: Request | Repeated, code: int, payload: bytes, options: Options | None = None) -> None:
        """Answer, after more counters are reserved where none is left. Without any, nothing: the node asks again."""
        self.when_ready(
            request.peer,
            partial(self._answer, request, code, payload, options or []),
            partial(self._server.ignore, request.incoming),
        )

    def when_ready(self, peer: Peer, step: Step, unheard: Step = _nothing) -> None:
        """Take a `step` that needs one counter, now or once more are reserved. Without any: never.

        `unheard` in its place: a person said meanwhile that the node is not to be answered.
        """
        counter = peer.counter
        if counter is None or counter.ready():
            step()
            return
        waiting = self._waiting.setdefault(peer.key, [])
        if len(waiting) >= counter.step:
            return  # more than one reservation gives: the node asks again
        waiting.append((step, unheard))
        if len(waiting) == 1:
            self._start(self._reserve_for(peer))

    async def _reserve_for(self, peer: Peer) -> None:
        counter = peer.counter
        assert counter is not None
        wanted = counter.wanted()
        try:
            await self._reserve(peer.key, wanted)
        except StoreError:
            del self._waiting[peer.key]  # no counter, no answer: the nodes ask again
            return
        counter.granted(wanted)
        for step, unheard in self._waiting.pop(peer.key):
            if self._hears(peer.node):
                step()
            else:
                unheard()  # what it carries is not for that node any more

    def _answer(self, request: Request | Repeated, code: int, payload: bytes, options: Options) -> None:
        self._server.answer_fresh(request, code, payload, self._monotonic_ms(), options)
        self._flush()
