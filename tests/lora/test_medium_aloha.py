"""Many frames at once: pure collisions as theory has them, and what capture adds."""

import pytest
from comatrix_lora.medium import acceptance
from comatrix_lora.medium.acceptance import LOADS
from comatrix_lora.medium.collisions import CollisionModel


@pytest.mark.parametrize("load", LOADS)
def test_delivery_without_capture_follows_exp_minus_2g(load: float) -> None:
    assert abs(acceptance.pure_aloha(load, 2_000, seed=1).deviations) <= 3


@pytest.mark.slow
@pytest.mark.parametrize("load", LOADS)
def test_delivery_of_many_frames_follows_exp_minus_2g(load: float) -> None:
    assert abs(acceptance.pure_aloha(load, 40_000, seed=2).deviations) <= 3


@pytest.mark.parametrize("collisions", [CollisionModel(), CollisionModel(same_sf_db_x10=59, relocks=True)])
def test_with_capture_more_is_delivered(collisions: CollisionModel) -> None:
    load, frames = 0.5, 2_000
    plain = acceptance.pure_aloha(load, frames, seed=1)
    found = acceptance.share_delivered(load, frames, 1, collisions, spread_m=1_000.0)
    assert found > plain.expected + 3 * plain.sigma


def test_a_quiet_channel_delivers_nearly_everything() -> None:
    assert acceptance.share_delivered(0.0005, 500, seed=1) > 0.99
