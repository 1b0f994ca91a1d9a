"""A node's readings until they are confirmed: those without a seq yet, and the history of each schema.

A reading takes its seq when the frame that carries it first is made. Readings that waited for airtime all take one
then, and ride as older ones, so that a backlog costs few frames. Store `Station.kept` before such a frame is sent.
"""

from comatrix_lora.errors import LoraError
from comatrix_lora.history import FARTHEST, History
from comatrix_lora.ledger import ALARM, READING
from comatrix_lora.readings import rule_of, size_in

_LONG = 4  # bytes more in the long header
_APART = 8  # a repetition is put off by up to that part of an interval
_LEAST = 26  # bytes of a small frame with a long header

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from comatrix_lora.mac import Mac
    from comatrix_lora.schema import Given, Schema, Values

    Offer = tuple[int, int, int, Any]  # priority, when it is due, least bytes, what to make a frame of


class _Waiting:
    """A reading without a seq."""

    def __init__(self, number: int, values: "Values", at_ms: int, priority: int, due: int) -> None:
        self.number = number
        self.values = values
        self.at_ms = at_ms
        self.priority = priority
        self.due = due


class _Alarm:
    """An alarm that left and is not confirmed."""

    def __init__(self, number: int, seq: int, due: int) -> None:
        self.number = number
        self.seq = seq
        self.due = due
        self.attempts = 0


class OpenReadings:
    """`schemas`: by number. `capacity`: waiting readings, and open ones of each schema; the oldest is let go beyond."""

    def __init__(self, mac: "Mac", schemas: "dict[int, Schema]", interval_ms: int, capacity: int = 128) -> None:
        self.dropped = 0
        self._mac = mac
        self._schemas = schemas
        self._interval_ms = interval_ms
        self._capacity = capacity
        self._waiting: "list[_Waiting]" = []
        self._alarms: "list[_Alarm]" = []
        self._histories: "dict[int, History]" = {}
        self._draining: "list[int]" = []  # schemas whose last frame had no new reading
        self._repeats: "dict[int, int]" = {}  # when the open ones of a schema go without a new one
        self._asked: "tuple[int, _Alarm | None] | None" = None

    def add(self, number: int, values: "Given", at_ms: int, due: int, priority: int = READING) -> None:
        """A reading. Raises LoraError for values or a schema that cannot be sent; a full list lets its oldest go."""
        schema = self._schemas.get(number)
        if schema is None:
            raise LoraError("no such schema")
        # What the schema makes of them is what will arrive; and whatever cannot be packed is refused here.
        exact = schema.unpack_untrusted(schema.pack(values))
        if len(self._waiting) >= self._capacity:
            self._waiting = self._waiting[1:]
            self.dropped += 1
        self._waiting.append(_Waiting(number, exact, at_ms, priority, due))

    def open(self) -> "list[tuple[int, int, Values, int]]":
        """(schema, seq, values, at_ms) of what has a seq, oldest first."""
        found = []
        for number in sorted(self._histories):
            for seq, values, at_ms in self._histories[number].open():
                found.append((number, seq, values, at_ms))
        return sorted(found, key=lambda one: one[1])  # seqs differ

    def kept(self, now: int) -> "list[Any]":
        """[schema, packed values, age in ms, seq or -1, priority] of each reading."""
        alarms = [alarm.seq for alarm in self._alarms]
        rows = []
        for number, seq, values, at_ms in self.open():
            priority = ALARM if seq in alarms else READING
            rows.append([number, self._schemas[number].pack(values), now - at_ms, seq, priority])
        for one in self._waiting:
            rows.append([one.number, self._schemas[one.number].pack(one.values), now - one.at_ms, -1, one.priority])
        return rows

    def learned(self) -> "list[list[int]]":
        """[schema, loss, asks without answer] of each history, for `relearn`."""
        return [[number] + list(self._histories[number].learned()) for number in sorted(self._histories)]

    def relearn(self, rows: "list[list[int]]") -> None:
        """Go on as on the link of before."""
        for number, loss, unanswered in rows:
            if number in self._schemas:
                self._history(number).loss = loss
                self._history(number).unanswered = unanswered

    def restore(self, rows: "list[Any]", now: int) -> None:
        """What `kept` gave, its ages moved on by the time between. A row whose schema is gone counts as dropped."""
        for number, packed, age_ms, seq, priority in rows:
            schema = self._schemas.get(number)
            if schema is None or len(packed) != schema.size:
                self.dropped += 1
            elif seq < 0:
                self.add(number, schema.unpack_untrusted(packed), now - age_ms, now, priority)
            else:
                self._history(number).restore([(seq, schema.unpack_untrusted(packed), now - age_ms)])
                # By when the newest was made: a node that sleeps before it is due would begin to wait anew each time.
                due = max(now, now - age_ms + 2 * self._interval_ms)
                self._repeats[number] = max(due, self._repeats.get(number, due))
                if priority == ALARM:
                    self._alarms.append(_Alarm(number, seq, now))  # asks again at once

    @property
    def lost(self) -> int:
        """Readings let go unconfirmed."""
        return self.dropped + sum([history.dropped for history in self._histories.values()])

    def _history(self, number: int) -> History:
        if number not in self._histories:
            size = size_in(number, self._schemas[number])
            self._histories[number] = History(size, self._interval_ms, self._capacity)
        return self._histories[number]

    def offers(self) -> "list[Offer]":
        """What could be sent: (priority, due, least bytes, what `frame` is to be called with)."""
        found: "list[Offer]" = []
        for one in self._waiting:
            found.append((one.priority, one.due, _LEAST, one))
        for alarm in self._alarms:
            found.append((ALARM, alarm.due, _LEAST, alarm))
        for number in sorted(self._repeats):
            found.append((READING, self._repeats[number], _LEAST, number))
        return found

    def frame(self, what: "Any", counter: "Any", room: int, now: int) -> "tuple[int, Any] | None":
        """(counter, rule) of the frame for an offer, or None where nothing is to be sent any more."""
        limit = room - _LONG
        if isinstance(what, _Waiting):
            return self._first(what, counter, limit, now)
        seq = what.seq if isinstance(what, _Alarm) else None
        number = what.number if isinstance(what, _Alarm) else what
        history = self._history(number)
        taken = counter.take()
        if seq is not None and taken - seq > FARTHEST:
            seq = None  # too far behind: `repeat` lets it go, too
        chosen = history.repeat(taken, now, self._mac.cost, limit, seq)
        self._forget_alarms()
        if chosen is None:
            self._repeats.pop(number, None)
            return None
        return self._sent(number, taken, chosen, what if isinstance(what, _Alarm) else None, now)

    def _first(self, last: _Waiting, counter: "Any", limit: int, now: int) -> "tuple[int, Any] | None":
        """Give seqs up to an alarm, or to all of the schema that wait; as many as the counter has."""
        batch = [one for one in self._waiting if one.number == last.number]
        if last.priority == ALARM:
            batch = batch[: batch.index(last) + 1]
        batch = batch[: max(counter.limit - counter.next, 1)]
        history = self._history(last.number)
        alarm = None
        taken = 0
        for one in batch:
            taken = counter.take()
            history.add(taken, one.values, one.at_ms)
            if one.priority == ALARM:
                alarm = _Alarm(one.number, taken, now)
                self._alarms.append(alarm)
        self._waiting = [one for one in self._waiting if one not in batch]
        self._forget_alarms()
        chosen = history.next_frame(taken, now, self._mac.cost, limit, batch[-1].priority == ALARM)
        assert chosen is not None
        return self._sent(last.number, taken, chosen, alarm if batch[-1].priority == ALARM else None, now)

    def _sent(self, number: int, taken: int, chosen: "Any", alarm: "_Alarm | None", now: int) -> "tuple[int, Any]":
        history = self._history(number)
        self._draining = [one for one in self._draining if one != number] + ([number] if chosen.behind else [])
        # What is too far behind to ride with a new reading goes right after it, alone.
        alone = history.far(taken) and not chosen.behind
        self._repeats[number] = now + (self._mac.pause(0, _LEAST) if alone else 2 * self._interval_ms)
        self._asked = (number, alarm) if chosen.ask else None
        if alarm is not None:
            alarm.due = now + self._interval_ms
        return taken, rule_of(number, self._schemas[number], chosen)

    def silent(self, now: int) -> None:
        """What was sent last asked, and nothing came."""
        if self._asked is not None:
            number, alarm = self._asked
            if alarm is not None:
                alarm.due = now + self._mac.pause(alarm.attempts, _LEAST)
                alarm.attempts += 1
            elif not self._waiting and number in self._repeats:
                # Two nodes whose frames met would meet again each time, if both came back after the very same time.
                wait = self._interval_ms + self._mac.random(self._interval_ms // _APART + 1)
                self._repeats[number] = min(self._repeats[number], now + wait)
            self._asked = None

    def acked(self, counter: int, base: int, bitmap: int, now: int) -> "list[int]":
        """The seqs an ack of the frame `counter` confirms."""
        confirmed: "list[int]" = []
        for number in sorted(self._histories):
            history = self._histories[number]
            if history.asked(counter):
                confirmed = history.acked(counter, base, bitmap)
                self._repeats.pop(number, None)
                if history.records:
                    soon = number in self._draining and bool(confirmed)
                    self._repeats[number] = now + (self._mac.pause(0, _LEAST) if soon else 2 * self._interval_ms)
        self._forget_alarms()
        return confirmed

    def _forget_alarms(self) -> None:
        if self._alarms:
            still = [one[1] for one in self.open()]
            self._alarms = [alarm for alarm in self._alarms if alarm.seq in still]
