"""A reset at every write of the node's store, and a flash that is full at every write: nothing promised is lost."""

import gc
from collections.abc import Iterator

import pytest
from comatrix_node.store import FlashStore

from comatrix.codec import cbor
from tests.support.air_watch import NonceReusedError
from tests.support.board import Board
from tests.support.node_under_fire import COUNT, Fire


@pytest.fixture(autouse=True)
def _quick_collections() -> Iterator[None]:
    """The node collects garbage for each message: what pytest brought along need not be looked through."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


RTC = ("none", "kept", "lost")


def life(fire: Fire) -> None:
    """A first start, several reservations, a night without a link, sleep in it, and a morning."""
    fire.run(2000)
    for _ in range(12):
        fire.surviving(fire.post)
        fire.run(500)
    fire.loss = 1.0
    for _ in range(3):
        fire.surviving(fire.post)
        fire.run(400)
    fire.sleep(60_000)
    fire.surviving(fire.post)
    fire.run(1000)
    fire.sleep(60_000)
    fire.loss = 0.0
    fire.run(5000)
    fire.surviving(fire.post)
    fire.run(2000)


def undisturbed(rtc: str) -> Board:
    """The board after a life without trouble: how many changes there were, and of how many steps each."""
    fire = Fire(rtc)
    life(fire)
    fire.heal()
    fire.check()
    assert len(fire.kept) == 4 <= len(fire.acknowledged)
    assert not [name for name in fire.board.files if name.startswith("waiting")], "what is delivered is let go of"
    return fire.board


@pytest.mark.parametrize("rtc", RTC)
def test_a_reset_at_any_step_of_any_write_loses_nothing_promised_and_repeats_nothing(rtc: str) -> None:
    steps = undisturbed(rtc).steps
    assert len(steps) > 15, "the scenario writes too little to be worth anything"
    for change, count in enumerate(steps, 1):
        for step in range(count + 1):
            fire = Fire(rtc)
            fire.board.cut = change, step
            life(fire)
            fire.heal()
            fire.check()


@pytest.mark.parametrize("rtc", RTC)
@pytest.mark.parametrize("refuses", [0, 1, 2])
def test_flash_full_from_any_write_on_is_told_and_survived(
    rtc: str, refuses: int, capsys: pytest.CaptureFixture[str]
) -> None:
    for change in range(1, len(undisturbed(rtc).steps) + 1):
        fire = Fire(rtc)
        fire.board.full, fire.board.refuses = change, refuses
        life(fire)
        fire.run(20_000)
        said = capsys.readouterr().out
        fire.heal()
        fire.check()
        assert said.count("flash:") <= 4, "once for each start, not for each try"
        assert fire.board.refused or not said
        assert "flash:" in said or not fire.board.refused


def test_a_board_that_goes_back_to_old_flash_would_be_seen() -> None:
    """Broken on purpose: flash as it was before two reservations, as if they had not been synced."""
    fire = Fire()
    fire.run(2000)
    old = dict(fire.board.files)
    for _ in range(12):
        fire.post()
        fire.run(500)
    fire.board.files = old
    fire.reset()
    with pytest.raises(NonceReusedError):
        fire.run(2000)


def test_a_record_kept_under_no_seq_of_its_own_would_be_seen_twice() -> None:
    """Broken on purpose: what is kept has no seqs, and after it was delivered flash has it again."""
    fire = Fire()
    fire.run(2000)
    flash = FlashStore("state", fire.board)
    for _ in range(2):
        flash.keep(cbor.encode([1, [[{COUNT: 77}, 0, None]]]))
        fire.reset()
        fire.run(5000)
    with pytest.raises(AssertionError, match="doubled"):
        fire.check()
