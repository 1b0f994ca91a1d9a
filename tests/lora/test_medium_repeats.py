"""Same seed, same transcript; another seed, another. A run in steps is the run at once."""

import io
from functools import partial

from comatrix_lora.medium import acceptance
from comatrix_lora.medium.loss import LossSettings
from comatrix_lora.medium.medium import Medium
from comatrix_lora.medium.propagation import FlatLoss
from comatrix_lora.medium.radio import Radio, State
from comatrix_lora.medium.transcript import Transcript

from tests.support.scripted_air import AIRTIME_US

DIGEST = "b9469eb5865d86318fb2d40156de647f8394953ec4364fbcdc53efbf76bd26c0"


def test_a_line_tells_all_of_a_reception() -> None:
    file = io.StringIO()
    medium = Medium(1, FlatLoss())
    medium.observe(Transcript(file))
    medium.radio("gw", (0.0,)).listen()
    medium.radio("node", (1.0,)).transmit(b"\x01\x02")
    medium.run()
    assert file.getvalue() == "30976 0-30976 node>gw 868100000/125000/SF7 -860 310 received: 0102\n"


def test_a_day_is_the_same_for_the_same_seed_and_another_for_another() -> None:
    one, again, other = (acceptance.day(seed, nodes=30, readings=24) for seed in (1, 1, 2))
    assert one == again
    assert one.digest != other.digest
    assert one.sent == 30 * 24


def test_the_day_of_one_seed_stays_what_it_was() -> None:
    """Whatever changes this changes every simulation made before: say so in the change log."""
    assert acceptance.day(1, nodes=30, readings=24).digest == DIGEST


def send_if_free(radio: Radio) -> None:
    if radio.state is not State.TRANSMITTING:
        radio.transmit(radio.name.encode())


def chatter(seed: int, steps: bool) -> str:
    """Five radios that hear each other, wait by chance, and send."""
    medium = Medium(seed, FlatLoss(), loss=LossSettings(bursts=0.3))
    transcript = Transcript()
    medium.observe(transcript)
    for number in range(5):
        radio = medium.radio(f"node{number}", (0.0,))
        radio.listen()
        for turn in range(20):
            medium.at((number * 37 + turn * 211) * AIRTIME_US // 100, partial(send_if_free, radio))

    if not steps:
        medium.run()
    while (us := medium.next_event_us()) is not None:
        medium.run_until(us)
    return transcript.digest


def test_a_real_time_driver_gets_what_a_run_to_the_end_gets() -> None:
    assert chatter(1, steps=True) == chatter(1, steps=False)


def test_another_seed_loses_other_frames_where_nothing_else_is_left_to_chance() -> None:
    assert chatter(1, steps=False) != chatter(2, steps=False)
