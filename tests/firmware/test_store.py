"""What a node must not forget survives a reset at any byte of any write, and never goes back."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from comatrix_node.store import FlashStore, Slots
from comatrix_node.store_rtc import RtcStore

State = dict[str, Any]


def state(counter: int = 8, **changed: Any) -> State:
    return {"enrolment": 3, "counter": counter, "command": 41, "context": b"", **changed}


class PowerCut(Exception):  # noqa: N818 - an event, not an error
    """The write ended here."""


class CuttableSlots:
    """Two slots in memory whose writes stop for good after `budget` bytes, leaving the rest as `torn` says."""

    def __init__(self, torn: str) -> None:
        self.slots = [b"", b""]
        self.torn = torn
        self.budget = 1 << 30

    def read(self, i: int) -> bytes:
        return self.slots[i]

    def write(self, i: int, data: bytes) -> None:
        done = min(len(data), self.budget)
        self.budget -= done
        old = {"short": b"", "old bytes": self.slots[i][done:], "erased": b"\xff" * (len(data) - done)}[self.torn]
        self.slots[i] = data[:done] + (old if done < len(data) else b"")
        if done < len(data):
            raise PowerCut


@pytest.mark.parametrize("torn", ["short", "old bytes", "erased"])
def test_a_cut_at_every_byte_leaves_the_old_state_or_the_new(torn: str) -> None:
    outcomes = []
    for cut in range(129):
        medium = CuttableSlots(torn)
        Slots(medium.read, medium.write).save(state(8))
        medium.budget = cut
        with contextlib.suppress(PowerCut):
            Slots(medium.read, medium.write).save(state(16, command=42))
        outcomes.append(Slots(medium.read, medium.write).load())
    assert all(outcome in (state(8), state(16, command=42)) for outcome in outcomes)
    assert outcomes[0] == state(8)
    assert outcomes[-1] == state(16, command=42)


def test_cut_after_cut_never_loses_both_slots_and_never_goes_back() -> None:
    medium = CuttableSlots("short")
    Slots(medium.read, medium.write).save(state(0))
    safe = 0  # the highest counter whose save returned
    for round_number in range(1, 400):
        medium.budget = (round_number * 53) % 150
        slots = Slots(medium.read, medium.write)
        loaded = slots.load()
        assert loaded is not None
        assert loaded["counter"] >= safe
        try:
            slots.save(state(round_number))
            safe = round_number
        except PowerCut:
            pass
        medium.budget = 1 << 30


def test_a_failed_save_can_be_tried_again_and_a_cut_then_is_harmless() -> None:
    for first in range(129):
        for second in (0, 1, 63, 64, 65, 127):
            medium = CuttableSlots("short")
            slots = Slots(medium.read, medium.write)
            slots.save(state(0))
            for budget, counter in ((first, 8), (second, 16)):
                medium.budget = budget
                with contextlib.suppress(PowerCut):
                    slots.save(state(counter))
            assert Slots(medium.read, medium.write).load() in (state(0), state(8), state(16))


@pytest.mark.parametrize("slot", [0, 1])
def test_damage_to_one_slot_after_a_save_does_not_take_the_counter_back(slot: int) -> None:
    medium = CuttableSlots("short")
    slots = Slots(medium.read, medium.write)
    for counter in (8, 16, 24):
        slots.save(state(counter))
    for byte in range(64):
        whole = medium.slots[slot]
        medium.slots[slot] = whole[:byte] + bytes([whole[byte] ^ 0x10]) + whole[byte + 1 :]
        assert Slots(medium.read, medium.write).load() == state(24)
        medium.slots[slot] = whole


@pytest.mark.parametrize("junk", [b"", bytes(64), b"\xff" * 64, b"x", bytes(200)])
def test_two_unreadable_slots_are_told_as_none(junk: bytes) -> None:
    assert Slots(lambda _i: junk, lambda _i, _data: None).load() is None


@pytest.mark.parametrize(
    "changed", [{"command": 65536}, {"counter": -1}, {"context": bytes(41)}, {"enrolment": 1 << 32}]
)
def test_what_does_not_fit_is_refused_before_it_is_written(on_device: Callable[[str], str], changed: State) -> None:
    script = f"""
from comatrix_node.store import Slots
written = []
try:
    Slots(lambda i: b"", lambda i, data: written.append(data)).save({state(**changed)!r})
except ValueError:
    print("refused", written)
"""
    assert on_device(script).strip() == "refused []"


def test_flash_keeps_a_state_in_two_files(tmp_path: Path) -> None:
    path = str(tmp_path / "state")
    assert FlashStore(path).load() is None
    FlashStore(path).save(state(8, context=bytes(range(16))))
    assert FlashStore(path).load() == state(8, context=bytes(range(16)))
    assert sorted(file.name for file in tmp_path.iterdir()) == ["state.0", "state.1"]


def test_a_device_reads_what_it_wrote_before_the_reset(on_device: Callable[[str], str]) -> None:
    script = """
from comatrix_node.store import FlashStore
store = FlashStore("state")
print(store.load())
for counter in (8, 16, 24):
    store.save({"enrolment": 3, "counter": counter, "command": 1, "context": b"0123456789abcdef"})
print(FlashStore("state").load() == {"enrolment": 3, "counter": 24, "command": 1, "context": b"0123456789abcdef"})
"""
    assert on_device(script).split() == ["None", "True"]


class Rtc:
    """`machine.RTC()` of an ESP32. A memory cut short is what a reset in the middle of the copy leaves."""

    def __init__(self) -> None:
        self.content = b""
        self.cut: int | None = None
        self.writes = 0

    def memory(self, data: bytes | None = None) -> bytes:
        if data is not None:
            self.writes += 1
            if self.cut is None:
                self.content = bytes(data)
            else:
                old = self.content.ljust(len(data), b"\0")
                self.content = bytes(data[: self.cut]) + old[self.cut :]
                raise PowerCut
        return self.content


class CountedFlash(FlashStore):
    """Counts how often flash is written."""

    saves = 0

    def save(self, state: State, generation: int = 0) -> None:
        self.saves += 1
        super().save(state, generation)


def test_rtc_memory_keeps_the_counter_itself_through_deep_sleep(tmp_path: Path) -> None:
    rtc, flash = Rtc(), CountedFlash(str(tmp_path / "state"))
    store = RtcStore(rtc, flash)
    store.load()
    for counter in range(1, 101):
        store.save(state(counter))
    awake = RtcStore(rtc, FlashStore(str(tmp_path / "state")))
    assert awake.load() == state(100)
    assert flash.saves == 4  # one for 32 counters


def test_without_power_flash_gives_a_counter_never_used(tmp_path: Path) -> None:
    rtc, path = Rtc(), str(tmp_path / "state")
    store = RtcStore(rtc, FlashStore(path))
    store.load()
    for counter in range(1, 51):
        store.save(state(counter))
        loaded = RtcStore(Rtc(), FlashStore(path)).load()
        assert loaded is not None
        assert counter <= loaded["counter"] < counter + 32


def test_rtc_memory_of_another_time_is_not_believed(tmp_path: Path) -> None:
    rtc, path = Rtc(), str(tmp_path / "state")
    RtcStore(rtc, FlashStore(path)).save(state(5))
    other = FlashStore(path)
    other.load()
    other.save(state(500))  # by a firmware that knows no RTC memory
    assert RtcStore(rtc, FlashStore(path)).load() == state(500)


def test_a_change_beside_the_counter_reaches_flash_at_once(tmp_path: Path) -> None:
    path = str(tmp_path / "state")
    store = RtcStore(Rtc(), FlashStore(path))
    store.save(state(5))
    store.save(state(5, command=42))
    loaded = FlashStore(path).load()
    assert loaded is not None
    assert loaded["command"] == 42


def test_a_reset_inside_a_write_to_rtc_memory_never_gives_a_used_counter(tmp_path: Path) -> None:
    for cut in range(129):
        rtc, path = Rtc(), str(tmp_path / f"state{cut}")
        store = RtcStore(rtc, FlashStore(path))
        for counter in (5, 6, 7):
            store.save(state(counter))
        rtc.cut = cut
        with pytest.raises(PowerCut):
            store.save(state(8))
        rtc.cut = None
        loaded = RtcStore(rtc, FlashStore(path)).load()
        assert loaded is not None
        assert loaded["counter"] >= 7
