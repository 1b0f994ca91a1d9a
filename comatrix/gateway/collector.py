"""The cyclic garbage collector, tuned for a process that holds much for long and makes little garbage in cycles."""

import gc

YOUNG = 20_000  # objects made beyond those freed, before the youngest generation is looked through (Python: 700)
MIDDLE, OLD = 20, 100


def settle() -> None:
    """Called once everything is set up: what lives now is never looked through again, and the rest seldom.

    Messages are freed by their reference counts; looking through all live objects cost 2-3 us each (make bench).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
