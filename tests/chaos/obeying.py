"""What a node of the load does when it is told something, and what it keeps through a reset (WIRE: at most once).

Each command has a number of its own, so that everything can be counted: `lamp(7)` is done, `sulk(8)` refused.
"""

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from comatrix.codec.description import Description, Method, Setting, description_hash
from comatrix.codec.records import Command, Hello, Result, encode, read_answer_untrusted
from comatrix.errors import WireError
from comatrix.session.client import Client, Delivered

MOST = 1_000_000
LEVEL, LAMP, SULK = range(3)  # as the description numbers them
NUMBER = Setting("number", "", 0, MOST)
DESCRIBED = encode(Description([Setting("level", "", 0, MOST)], [Method("lamp", [NUMBER]), Method("sulk", [NUMBER])]))
DONE, REFUSED, NOT_AGAIN = 0, 1, 3  # of a result
MOST_QUESTIONS = 3  # in a row that brought nothing
POWER_FAILS = 0.05  # of executions: before it, and as often right after it


class PowerFailure(Exception):  # noqa: N818 - it is not the program's
    """The node is reset in the middle of it."""


@dataclass(slots=True)
class Deeds:
    """The world's account of all nodes, which no reset forgets: numbers of commands."""

    executed: Counter[int] = field(default_factory=Counter)
    refused: Counter[int] = field(default_factory=Counter)
    aired: set[int] = field(default_factory=set)  # what left the gateway, whether or not it came
    doubtful: int = 0  # resets in the middle of one

    def overhear(self, payload: bytes) -> None:
        """The plain text of an answer that left for a node."""
        try:
            item = read_answer_untrusted(payload).item
        except WireError:
            return
        if item is not None:
            self.aired.add(number_of(item))


def number_of(item: Command) -> int:
    """What this command is counted by; of a text its last word."""
    last = item.what.split()[-1] if isinstance(item.what, str) else item.arguments[0]
    assert isinstance(last, int | str)
    return int(last)


class Obeying:
    """One node's part. `executed_id` and `results` stand in its flash."""

    def __init__(self, deeds: Deeds, generator: random.Random) -> None:
        self._deeds = deeds
        self._random = generator
        self.executed_id = 0
        self.results: list[Result] = []
        self._greeted = self._describes = self._asks = False
        self._questions = 0

    def reset(self, *, forgets: bool) -> None:
        """Power off and on. `forgets`: flash was damaged."""
        if forgets:
            self.executed_id, self.results = 0, []
        self._greeted = self._describes = self._asks = False
        self._questions = 0

    @property
    def idle(self) -> bool:
        """Whether it has nothing to tell or to ask."""
        return self._greeted and not (self.results or self._describes or self._asks)

    def send(self, client: Client, now: int) -> bool:
        """Whether a request was begun: hello, then what it has to say, then the question what waits."""
        if not self._greeted:
            hello = Hello(description=description_hash(DESCRIBED), executed=self.executed_id)
            client.post("h", lambda _now: encode(hello), now)
        elif self._describes:
            client.post("d", lambda _now: DESCRIBED, now)
        elif self.results:
            body = encode(self.results[0])
            client.post("c", lambda _now: body, now)
        elif self._asks:
            self._asks = False
            self._questions += 1
            client.get("c", now)
        else:
            return False
        return True

    def delivered(self, event: Delivered, client: Client) -> None:
        """An authenticated answer to any request. Raises PowerFailure."""
        if event.path == "h":
            self._greeted = True
        elif event.path == "d":
            self._describes = False
        elif event.path == "c" and event.seq is not None:
            self.results.pop(0)
        try:
            answer = read_answer_untrusted(event.payload)
        except WireError:
            return
        asked = event.seq is None
        self._questions = 0 if answer.item is not None or not asked else self._questions
        self._asks = (answer.more or client.echo is not None) and self._questions < MOST_QUESTIONS
        self._describes = self._describes or answer.describe
        if answer.item is not None:
            self._told(answer.item)

    def _told(self, item: Command) -> None:
        if item.id <= self.executed_id:
            if item.id not in [one.id for one in self.results]:
                self.results.append(Result(item.id, NOT_AGAIN, self.executed_id))
            return
        self.executed_id = item.id
        self._power()
        result = Result(item.id, *self._executed(item))
        self._power()
        self.results.append(result)

    def _executed(self, item: Command) -> tuple[int, Any]:
        number = number_of(item)
        if item.what == SULK:
            self._deeds.refused[number] += 1
            return REFUSED, f"not {number}"
        self._deeds.executed[number] += 1
        return DONE, number if item.what == LEVEL else None

    def _power(self) -> None:
        if self._random.random() < POWER_FAILS:
            self._deeds.doubtful += 1
            raise PowerFailure
