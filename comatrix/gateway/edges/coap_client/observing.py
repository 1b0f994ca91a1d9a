"""An observation (RFC 7641): registered, told, registered again when Max-Age passed, cancelled."""

from collections.abc import Iterator
from contextlib import suppress

from comatrix.codec import coap
from comatrix.codec.option_numbers import ECHO, MAX_AGE, OBSERVE, uint, uint_bytes
from comatrix.gateway.edges.coap_client.errors import BrokenAnswerError, NoAnswer
from comatrix.gateway.edges.coap_client.requests import Asking
from comatrix.gateway.edges.coap_client.security import Opened, Options, Sealed

DEFAULT_MAX_AGE_S = 60  # RFC 7252 section 5.10.5
LATEST_MS = 128_000  # after so long a smaller number is newer again (RFC 7641 section 3.4)
GRACE_MS = 5_000  # beyond Max-Age, so that a notification may be a little late
MOST_WAITING = 64


class Observation:
    """Of one resource. `answers` yields what is told until it ends, or `cancel` is called."""

    def __init__(self, asking: Asking, options: Options, grace_ms: int = GRACE_MS) -> None:
        self._asking = asking
        self._grace_ms = grace_ms
        self._options = options
        self._token = asking.peer.token()
        self._sealed: Sealed | None = None
        self._newest: tuple[int, int] = (-1, 0)  # (number, when)
        self._waiting: list[Opened] = []
        self._registering = False  # what comes then is its answer
        self.stands = False
        self.again = 0  # when to register anew

    def answers(self, until: int) -> Iterator[Opened]:
        """The first answer and each notification. Raises NoAnswer, BrokenAnswerError, OSError."""
        self._asking.peer.notified = self._notified
        yield from self._register()
        while self.stands and self._asking.peer.now() < until:
            if self._waiting:
                told = self._waiting.pop(0)
                self._took(told)
                yield self._asking.complete(self._options, told)
            elif self._asking.peer.now() >= self.again:
                yield from self._register()
            else:
                self._asking.peer.wait(min(until, self.again))

    def cancel(self) -> None:
        """Says that it is over (section 3.6); silence is an answer to that."""
        if self.stands:
            self.stands = False
            self._asking.peer.notified = lambda message: False
            with suppress(NoAnswer, BrokenAnswerError, OSError):
                self._asking.exchange(coap.GET, [*self._options, (OBSERVE, uint_bytes(1))], token=self._token)

    def _register(self) -> Iterator[Opened]:
        """Under the same token, so that it stays one observation."""
        options = [*self._options, (OBSERVE, b"")]
        self._registering = True
        self._sealed, answer = self._asking.once(coap.GET, options, b"", self._token)
        echo = answer.first(ECHO)
        if answer.code == coap.UNAUTHORIZED and echo is not None:
            self._sealed, answer = self._asking.once(coap.GET, [*options, (ECHO, echo)], b"", self._token)
        self._registering = False
        self._newest = (-1, 0)
        self._took(answer)
        if (number := _number(answer)) is not None:
            self._newest = number, self._asking.peer.now()
        yield self._asking.complete(self._options, answer)

    def _took(self, answer: Opened) -> None:
        max_age = answer.first(MAX_AGE)
        age_s = DEFAULT_MAX_AGE_S if max_age is None else uint(max_age)
        self.again = self._asking.peer.now() + age_s * 1000 + self._grace_ms
        self.stands = answer.code >> 5 == 2 and answer.first(OBSERVE) is not None

    def _notified(self, message: coap.Message) -> bool:
        """Whether it is one of ours; older ones than the newest are acknowledged and left out."""
        if not self.stands or self._registering or self._sealed is None or message.token != self._token:
            return False
        try:
            told = self._sealed.open_untrusted(message)
        except BrokenAnswerError:
            return False
        number, now = _number(told), self._asking.peer.now()
        if number is not None:
            if not _newer(number, now, self._newest, protected=told.order is not None):
                return True
            self._newest = number, now
        del self._waiting[: max(0, len(self._waiting) - MOST_WAITING + 1)]
        self._waiting.append(told)
        return True


def _number(answer: Opened) -> int | None:
    observe = answer.first(OBSERVE)
    return answer.order if answer.order is not None else None if observe is None else uint(observe)


def _newer(number: int, now: int, newest: tuple[int, int], *, protected: bool) -> bool:
    """RFC 7641 section 3.4; under OSCORE the counter alone tells (RFC 8613 section 7.4.1)."""
    before, when = newest
    if protected or before < 0:
        return number > before
    ahead = (number - before) % (1 << 24)
    return 0 < ahead < 1 << 23 or now > when + LATEST_MS
