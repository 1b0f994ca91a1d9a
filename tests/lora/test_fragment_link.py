"""Whole transfers over a link that loses in both directions: all delivered, near the erasure limit."""

import random
import time
from pathlib import Path

import pytest
from comatrix_lora.fragment_format import decode_feedback_untrusted, encode_feedback, encode_fragment
from comatrix_lora.fragment_receiver import Receiver
from comatrix_lora.fragment_sender import DONE, SENDING, Sender

from tests.lora import fragment_simulation
from tests.lora.fragment_figures import LIMITS, Figures, broken, figures
from tests.lora.fragment_simulation import Channel, Generator, Tally
from tests.support.micropython import ROOT, run_script

PROMISED = [(loss, burst, *most) for (_, loss, burst), most in LIMITS.items()]
SCRIPT = (ROOT / "tests" / "lora" / "fragment_simulation.py").read_text()


@pytest.mark.parametrize(("loss", "burst", "up", "both"), PROMISED)
def test_ten_fragments_all_arrive_near_the_erasure_limit(loss: int, burst: int, up: float, both: float) -> None:
    found = figures(loss, burst, 200, seed=1)
    assert found.delivered == 200
    assert found.ratio_up <= up
    assert found.ratio_both <= both


@pytest.mark.slow
@pytest.mark.parametrize(("loss", "burst", "up", "both"), PROMISED)
def test_two_thousand_messages_all_arrive_near_the_erasure_limit(loss: int, burst: int, up: float, both: float) -> None:
    for seed in (1, 2):
        found = figures(loss, burst, 2000, seed)
        assert found.delivered == 2000
        assert found.ratio_up <= up
        assert found.ratio_both <= both


def test_a_figure_above_its_limit_or_a_lost_message_would_be_told() -> None:
    found = Figures(20, 10.0, 1.0, 1.1, 1.2)
    assert broken(found, 20, (1.1, 1.2)) == []
    assert broken(found, 21, (1.09, 1.19)) == [
        "1 did not arrive",
        "up 1.100, limit 1.09",
        "with feedback 1.200, limit 1.19",
    ]


def test_without_loss_nothing_is_added() -> None:
    found = figures(0, 1, 20)
    assert (found.delivered, found.fragments, found.feedbacks) == (20, 10, 1)


@pytest.mark.parametrize(("loss", "burst"), [(30, 1), (30, 4), (50, 1), (50, 4)])
def test_the_channel_loses_what_it_says_in_bursts_as_long_as_it_says(loss: int, burst: int) -> None:
    channel = Channel(loss, burst, Generator(9))
    lost = [channel.loses() for _ in range(20000)]
    bursts = sum(now and not before for before, now in zip([False, *lost], lost, strict=False))
    assert abs(sum(lost) / 20000 - loss / 100) < 0.025
    # One frame is lost by itself with burst 1, so that losses follow each other by chance.
    assert abs(sum(lost) / bursts - (burst if burst > 1 else 100 / (100 - loss))) < 0.25


def test_a_file_of_64_kib_arrives_at_30_percent_loss_within_seconds() -> None:
    message = random.Random(1).randbytes(65536)
    rng = Generator(1)
    tally, began = Tally(), time.process_time()
    sender = Sender(1, message, 32)
    up, down = Channel(30, 4, rng), Channel(30, 4, rng)
    assert fragment_simulation.transfer(sender, Receiver(), up, down, tally) == [message]
    assert time.process_time() - began < 5
    assert tally.fragments < 1.1 * sender.layout.fragments / 0.7


def test_late_and_repeated_feedback_costs_little_and_harms_nothing() -> None:
    """Every feedback comes twice, the second time ten fragments later."""
    rng, message = random.Random(3), random.Random(2).randbytes(5000)
    sender, receiver, messages, late = Sender(1, message, 32), Receiver(), [], []
    for count in range(1000):
        fragment = sender.next_fragment()
        if sender.state != SENDING:
            break
        if fragment is None:
            sender.retry()
            continue
        for _ in range(rng.choice((0, 1, 1, 2))):
            messages.append(receiver.receive_untrusted(encode_fragment(fragment), count))
        told = receiver.answer(1) if sender.wants_feedback else None
        if told:
            sender.receive_feedback(told)
            late.append((count + 10, encode_feedback(told)))
        for _, body in [entry for entry in late if entry[0] == count]:
            sender.receive_feedback(decode_feedback_untrusted(body))
    assert sender.state == DONE
    assert [message for message in messages if message] == [message]
    assert count < 1.15 * sender.layout.fragments / 0.75


@pytest.mark.parametrize(("loss", "burst"), [(0, 1), (30, 1), (50, 4)])
def test_micropython_sends_the_very_same_bytes(tmp_path: Path, loss: int, burst: int) -> None:
    arguments = tuple(map(str, (loss, burst, 20, 1)))
    printed = run_script(SCRIPT, tmp_path, heap="2m", arguments=arguments).splitlines()
    assert printed == fragment_simulation.report(loss, burst, 20, 1)
