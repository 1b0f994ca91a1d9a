"""Readings over sealed frames: what history chose arrives as it was, as long as it was said to be, once each."""

import pytest
from comatrix_lora.airtime import airtime_us
from comatrix_lora.errors import FrameError
from comatrix_lora.history import Chosen, History
from comatrix_lora.readings import read_untrusted, rule_of, size_in
from comatrix_lora.received import Received
from comatrix_lora.rules import Ack, Aged, Data, decode_untrusted
from comatrix_lora.rules import History as HistoryRule
from comatrix_lora.schema import Field, Schema, climate

from tests.lora.frame_sides import Sides
from tests.lora.history_simulation import Generator, Loss, Weather

PERIOD_MS = 600_000
LIMIT = 51
DOOR = Schema([Field(9, 0, 1)])


class Link:
    """One node and one gateway; every frame is sealed, and opened where it is not lost."""

    def __init__(self, percent: int, burst: int, seed: int, number: int = 0, schema: Schema | None = None) -> None:
        random = Generator(seed)
        self.up, self.down = Loss(random, percent, burst), Loss(random, percent, burst)
        self.weather = Weather(random)
        self.number, self.schema = number, schema or climate()
        self.sides = Sides()
        self.size = size_in(number, self.schema)
        self.history = History(self.size, PERIOD_MS)
        self.received = Received(PERIOD_MS)
        self.made: dict[int, dict[int, int]] = {}
        self.stored: dict[int, object] = {}
        self.posted: list[int] = []
        self.frames: list[int] = []
        self.kinds: set[str] = set()
        self.counter = self.now = 0

    def reading(self, later_ms: int = 0) -> None:
        """A period passes, and a reading is made."""
        self._pass(later_ms)
        temperature, humidity = self.weather()
        values = {0: temperature, 1: humidity} if len(self.schema.fields) == 2 else {9: humidity & 1}
        self.made[self.counter] = values
        self.history.add(self.counter, values, self.now)
        self._send(self.history.next_frame(self.counter, self.now, self._cost, LIMIT))

    def drain(self) -> None:
        """A period passes without one."""
        self._pass(0)
        self._send(self.history.repeat(self.counter, self.now, self._cost, LIMIT))

    def _pass(self, later_ms: int) -> None:
        self.counter += 1
        self.now += PERIOD_MS + later_ms

    def _cost(self, size: int) -> int:
        return airtime_us(size, 10)

    def _send(self, chosen: Chosen | None) -> None:
        if chosen is None:
            return
        frame = self.sides.node.seal_request(self.counter, rule_of(self.number, self.schema, chosen).encode())
        short = len(frame) - (4 if frame[0] & 4 else 0)
        assert short == self.size(chosen.values, chosen.ages_s is not None)
        self.frames.append(short)
        if not self.up():
            self._arrives(frame, chosen)

    def _arrives(self, frame: bytes, sent: Chosen) -> None:
        opened = self.sides.up(frame)
        assert opened.counter is not None
        rule = decode_untrusted(opened.plain)
        assert isinstance(rule, Data | HistoryRule | Aged)
        self.kinds.add(type(rule).__name__)
        found = read_untrusted(opened.counter, rule, self.schema)
        assert [one.seq for one in found] == sent.seqs
        assert [one.values for one in found] == sent.values
        ages_s: list[int | None] = [None] * len(found) if sent.ages_s is None else [*sent.ages_s]
        assert [one.age_s for one in found] == ages_s
        for index in self.received.receive(opened.counter, sent.seqs, found, self.now):
            assert found[index].seq not in self.stored
            self.stored[found[index].seq] = found[index].values
        self.posted += [seq for seq, _, _ in self.received.deliverable(self.now)]
        if rule.ack:
            base, bitmap = self.received.ack(opened.counter, sent.seqs)
            answer = self.sides.gateway.seal_response(opened.counter, Ack(base, bitmap).encode())
            if not self.down():
                self._acknowledged(answer)

    def _acknowledged(self, frame: bytes) -> None:
        opened = self.sides.down(frame)
        ack = decode_untrusted(opened.plain)
        assert isinstance(ack, Ack)
        assert opened.request is not None
        for seq in self.history.acked(opened.request, ack.base, ack.bitmap):
            assert seq in self.stored, "confirmed, and not stored"


@pytest.mark.parametrize(
    ("number", "schema"), [(0, climate()), (20, climate()), (3, DOOR)], ids=["climate", "20", "door"]
)
@pytest.mark.parametrize(("percent", "burst"), [(0, 0), (30, 0), (30, 4), (50, 0), (50, 4)])
def test_each_reading_is_stored_once_as_it_was_made(percent: int, burst: int, number: int, schema: Schema) -> None:
    link = Link(percent, burst, seed=5, number=number, schema=schema)
    for _ in range(250):
        link.reading()
    for _ in range(100):
        link.drain()
    assert link.history.records == []
    assert link.stored == link.made
    assert sorted(link.posted) == sorted(link.made)
    assert link.kinds == {"Data", "History", "Aged"}


def test_readings_off_their_grid_say_their_age_and_others_do_not() -> None:
    link = Link(0, 0, seed=1)
    for _ in range(10):
        link.reading()
    assert link.kinds == {"Data", "History"}
    link.reading(later_ms=200_000)
    assert "Aged" in link.kinds
    link.drain()
    assert link.stored == link.made


def test_a_lone_reading_takes_15_bytes_and_one_that_is_late_19() -> None:
    values = {0: 2137, 1: 452}
    size = size_in(0, climate())
    assert [size([values], False), size([values], True), size([values, values], False)] == [15, 19, 19]
    assert size([values, values, values], True) == 21 + 4 * 2


@pytest.mark.parametrize(
    "rule",
    [
        HistoryRule(0, 250, 0b1, climate().pack({0: 1, 1: 2}) + bytes(2)),  # names three
        HistoryRule(0, 250, 0, climate().pack({0: 1, 1: 2})),  # names two
        HistoryRule(0, 4, 0, climate().pack({0: 1, 1: 2}) + bytes(2)),  # older, and newer than the frame
        Aged(0, 300, [5], climate().pack({0: 1, 1: 2})),  # before the first counter
        Data(0, climate().pack({0: 1, 1: 2}) + bytes(2)),
        Data(0, b"\x00"),
    ],
)
def test_a_frame_that_names_other_readings_than_it_carries_is_dropped(rule: Data | HistoryRule | Aged) -> None:
    with pytest.raises(FrameError):
        read_untrusted(260 if rule.schema or not isinstance(rule, Aged) else 299, rule, climate())
