"""Tells rooms of nodes that are silent, once, and when they are back."""

import sqlite3
from collections.abc import Callable

from comatrix.gateway.desk.announcing import announce
from comatrix.gateway.desk.sitting import House
from comatrix.gateway.edges.store import alarm_events, nodes, records
from comatrix.gateway.edges.store.store import Store
from comatrix.gateway.uplink import alarm_events as wording
from comatrix.gateway.uplink.presence import Change, Presence, Watched

LOOK_EVERY_MS = 5_000  # it is not asked with every reading
# All is read from the database: not more often than one of these, and seldom while nobody can be silent yet. Whom it
# finds new has an interval from then on, and a pause longer than `presence.JUMP_MS` would be taken for a jump.
LOOK_AT_ALL_EVERY_MS, LOOK_AT_LEAST_EVERY_MS = 30_000, 90_000
UNWATCHED = "nobody waits for it any more"  # it is blocked or revoked, or rooms are not told of silence
NEVER = -1
NOTHING = Change({}, {})


class Silence:
    """`change` says what changed, `tell` is the job that writes it down. `seen(node)`: as the running gateway knows.
    `on`: whether rooms are told at all."""

    def __init__(
        self, store: Store, house: House, now_ms: Callable[[], int], seen: Callable[[int], int | None], *, on: bool
    ) -> None:
        self._store = store
        self._house = house
        self._now_ms = now_ms
        self._seen = seen
        self._on = on
        self._presence = Presence()
        self._recorded: dict[int, int] | None = None  # node -> when its last record came, as of the start
        self._looked_ms: int | None = None
        self._looked_at_all_ms: int | None = None
        self._due_ms: int | None = None  # nobody of those found then is silent until then

    def change(self) -> Change:
        """Empty where it was asked a moment ago. Raises StoreError."""
        now_ms = self._now_ms()
        if not self._on or (self._looked_ms is not None and 0 <= now_ms - self._looked_ms < LOOK_EVERY_MS):
            return NOTHING
        self._looked_ms = now_ms
        silent = self._store.read(alarm_events.silent)
        if not (self._all_due(now_ms) or any((self._seen(node) or NEVER) > silent[node] for node in silent)):
            return NOTHING
        watched = self._watched()
        self._looked_at_all_ms = now_ms
        self._due_ms = self._presence.due_ms(watched, silent)
        return self._presence.look(now_ms, watched, silent)

    def _all_due(self, now_ms: int) -> bool:
        looked_ms = self._looked_at_all_ms
        if looked_ms is None or not 0 <= now_ms - looked_ms < LOOK_AT_LEAST_EVERY_MS:
            return True
        return now_ms - looked_ms >= LOOK_AT_ALL_EVERY_MS and self._due_ms is not None and now_ms > self._due_ms

    def tell(self, connection: sqlite3.Connection, change: Change) -> int:
        """-> how many events were sealed."""
        watched, silent = alarm_events.watched(connection), alarm_events.silent(connection)
        intervals_ms = {node: watched.get(node, (0, None))[0] for node in change.silent if node not in silent}
        told = [self._fell(connection, node, intervals_ms[node], change.silent[node]) for node in intervals_ms]
        for node, last_ms in change.back.items():
            self._came_back(connection, node, last_ms)
        return sum(told)

    def given_up(self, connection: sqlite3.Connection) -> list[int]:
        """Silent nodes nobody waits for any more."""
        return alarm_events.unwatched(connection) if self._on else list(alarm_events.silent(connection))

    def give_up(self, connection: sqlite3.Connection) -> None:
        """What was told of those ends."""
        for node in self.given_up(connection):
            event = alarm_events.came_back(connection, node)
            if event is not None:
                alarm_events.end(connection, event, UNWATCHED)

    def _watched(self) -> dict[int, Watched]:
        if self._recorded is None:
            self._recorded = self._store.read(records.last_ms)
        found, recorded, seen = {}, self._recorded, self._seen
        for node, (interval_ms, stored_ms) in self._store.read(alarm_events.watched).items():
            last_ms = max(stored_ms or NEVER, recorded.get(node, NEVER), seen(node) or NEVER)
            if last_ms != NEVER:
                found[node] = Watched(interval_ms, last_ms)
        return found

    def _fell(self, connection: sqlite3.Connection, number: int, interval_ms: int, last_ms: int) -> bool:
        node, now_ms = nodes.by_number(connection, number), self._now_ms()
        if node is None or not interval_ms:
            return False  # changed meanwhile
        told = wording.silent(number, node.name, last_ms, interval_ms, now_ms, self._house.timezone)
        event = announce(connection, self._house, node, told, now_ms)
        alarm_events.fell_silent(connection, number, last_ms, event)
        return event is not None

    def _came_back(self, connection: sqlite3.Connection, number: int, last_ms: int) -> None:
        before_ms, node = alarm_events.silent(connection).get(number), nodes.by_number(connection, number)
        event = alarm_events.came_back(connection, number)
        if event is not None and node is not None and before_ms is not None:
            over = wording.online(number, node.name, before_ms, last_ms, self._now_ms(), self._house.timezone)
            alarm_events.over(connection, event, over)
