"""What a gateway remembers of one node: which records came, its transfers, how it is heard, the item offered to it."""

from comatrix_lora.errors import FrameError, LoraError
from comatrix_lora.fragment_format import decode_feedback_untrusted
from comatrix_lora.fragment_receiver import Limits, Receiver
from comatrix_lora.hub_events import Heard, Record
from comatrix_lora.link_advice import STEP_DB
from comatrix_lora.offered import Offered
from comatrix_lora.open_records import SEQ
from comatrix_lora.readings import read_untrusted
from comatrix_lora.received import Counters, Received, carried_untrusted
from comatrix_lora.rules import Ack, Aged, Data, Feedback, Fragment, History, Rekey, decode_untrusted
from comatrix_lora.rules import Record as RecordRule

PERIODS = 3  # so long a reading waits for an older one
_SNRS = 8

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from comatrix_lora.fragment_format import Feedback as Held
    from comatrix_lora.schema import Schema


class Profile:
    """What the store knows of a node. `readings`, `records`: seqs of those stored (the newest 2,000 are enough);
    `posted`: the highest seq of a reading that went on, -1 for none. `schemas`: by number."""

    def __init__(
        self,
        interval_ms: int,
        schemas: "dict[int, Schema]",
        readings: "Iterable[int]" = (),
        records: "Iterable[int]" = (),
        posted: int = -1,
    ) -> None:
        self.interval_ms = interval_ms
        self.schemas = schemas
        self.readings = readings
        self.records = records
        self.posted = posted


class HubNode:
    """Made from what the store has; nothing here is needed after a restart."""

    def __init__(self, profile: Profile, limits: Limits) -> None:
        self.profile = profile
        readings, records = list(profile.readings), list(profile.records)
        self.received = Received(profile.interval_ms, PERIODS, readings, profile.posted)
        self.receiver = Receiver(limits)
        self._fragments = False  # whether any ever came: most nodes send none
        self.offered: "Offered | None" = None
        self.radio: "str | None" = None
        self.snrs: "list[int]" = []
        self.touched = 0
        self.advice = 0
        self.less_db = 0
        self._records = Counters()
        for seq in records:
            self._records.add(seq)
        # The highest counter that may be in this memory or in the store: a node that lost its own goes on above it.
        self.highest = max([-1, profile.posted] + readings + records)

    def renew(self, profile: Profile) -> None:
        """Other schemas or another interval: what came stays as it is."""
        self.profile = profile
        self.received.hold_ms = PERIODS * profile.interval_ms

    def level(self, radio: str, sf: int, snr_db: int) -> None:
        """A frame was heard. One at another spreading factor than advised shows that the advice was given up."""
        if self.advice and self.advice >> 4 != sf:
            self.advice = self.less_db = 0
            self.snrs = []
        self.radio = radio
        self.snrs = self.snrs[1 - _SNRS :] + [snr_db]

    def advised(self, advice: int) -> None:
        """It is told to send otherwise; what was heard before says no more how it will be heard."""
        self.advice = advice
        self.less_db = (advice & 15) * STEP_DB
        self.snrs = []

    def drop_transfers(self, limits: Limits) -> None:
        """There is no room: what is open comes anew."""
        self.receiver = Receiver(limits)

    def read_untrusted(self, heard: Heard, plain: bytes, airtime_ms: int, now: int) -> None:
        """Fill in what the frame says; what is wrong with it becomes its `problem`."""
        try:
            rule = decode_untrusted(plain)
            heard.rule, heard.ack_wanted = rule, rule.ack
            if isinstance(rule, (Data, History, Aged)):
                self._readings(heard, rule, airtime_ms)
            elif isinstance(rule, RecordRule):
                self._record(heard, heard.counter - rule.behind, rule.resource, rule.body)
            elif isinstance(rule, Fragment):
                self._fragment(heard, rule, plain[1:], now)
            elif isinstance(rule, Rekey) and rule.following is None:
                heard.ack_wanted = True
            elif isinstance(rule, (Ack, Feedback)) and not plain[0] & 15:
                heard.ack_wanted = False
                heard.feedback = decode_feedback_untrusted(plain[1:])
            else:
                raise FrameError("not what a node says")
        except FrameError as error:
            heard.problem, heard.ack_wanted, heard.records = str(error), False, []

    def _readings(self, heard: Heard, rule: "Data | History | Aged", airtime_ms: int) -> None:
        schema = self.profile.schemas.get(rule.schema)
        behind, ages_s = (rule.behind, rule.ages_s) if isinstance(rule, Aged) else (0, None)
        oldest, bitmap = (None, 0) if isinstance(rule, Data) else (rule.oldest, rule.bitmap)
        try:
            heard.seqs = carried_untrusted(heard.counter, behind, oldest, bitmap)
        except ValueError as error:
            raise FrameError(str(error))
        if schema is None:
            heard.describe = True
            age_ms = airtime_ms if ages_s is None else 1000 * ages_s[0]
            seqs = tuple(heard.seqs)
            heard.records = [Record(seqs[0], "r", rule.schema, None, rule.values, age_ms, seqs)]
            return
        for one in read_untrusted(heard.counter, rule, schema):
            if not self.received.has(one.seq):
                # Without ages: the newest was made just now, any other an interval earlier for each counter between.
                back_ms = (heard.counter - one.seq) * self.profile.interval_ms
                age_ms = airtime_ms + back_ms if one.age_s is None else 1000 * one.age_s
                heard.records.append(Record(one.seq, "r", rule.schema, one.values, b"", age_ms))

    def _record(self, heard: Heard, seq: int, resource: str, body: bytes) -> None:
        if not 0 <= seq <= heard.counter:
            raise FrameError("no such record")
        if seq not in self._records:
            heard.records = [Record(seq, resource, body=body)]

    def _fragment(self, heard: Heard, rule: Fragment, body: bytes, now: int) -> None:
        heard.transfer = rule.transfer
        self._fragments = True
        try:
            message = self.receiver.receive_untrusted(body, now)
        except FrameError:
            raise
        except LoraError:
            return  # no room: the feedback says so
        if message is not None:
            if len(message) <= SEQ:
                raise FrameError("a transfer without a record")
            self._record(heard, int.from_bytes(message[:SEQ], "big"), rule.resource, message[SEQ:])

    def commit(self, heard: Heard, now: int) -> None:
        """What was heard is on disk."""
        if isinstance(heard.rule, Rekey):
            self.highest = max(self.highest, heard.above)
            return  # of a node that lost its counter this is a low one: not one of its records
        self.highest = max(self.highest, heard.counter)
        if heard.seqs:
            by_seq = {}
            for record in heard.records:
                for seq in record.seqs:
                    by_seq[seq] = record
            self.received.receive(heard.counter, heard.seqs, [by_seq.get(seq) for seq in heard.seqs], now)
            return
        self.received.heard(heard.counter)
        for record in heard.records:
            self._records.add(record.seq)

    def failed(self, heard: Heard) -> None:
        """It could not be stored: a transfer it completed has to come again."""
        if heard.transfer >= 0 and heard.records:
            self.receiver.forget(heard.transfer)

    def ack(self, heard: Heard) -> "tuple[int, int]":
        """(base, bitmap) for a frame of readings or a whole record."""
        return self.received.ack(heard.counter, heard.seqs or [heard.counter])

    def feedback(self, heard: Heard) -> "Held | None":
        """What to answer a fragment that asked; None: nothing, its sender goes on anyway."""
        return self.receiver.answer(heard.transfer)

    def next_deadline(self) -> "int | None":
        """When it has something to do, but for the item offered."""
        due = self.received.next_deadline()
        idle = self.receiver.next_deadline() if self._fragments else None
        return idle if due is None else due if idle is None else min(due, idle)

    def at_rest(self, now: int) -> bool:
        """Drops transfers that are idle -> whether there is nothing to do before something is heard or offered."""
        if self._fragments:
            self.receiver.handle_timer(now)
        return self.offered is None and self.next_deadline() is None
