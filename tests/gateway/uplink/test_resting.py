"""A silent node's association is a few bytes, and goes on exactly where it was."""

import gc
import tracemalloc
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from comatrix.gateway.aead import aead
from comatrix.gateway.model import Node, SecurityContext
from comatrix.gateway.uplink.associations import COUNTER_STEP, Associations
from comatrix.gateway.uplink.resting import Resting, pack
from comatrix.session.counter import Counter
from comatrix.session.keys import node_id
from comatrix.session.replay import Window

MOST_BYTES = 300
COUNT = 2_000


def known(*contexts: SecurityContext) -> Associations:
    associations = Associations(aead, Random(1).randrange, frozenset())
    associations.load(Node(7, "garden", 1, 1), contexts)
    return associations


def stored(key: int = 3, highest: int = -1, mask: int = 0) -> SecurityContext:
    return SecurityContext(key, 7, "u", 1, bytes(range(16)), highest=highest, mask=mask)


@given(
    st.integers(1, 65535),
    st.integers(0, 1 << 31),
    st.integers(-1, (1 << 40) - 1),
    st.integers(0, 0xFFFFFFFF),
    st.integers(0, 1 << 40),
    st.booleans(),
    st.binary(min_size=16, max_size=32),
    st.binary(max_size=16),
)
def test_nothing_is_lost_by_resting(
    node: int, key: int, highest: int, mask: int, limit: int, missing: bool, secret: bytes, extra: bytes
) -> None:
    counter = Counter(limit, COUNTER_STEP)
    counter.next = limit // 2
    packed = pack(node, key, Window(highest, mask), counter, missing=missing, secret=secret, extra=extra)
    woken = Resting(packed, COUNTER_STEP)
    assert (woken.node, woken.key, woken.missing, woken.secret, woken.extra) == (node, key, missing, secret, extra)
    assert (woken.window.highest, woken.window.mask) == (highest, mask)
    assert (woken.counter.next, woken.counter.limit, woken.counter.step) == (limit // 2, limit, COUNTER_STEP)


def test_a_node_that_rested_goes_on_with_its_window_and_counter() -> None:
    associations = known(stored(highest=40, mask=1))
    (peer,) = associations.find(node_id(7), None)
    assert peer.window is not None
    assert peer.counter is not None
    peer.window.accept(41)
    peer.counter.granted(peer.counter.wanted())
    taken = peer.counter.take()
    sender = peer.context.sender_base if peer.context else None
    del peer
    associations.rest()  # it spoke since the start
    associations.rest()
    (woken,) = associations.find(node_id(7), None)
    assert woken.window is not None
    assert woken.counter is not None
    assert woken.context is not None
    assert woken.context.sender_base == sender
    assert not woken.window.fresh(41)
    assert woken.counter.take() == taken + 1


def test_an_answer_on_its_way_under_a_resting_node_shares_the_counter_of_the_woken_one() -> None:
    associations = known(stored())
    (answering,) = associations.find(node_id(7), None)
    associations.rest()
    associations.rest()
    (woken,) = associations.find(node_id(7), None)
    assert woken is answering


def test_a_node_that_speaks_keeps_its_keys() -> None:
    associations = known(stored())
    associations.rest()
    for _ in range(3):
        (peer,) = associations.find(node_id(7), None)
        context = peer.context
        associations.rest()
        assert associations.find(node_id(7), None)[0].context is context


def test_a_rotated_node_rests_with_both_its_contexts() -> None:
    associations = known(stored(4), stored(3))
    assert [peer.key for peer in associations.find(node_id(7), None)] == [4, 3]
    associations.rest()
    associations.rest()
    assert [peer.key for peer in associations.find(node_id(7), None)] == [4, 3]
    associations.forget(7)
    assert associations.find(node_id(7), None) == []


def test_a_window_that_cannot_be_trusted_stays_so() -> None:
    associations = known(SecurityContext(3, 7, "u", 1, bytes(16), missing=True))
    assert associations.find(node_id(7), None) == []
    assert associations.turned_away(node_id(7), (0, ("192.0.2.1", 1))) == ("old key", 7)


def test_a_stranger_leaves_nothing_behind() -> None:
    associations = known(stored())
    for number in range(1000):
        associations.find(b"\x01%d" % number, None)
    assert len(associations._spoke) == 0


def test_a_silent_node_takes_few_bytes() -> None:
    associations = Associations(aead, Random(1).randrange, frozenset())
    contexts = [SecurityContext(n, n, "u", 1, Random(n).randbytes(16)) for n in range(1, COUNT + 1)]
    nodes = [Node(n, f"node{n}", 1, 1) for n in range(1, COUNT + 1)]
    tracemalloc.start()
    try:
        for node, context in zip(nodes, contexts, strict=True):
            associations.load(node, [context])
        gc.collect()
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken / COUNT < MOST_BYTES
