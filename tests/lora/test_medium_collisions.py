"""Two frames at once: the 6 dB threshold, the lock on a preamble, other spreading factors, other frequencies."""

from dataclasses import replace

import pytest
from comatrix_lora.medium.collisions import ALOHA, CROCE_2018, CollisionModel
from comatrix_lora.medium.settings import RadioSettings

from tests.support.scripted_air import AIRTIME_US, SYMBOL_US, ScriptedAir

SF7 = RadioSettings()
LORASIM = CollisionModel(same_sf_db_x10=59, relocks=True)
LOCKED_US = 8 * SYMBOL_US  # a frame that starts then finds the radio locked on one that started at 0


def outcomes(collisions: CollisionModel | None, later_us: int, first_db: float, later_db: float) -> dict[str, str]:
    """Two frames of SF7 at these path losses, the first at 0."""
    air = ScriptedAir(collisions)
    air.send("first", 0, first_db)
    air.send("later", later_us, later_db)
    return dict(line.split(">gw ") for line in air.run())


@pytest.mark.parametrize(
    ("first_db", "later_db", "first", "later"),
    [
        (100.0, 120.0, "received", "collision"),
        (100.0, 100.0, "received", "collision"),
        (100.0, 94.1, "received", "collision"),
        (100.0, 94.0, "collision", "collision"),
        (100.0, 80.0, "collision", "collision"),
    ],
)
def test_the_locked_frame_survives_until_a_later_one_is_6_db_stronger(
    first_db: float, later_db: float, first: str, later: str
) -> None:
    assert outcomes(None, LOCKED_US, first_db, later_db) == {"first": first, "later": later}


@pytest.mark.parametrize(
    ("later_us", "later"), [(0, "received"), (LOCKED_US - 1, "received"), (LOCKED_US, "collision")]
)
def test_a_frame_6_db_stronger_wins_if_it_starts_before_the_first_is_locked(later_us: int, later: str) -> None:
    assert outcomes(None, later_us, 100.0, 94.0) == {"first": "collision", "later": later}


def test_a_radio_that_locks_again_takes_the_stronger_frame_at_any_time() -> None:
    again = CollisionModel(relocks=True)
    assert outcomes(again, 30_000, 100.0, 94.0) == {"first": "collision", "later": "received"}
    assert outcomes(again, 30_000, 100.0, 94.1) == {"first": "received", "later": "collision"}


@pytest.mark.parametrize(
    ("later_db", "first", "later"),
    [
        (106.0, "received", "collision"),
        (105.9, "collision", "collision"),
        (94.1, "collision", "collision"),
        (94.0, "collision", "received"),
    ],
)
def test_the_classic_model_loses_both_within_6_db(later_db: float, first: str, later: str) -> None:
    assert outcomes(LORASIM, 30_000, 100.0, later_db) == {"first": first, "later": later}


@pytest.mark.parametrize(("spare_us", "later"), [(3 * SYMBOL_US, "received"), (3 * SYMBOL_US + 1, "collision")])
def test_a_frame_whose_first_three_symbols_alone_overlap_is_received(spare_us: int, later: str) -> None:
    found = outcomes(None, AIRTIME_US - spare_us, 100.0, 100.0)
    assert found == {"first": "received", "later": later}


def test_a_frame_below_6_db_that_nobody_locked_on_disturbs_as_any() -> None:
    air = ScriptedAir(CollisionModel(same_sf_db_x10=59))
    stranger = replace(SF7, sync_word=0x34)
    air.send("stranger", 0, 100.0, stranger)
    air.send("node", 20_000, 95.0)
    assert air.run() == ["node>gw collision"]


def test_frames_that_follow_each_other_without_a_gap_are_both_received() -> None:
    for model in (None, ALOHA, LORASIM):
        assert outcomes(model, AIRTIME_US, 100.0, 90.0) == {"first": "received", "later": "received"}


@pytest.mark.parametrize("later_us", [0, 1, AIRTIME_US - 1])
def test_without_capture_any_overlap_loses_both(later_us: int) -> None:
    assert outcomes(ALOHA, later_us, 100.0, 50.0) == {"first": "collision", "later": "collision"}


@pytest.mark.parametrize("sf", range(7, 13))
@pytest.mark.parametrize("other_sf", range(7, 13))
def test_another_spreading_factor_destroys_below_the_measured_ratio_and_not_at_it(sf: int, other_sf: int) -> None:
    if sf == other_sf:
        return
    limit = CROCE_2018[sf - 7][other_sf - 7]
    for margin_db, told in ((0.0, "received"), (-0.1, "collision")):
        air = ScriptedAir()
        air.gateway.configure(replace(SF7, sf=sf))
        air.send("node", 0, 100.0, replace(SF7, sf=sf))
        air.send("other", 5 * SF7.symbols_us(1) << (sf - 7), 100.0 + limit + margin_db, replace(SF7, sf=other_sf))
        assert air.run() == [f"node>gw {told}"]


def test_the_matrix_is_read_by_rows() -> None:
    model = CollisionModel()
    assert (model.inter_sf_limit_db(12, 7), model.inter_sf_limit_db(7, 12)) == (-25, -9)
    assert (model.inter_sf_limit_db(8, 7), model.inter_sf_limit_db(7, 8)) == (-11, -8)


def test_spreading_factors_below_7_count_as_7() -> None:
    model = CollisionModel()
    assert (model.inter_sf_limit_db(5, 12), model.inter_sf_limit_db(12, 6), model.inter_sf_limit_db(5, 6)) == (
        -9,
        -25,
        -8,
    )


def test_other_spreading_factors_do_not_meet_without_capture() -> None:
    air = ScriptedAir(ALOHA)
    air.send("node", 0, 130.0)
    air.send("other", 0, 50.0, replace(SF7, sf=12))
    assert air.run() == ["node>gw received"]


def test_frames_on_other_frequencies_do_not_meet() -> None:
    air = ScriptedAir()
    air.send("node", 0, 130.0)
    air.send("other", 0, 20.0, replace(SF7, frequency_hz=868_300_000))
    assert air.run() == ["node>gw received"]


def test_two_places_may_differ_about_the_same_two_frames() -> None:
    air = ScriptedAir(LORASIM)
    air.listener("far", loss_db=200.0)
    air.send("left", 0, 90.0)
    air.send("right", 20_000, 110.0)
    assert sorted(air.run()) == [
        "left>far collision",
        "left>gw received",
        "right>far received",
        "right>gw collision",
    ]


def test_what_a_callback_sends_as_a_frame_ends_does_not_disturb_another_that_ends_then() -> None:
    air = ScriptedAir()
    air.listener("far", loss_db=200.0)
    loud = air.medium.radio("loud", (199.0,))
    air.send("left", 0, 90.0).on_done = lambda: loud.transmit(b"")
    air.send("right", 0, 110.0)
    assert "right>far received" in air.run()
